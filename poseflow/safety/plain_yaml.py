"""YAML of hostile files: safe, and no larger than it is written."""

from __future__ import annotations

from typing import Any

import yaml

MOST_VALUES = 100_000
"""Values of a document, those behind aliases counted each time."""


def load_yaml(
    text: str | bytes, loader: type[yaml.SafeLoader] = yaml.SafeLoader
) -> Any:
    """The content of a YAML document of plain values.

    Raises:
        ValueError: If it is no YAML, a scalar is none of its kind (dates, numbers), or
            aliases make it larger than `MOST_VALUES`, or endless.
    """
    try:
        content = yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ArithmeticError, LookupError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:300]) from error
    left = [content]
    for _ in range(MOST_VALUES):
        if not left:
            return content
        value = left.pop()
        if isinstance(value, dict):
            left += [*value, *value.values()]
        elif isinstance(value, list | tuple | set):
            left += value
    raise ValueError(f"more than {MOST_VALUES} values, those behind aliases included")

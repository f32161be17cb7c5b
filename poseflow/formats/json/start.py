"""What the first bytes of a JSON file hold, for recognising its format."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, TypeGuard

# A string that the end of the text cuts off is one token: brackets in it are text.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|$)|[{}\[\],]', re.DOTALL)


@lru_cache(maxsize=2)
def start_of_json(head: bytes) -> Any:
    r"""The document as far as it goes, with everything that is open closed.

    Formats are told apart by their fields, in any order; a regular expression finds
    fields of inner objects, too.

    Args:
        head: First bytes of a file, in UTF-8.

    Returns:
        Plain objects of Python, None if it is no JSON. They are shared: do not change
        them.

    Examples:
        >>> start_of_json(b'[{"frame_id": 0, "instances": [{"keypoints": [[3.5, 4')
        [{'frame_id': 0, 'instances': [{'keypoints': [[3.5]]}]}]
    """
    text = head.decode("utf-8", "ignore")
    if text.lstrip()[:1] not in ("{", "["):
        return None
    open_brackets: list[str] = []
    end = 0
    for token in _TOKEN.finditer(text):
        kind = token[0][0]
        if kind in "{[":
            open_brackets.append("}" if kind == "{" else "]")
        elif kind in "}]":
            if not open_brackets:
                return None
            open_brackets.pop()
        if kind != '"':
            end = token.start() if kind == "," else token.end()
        if not open_brackets:
            break
    try:
        return json.loads(text[:end] + "".join(reversed(open_brackets)))
    except (ValueError, RecursionError):
        return None


def first_of(values: Any) -> Any:
    """The first item of a list that is not empty, else None."""
    return values[0] if isinstance(values, list) and values else None


def has_fields(value: Any, *fields: str) -> TypeGuard[dict[str, Any]]:
    """Whether a value is an object with these fields."""
    return isinstance(value, dict) and all(field in value for field in fields)

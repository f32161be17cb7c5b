"""YAML files with a base file, and changes from the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.input_file import read_text
from poseflow.safety.plain_yaml import load_yaml

_LARGEST_BYTES = 1 << 20


def read_values(path: str | Path, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Read the fields of a YAML file, unchecked, with changes as in `load_config`.

    A file with a field `base`, the name of another file beside it, inherits that file's
    fields; its own take precedence, also within mappings.

    Raises:
        PoseFlowError: If a file is missing or no YAML mapping, if bases form a cycle,
            or a change is no assignment.
    """
    values = _with_base(Path(path), ())
    for change in changes:
        _set(values, change)
    return values


def _with_base(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    values = _read(path)
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise PoseFlowError(f"{path}: base: expected a file's name, got {base!r}")
    beside = path.parent / base
    try:
        found = beside.is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        found = False
    if not found:
        raise PoseFlowError(f"{path}: base: there is no file {str(beside)[:200]!r}")
    if beside.resolve() in (*above, path.resolve()):
        raise PoseFlowError(f"{path}: base: {base} is based on this file itself")
    return _merged(_with_base(beside, (*above, path.resolve())), values)


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = base | own
    for key in base.keys() & own.keys():
        if isinstance(base[key], dict) and isinstance(own[key], dict):
            merged[key] = _merged(base[key], own[key])
    return merged


def _read(path: Path) -> dict[str, Any]:
    try:
        values = load_yaml(read_text(path, _LARGEST_BYTES), _Loader)
    except FormatError:
        raise
    except ValueError as error:
        raise PoseFlowError(f"{path}: not YAML: {error}") from error
    if not isinstance(values, dict):
        raise PoseFlowError(
            f"{path}: expected a mapping of fields, got {type(values).__name__}"
        )
    return values


class _Loader(yaml.SafeLoader):
    """Safe YAML that reads 1e-3 as a number, as YAML 1.2 does."""


_Loader.yaml_implicit_resolvers = {
    first: list(pairs)
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _set(values: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise PoseFlowError(f"--set {change}: expected key=value")
    try:
        value = load_yaml(text, _Loader)
    except ValueError as error:
        raise PoseFlowError(f"--set {change}: the value is not YAML") from error
    place: Any = values
    *way, last = key.split(".")
    for k, part in enumerate([*way, last]):
        final = k == len(way)
        if isinstance(place, list):
            if not part.isdigit() or int(part) >= len(place):
                raise PoseFlowError(
                    f"--set {change}: {part!r} is not a position in a list of "
                    f"{len(place)}"
                )
            if final:
                place[int(part)] = value
            else:
                place = place[int(part)]
        elif isinstance(place, dict):
            if final:
                place[part] = value
            else:
                place = place.setdefault(part, {})
        else:
            raise PoseFlowError(f"--set {change}: {part!r} is not inside a mapping")

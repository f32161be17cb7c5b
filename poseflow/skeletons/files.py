"""Skeletons of one's own: YAML or JSON files with joints, limbs, pairs and sigmas.

    name: mouse
    joints: [nose, left_ear, right_ear, tail_base]
    limbs: [[nose, tail_base], [left_ear, right_ear]]   # optional: what a drawing shows
    pairs: [[left_ear, right_ear]]                      # optional
    sigmas: [0.026, 0.035, 0.035, 0.05]                 # optional: for OKS

Without `name` the skeleton is called like the file. Other fields are refused.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from poseflow.errors import FormatError, PoseFlowError
from poseflow.skeletons import get, names
from poseflow.skeletons.skeleton import Skeleton

MAX_BYTES = 1 << 20
"""Larger files are not skeletons."""

_FIELDS = ("name", "joints", "limbs", "pairs", "sigmas", "sigmas_source")


def find_skeleton(name_or_file: str | os.PathLike[str] | Skeleton) -> Skeleton:
    """The registered skeleton of that name, or the one in that file.

    Raises:
        PoseFlowError: If there is neither.

    Examples:
        >>> find_skeleton("coco17")
        <Skeleton 'coco17', 17 joints>
    """
    if isinstance(name_or_file, Skeleton):
        return name_or_file
    text = os.fspath(name_or_file)
    if text in names():
        return get(text)
    if Path(text).suffix.lower() in (".yaml", ".yml", ".json") or os.sep in text:
        return read_skeleton(text)
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):
        is_file = False
    if is_file:
        return read_skeleton(text)
    raise PoseFlowError(
        f"unknown skeleton {text!r}; expected a YAML or JSON file, or one of "
        f"{', '.join(names())}"
    )


def read_skeleton(path: str | os.PathLike[str]) -> Skeleton:
    """The skeleton in a YAML or JSON file.

    Raises:
        FormatError: If it cannot be read, or a field is not as expected.

    Examples:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "fish.yaml"
        >>> _ = file.write_text("joints: [mouth, fin, tail]")
        >>> read_skeleton(file)
        <Skeleton 'fish', 3 joints>
    """
    where = os.fspath(path)
    document = _document(path)
    if not isinstance(document, dict):
        raise FormatError(
            f"{where}: expected a skeleton with the fields joints, limbs, pairs and "
            f"sigmas, found {type(document).__name__}"
        )
    unknown = [str(key) for key in document if key not in _FIELDS]
    if unknown:
        raise FormatError(
            f"{where}: unknown field {', '.join(unknown)[:80]}; a skeleton has "
            f"{', '.join(_FIELDS)}"
        )
    fields = {name: value for name, value in document.items() if value is not None}
    try:
        return Skeleton(
            name=_text(fields.get("name", Path(where).stem), "name"),
            joints=tuple(
                _text(joint, f"joints[{k}]")
                for k, joint in enumerate(_items(fields.get("joints"), "joints"))
            ),
            limbs=_pairs(fields.get("limbs", []), "limbs"),
            pairs=_pairs(fields.get("pairs", []), "pairs"),
            sigmas=tuple(
                _sigma(value, f"sigmas[{k}]")
                for k, value in enumerate(_items(fields.get("sigmas", []), "sigmas"))
            ),
            sigmas_source=_text(
                fields.get("sigmas_source", where if "sigmas" in fields else "default"),
                "sigmas_source",
            ),
        )
    except PoseFlowError as error:
        raise FormatError(f"{where}: {error}") from error


def _document(path: str | os.PathLike[str]) -> Any:
    from poseflow.safety.plain_yaml import load_yaml

    where = os.fspath(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FormatError(f"cannot read {where}: {reason}") from error
    except ValueError as error:  # a NUL in the name
        raise FormatError(f"cannot read {where!r}: {error}") from error
    if len(data) > MAX_BYTES:
        raise FormatError(
            f"{where}: expected a skeleton, found more than {MAX_BYTES} bytes"
        )
    try:
        try:
            return json.loads(data)
        except ValueError:  # JSON is YAML, but for tabs
            return load_yaml(data)
    except (ValueError, RecursionError) as error:
        text = " ".join(str(error).split())[:200]
        raise FormatError(f"{where}: expected YAML or JSON ({text})") from error


def _items(value: Any, field: str) -> list[Any]:
    if not isinstance(value, list):
        found = "nothing" if value is None else repr(value)[:40]
        raise PoseFlowError(f"{field}: expected a list, found {found}")
    return value


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str) or not value:
        raise PoseFlowError(
            f"{field}: expected a name, found {str(value)[:40]!r}; put it in quotes if "
            "it is one"
        )
    return value


def _pairs(value: Any, field: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for k, pair in enumerate(_items(value, field)):
        if not isinstance(pair, list) or len(pair) != 2:
            raise PoseFlowError(
                f"{field}[{k}]: expected two names of joints, found {str(pair)[:40]!r}"
            )
        pairs.append((_text(pair[0], f"{field}[{k}]"), _text(pair[1], f"{field}[{k}]")))
    return tuple(pairs)


def _sigma(value: Any, field: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise PoseFlowError(
            f"{field}: expected a number above 0, found {str(value)[:40]!r}"
        )
    return float(value)

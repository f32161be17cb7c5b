"""Settings of a tracker as text, `name=value`, as the command line takes them."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any

from poseflow.errors import PoseFlowError
from poseflow.tracker.tracker import TRACKERS, options_type

WORDS = {"true": True, "false": False, "yes": True, "no": False, "none": None}
"""Values that are no numbers, in lower case."""


def parse_settings(tracker: str, settings: Iterable[str]) -> dict[str, Any]:
    """Options of a tracker from texts such as `max_age_frames=60`.

    Values are read by the type of the option; the options' ranges are checked when the
    tracker is made. Those of trackers of other packages are numbers, true, false, none
    or text.

    Args:
        tracker: Name of the tracker.
        settings: `name=value` each; the last one of a name counts.

    Raises:
        PoseFlowError: If a text is no setting, the tracker has no such option, or its
            value is of another type.

    Examples:
        >>> parse_settings("default", ["max_tracks=4", "appearance=no"])
        {'max_tracks': 4, 'appearance': False}
        >>> parse_settings("default", ["max_tracks=few"])
        Traceback (most recent call last):
        ...
        poseflow.errors.PoseFlowError: max_tracks: expected a whole number or none, \
found 'few'
    """
    TRACKERS[tracker]  # an unknown name is an error
    kinds = _kinds(tracker)
    parsed = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name, text = name.strip().replace("-", "_"), text.strip()
        if not equals or not name:
            raise PoseFlowError(
                f"expected NAME=VALUE, such as max_age_frames=60, found {setting!r}"
            )
        if kinds is not None and name not in kinds:
            raise PoseFlowError(
                f"tracker {tracker!r} has no option {name}; it has {', '.join(kinds)}"
            )
        parsed[name] = _value(name, text, None if kinds is None else kinds[name])
    return parsed


def _kinds(tracker: str) -> dict[str, tuple[Any, ...]] | None:
    """Types of the options that can be written as text; None where not known."""
    options = options_type(tracker)
    if options is None:
        return None
    hints = typing.get_type_hints(options)
    kinds = {}
    for field in dataclasses.fields(options):
        hint = hints[field.name]
        union = typing.get_origin(hint) in (typing.Union, types.UnionType)
        found = typing.get_args(hint) if union else (hint,)
        plain = tuple(k for k in found if k in (int, float, bool, str, type(None)))
        if set(plain) - {type(None)}:
            kinds[field.name] = plain
    return kinds


def _value(name: str, text: str, kinds: tuple[Any, ...] | None) -> Any:
    """The value of a text, of one of the types."""
    values: list[Any] = [WORDS[text.lower()]] if text.lower() in WORDS else []
    for kind in (int, float):
        try:
            values.append(kind(text))
        except ValueError:
            continue
    values.append(text)
    for value in values:
        if kinds is None or type(value) in kinds:
            return value
    names = {int: "a whole number", float: "a number", bool: "true or false"}
    names |= {str: "text", type(None): "none"}
    expected = " or ".join(names[kind] for kind in kinds or ())
    raise PoseFlowError(f"{name}: expected {expected}, found {text!r}")

"""Validation of options: numbers in their range, whole numbers, flags and choices."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poseflow.errors import PoseFlowError


def require(
    name: str,
    value: Any,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    whole: bool = False,
) -> None:
    """Check a number against its range, ends included.

    Args:
        name: What the number is called, for the message.
        value: The number; booleans and NaN are refused.
        low: Smallest allowed value.
        high: Largest allowed value.
        whole: Accept integers only.

    Raises:
        PoseFlowError: With the name, the range and the value.

    Examples:
        >>> require("minimum_iou", 1.5, 0, 1)
        Traceback (most recent call last):
        ...
        poseflow.errors.PoseFlowError: minimum_iou must be a number in [0, 1], got 1.5
    """
    numbers = int | np.integer if whole else int | float | np.integer | np.floating
    number = isinstance(value, numbers) and not isinstance(value, bool)
    if number and low <= value <= high:  # NaN compares as False
        return
    if np.isfinite(high):
        bounds = f" in [{low:g}, {high:g}]" if np.isfinite(low) else f" up to {high:g}"
    else:
        bounds = f" of at least {low:g}" if np.isfinite(low) else ""
    kind = "a whole number" if whole else "a number"
    raise PoseFlowError(f"{name} must be {kind}{bounds}, got {value!r}")


def option(
    default: Any,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    choices: Sequence[str] | None = None,
) -> Any:
    """Field of an options dataclass, with the limits that `check_options` checks.

    Args:
        default: The default value.
        low: Smallest allowed number; of a tuple, for each of its numbers.
        high: Largest allowed number.
        choices: The allowed strings.

    Examples:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Options:
        ...     max_age_frames: int = option(30, low=1)
        ...
        ...     def __post_init__(self) -> None:
        ...         check_options(self)
        >>> Options(max_age_frames=0)
        Traceback (most recent call last):
        ...
        poseflow.errors.PoseFlowError: max_age_frames must be a whole number of at \
least 1, got 0
    """
    limits = {"low": low, "high": high, "choices": choices}
    return dataclasses.field(default=default, metadata=limits)


def check_options(options: Any) -> None:
    """Check every field of an options dataclass; call it in `__post_init__`.

    Annotations give the type: `int`, `float`, `bool`, `str`, a class, a tuple of
    these, or a union of them. `option` gives ranges and choices.

    Args:
        options: Instance of a dataclass. A protocol in an annotation has to be
            `runtime_checkable`.

    Raises:
        PoseFlowError: For the first wrong field: its name, what was expected and what
            came.
    """
    hints = typing.get_type_hints(type(options))
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        _check(field.name, value, hints[field.name], field.metadata)


def _check(name: str, value: Any, hint: Any, limits: Mapping[str, Any]) -> None:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    kinds = typing.get_args(hint) if union else (hint,)
    numbers = {int, float} & set(kinds)
    tuples = [kind for kind in kinds if typing.get_origin(kind) is tuple]
    classes = tuple(
        typing.get_origin(kind) or kind for kind in kinds if kind not in (int, float)
    )
    choices = limits.get("choices")
    if isinstance(value, str) and choices is not None and value not in choices:
        raise PoseFlowError(
            f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}"
        )
    if isinstance(value, tuple | list) and tuples:
        elements = typing.get_args(tuples[0])
        if elements[-1] is Ellipsis:
            elements = elements[:1] * len(value)
        if len(value) != len(elements):
            raise PoseFlowError(f"{name} must be {len(elements)} values, got {value!r}")
        for place, (element, kind) in enumerate(zip(value, elements, strict=True)):
            _check(f"{name}[{place}]", element, kind, limits)
    elif isinstance(value, classes) or (bool in kinds and isinstance(value, np.bool_)):
        return
    elif numbers:
        low, high = limits.get("low", -np.inf), limits.get("high", np.inf)
        require(name, value, low, high, whole=float not in numbers)
    else:
        expected = " or ".join(_described(kind) for kind in kinds)
        raise PoseFlowError(f"{name} must be {expected}, got {value!r}")


def _described(kind: Any) -> str:
    words = {bool: "True or False", str: "a string", types.NoneType: "None"}
    if typing.get_origin(kind) is tuple:
        return f"{len(typing.get_args(kind))} values"
    return words.get(kind, f"a {getattr(kind, '__name__', kind)}")

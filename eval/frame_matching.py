"""Which frames of two pose sequences are the same: by name, or by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from poseflow.arrays import Ints
from poseflow.errors import PoseFlowError
from poseflow.frame_names import name_tails
from poseflow.sequence import Frame, PoseSequence

SHOWN = 3
"""Frames that a sentence names."""


@dataclass(frozen=True)
class FrameMatching:
    """How the frames of a result pair up with those of the ground truth.

    Attributes:
        by: `name` (of the images, without folder and suffix) or `number`
            (`Frame.index`).
        both: Number of frames on both sides.
        truth_only: Names or numbers of frames of the ground truth alone.
        result_only: Those of the result alone.
    """

    by: Literal["name", "number"]
    both: int
    truth_only: tuple[str, ...]
    result_only: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{self.both} frames pair up by {self.by}"
        for names, side in (
            (self.truth_only, "ground truth"),
            (self.result_only, "result"),
        ):
            if names:
                more = ", ..." if len(names) > SHOWN else ""
                shown = ", ".join(names[:SHOWN]) + more
                text += f"; {len(names)} only in the {side} ({shown})"
        return text

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {
            "by": self.by,
            "both": self.both,
            "truth_only": list(self.truth_only),
            "result_only": list(self.result_only),
        }


def match_frames(
    truth: PoseSequence, result: PoseSequence
) -> tuple[tuple[Ints, Ints], FrameMatching]:
    """Numbers of the moments of both sides, and how they were found.

    Frames pair by the names of their images if more pair so than by number.

    Returns:
        The moment of each frame of `truth` and of `result`, in order of time; and the
        pairing.

    Raises:
        PoseFlowError: If a frame comes twice, or both sides have frames and none pair.
    """
    numbers = [
        frame_numbers(sequence, side)
        for sequence, side in ((truth, "truth"), (result, "result"))
    ]
    names = [_names(sequence) for sequence in (truth, result)]
    by_number = len(np.intersect1d(numbers[0], numbers[1]))
    by_name = len(set(names[0]) & set(names[1])) if all(map(_distinct, names)) else 0
    if len(truth) and len(result) and not by_number and not by_name:
        raise PoseFlowError(
            f"{truth.name!r}: no frame pairs up: the ground truth has frames "
            f"{_extent(truth)}, the result {_extent(result)}; frames pair by the "
            "names of their images or by number"
        )
    if by_name > by_number:
        return _by_name(numbers, names)
    moments = np.unique(np.concatenate(numbers), return_inverse=True)[1]
    only = [np.setdiff1d(numbers[k], numbers[1 - k]).tolist() for k in (0, 1)]
    matching = FrameMatching(
        "number", by_number, tuple(map(str, only[0])), tuple(map(str, only[1]))
    )
    return (moments[: len(truth)], moments[len(truth) :]), matching


def frame_numbers(sequence: PoseSequence, side: str) -> Ints:
    """`Frame.index` of every frame.

    Raises:
        PoseFlowError: If one comes twice.
    """
    numbers = np.array([frame.index for frame in sequence], np.int64)
    values, counts = np.unique(numbers, return_counts=True)
    if (counts > 1).any():
        raise PoseFlowError(
            f"{side} {sequence.name!r}: frame {values[counts > 1][0]} comes twice; "
            "expected every index once"
        )
    return numbers


def _by_name(
    numbers: Sequence[Ints], names: Sequence[list[str]]
) -> tuple[tuple[Ints, Ints], FrameMatching]:
    """Moments in the truth's order; frames of the result alone come after them.

    A frame that the ground truth lacks has no annotated people, so its time does not
    count but for other frames of the result alone.
    """
    place = {name: k for k, name in enumerate(_in_order(numbers[0], names[0]))}
    both = len(set(names[0]) & set(names[1]))
    lacking = [n for n in _in_order(numbers[1], names[1]) if n not in place]
    truth_only = [name for name in place if name not in set(names[1])]
    place |= {name: len(place) + k for k, name in enumerate(lacking)}
    moments = [np.array([place[n] for n in side], np.int64) for side in names]
    matching = FrameMatching("name", both, tuple(truth_only), tuple(lacking))
    return (moments[0], moments[1]), matching


def _in_order(numbers: Ints, names: list[str]) -> list[str]:
    return [names[k] for k in np.argsort(numbers, kind="stable").tolist()]


def _names(sequence: PoseSequence) -> list[str]:
    return [_stem(frame) for frame in sequence]


def _stem(frame: Frame) -> str:
    return name_tails(frame.name)[-1]


def _distinct(names: list[str]) -> bool:
    return all(names) and len(set(names)) == len(names)


def _extent(sequence: PoseSequence) -> str:
    first, last = sequence[0], sequence[len(sequence) - 1]
    names = f" ({first.name} to {last.name})" if first.name else ""
    return f"{first.index} to {last.index}{names}"

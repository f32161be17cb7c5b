"""The worst moments of a result: where most frames are lost at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Ints
from poseflow.eval.diagnosis.identity_errors import SWITCHES, WINDOW
from poseflow.eval.diagnosis.ladder import Diagnosed


@dataclass(frozen=True)
class Moment:
    """A stretch of frames in which one error goes on, or a switch between two ids.

    Attributes:
        sequence: Name of the sequence.
        first_frame: First frame of it, as the files number them.
        last_frame: Last frame of it.
        cause: One of `poseflow.eval.diagnosis.ladder.STEPS`.
        truth_ids: People concerned.
        result_ids: Ids of the result; of a switch the old one, then the new one.
        lost: Detections that it costs: those of the stretch; of a switch, the shorter
            one of the two tracks that it parts.
    """

    sequence: str
    first_frame: int
    last_frame: int
    cause: str
    truth_ids: tuple[int, ...]
    result_ids: tuple[int, ...]
    lost: int

    def __str__(self) -> str:
        people, ids = (
            ", ".join(map(str, x)) for x in (self.truth_ids, self.result_ids)
        )
        about = [f"people {people}" if people else "", f"ids {ids}" if ids else ""]
        return (
            f"{self.sequence}, frames {self.first_frame} to {self.last_frame}: "
            f"{self.cause}, {', '.join(filter(None, about))}: {self.lost} detections"
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON types."""
        return asdict(self) | {
            "truth_ids": list(self.truth_ids),
            "result_ids": list(self.result_ids),
        }


def worst_moments(
    people: Sequence[Diagnosed], threshold: float, most: int = 10
) -> tuple[Moment, ...]:
    """The moments that cost most detections, worst first."""
    found = [m for one in people for m in _moments(one, threshold)]
    found.sort(key=lambda m: (-m.lost, m.sequence, m.first_frame, m.truth_ids))
    return tuple(found[:most])


def _moments(one: Diagnosed, threshold: float) -> Iterator[Moment]:
    lines, table, matched = one.lines, one.table, one.matched
    truth_ids = table.truth_ids[lines.rows]
    weak = lines.found & (matched.similarity[lines.rows] < threshold - 1e-9)
    for cause, wrong in (("misses", ~lines.found), ("localisation", weak)):
        for start, end in _runs(wrong, lines.person):
            yield _stretch(one, cause, lines.frame, start, end, truth_ids, None)
    order = np.lexsort((table.result_frames, table.result_ids))
    ids, frames = table.result_ids[order], table.result_frames[order]
    spurious = matched.person[order] < 0
    duplicate = matched.duplicate[order]
    for cause, wrong in (
        ("duplicates", duplicate),
        ("false positives", spurious & ~duplicate),
    ):
        for start, end in _runs(wrong, ids):
            yield _stretch(one, cause, frames, start, end, None, ids)
    yield from _switches(one)
    yield from _shared(one)


def _runs(wrong: Bools, track: Ints) -> list[tuple[int, int]]:
    """First and last position of every run of wrong detections of one track."""
    new = np.ones(len(track), np.bool_)
    new[1:] = track[1:] != track[:-1]
    before = np.append(False, wrong[:-1])[: len(wrong)]
    after = np.append(wrong[1:], False)[: len(wrong)]
    ends = np.append(new[1:], True)[: len(wrong)]
    first = np.flatnonzero(wrong & (new | ~before))
    last = np.flatnonzero(wrong & (ends | ~after))
    return list(zip(first.tolist(), last.tolist(), strict=True))


def _stretch(
    one: Diagnosed,
    cause: str,
    frames: Ints,
    start: int,
    end: int,
    truth_ids: Ints | None,
    result_ids: Ints | None,
) -> Moment:
    first = one.table.first_frame
    return Moment(
        one.table.name,
        int(frames[start]) + first,
        int(frames[end]) + first,
        cause,
        () if truth_ids is None else (int(truth_ids[start]),),
        () if result_ids is None else (int(result_ids[start]),),
        end - start + 1,
    )


def _switches(one: Diagnosed) -> Iterator[Moment]:
    """Every switch; two people who exchange their ids are one moment."""
    lines, first = one.lines, one.table.first_frame
    truth_ids = one.table.truth_ids[lines.rows]
    cuts = np.flatnonzero(lines.starts | (lines.cause >= 0))
    lengths = np.diff(np.append(cuts, len(lines.rows)))
    waiting: list[Moment] = []
    for k, row in enumerate(cuts.tolist()):
        if lines.cause[row] < 0:
            continue
        moment = Moment(
            one.table.name,
            int(lines.frame[row - 1]) + first,
            int(lines.frame[row]) + first,
            SWITCHES[lines.cause[row]],
            (int(truth_ids[row]),),
            (int(lines.id[row - 1]), int(lines.id[row])),
            int(min(lengths[k - 1], lengths[k])),
        )
        for number, other in enumerate(waiting):
            if (
                other.result_ids == moment.result_ids[::-1]
                and other.cause == moment.cause == "crossing"
                and len(other.truth_ids) == 1
                and other.truth_ids != moment.truth_ids
                and abs(other.last_frame - moment.last_frame) <= WINDOW
            ):
                waiting[number] = replace(
                    other,
                    first_frame=min(other.first_frame, moment.first_frame),
                    last_frame=max(other.last_frame, moment.last_frame),
                    truth_ids=(*other.truth_ids, *moment.truth_ids),
                    lost=other.lost + moment.lost,
                )
                break
        else:
            waiting.append(moment)
    yield from waiting


def _shared(one: Diagnosed) -> Iterator[Moment]:
    """People whose first id was another person's, who had it before."""
    lines, first = one.lines, one.table.first_frame
    truth_ids = one.table.truth_ids[lines.rows]
    cuts = np.flatnonzero(lines.starts | (lines.cause >= 0))
    lengths = np.diff(np.append(cuts, len(lines.rows)))
    order = np.lexsort((lines.frame[cuts], lines.id[cuts]))
    for before, after in pairwise(order.tolist()):
        a, b = int(cuts[before]), int(cuts[after])
        taken = lines.id[a] == lines.id[b] and lines.person[a] != lines.person[b]
        if taken and lines.starts[b]:
            yield Moment(
                one.table.name,
                int(lines.frame[a + lengths[before] - 1]) + first,
                int(lines.frame[b]) + first,
                "shared ids",
                (int(truth_ids[a]), int(truth_ids[b])),
                (int(lines.id[b]),),
                int(min(lengths[before], lengths[after])),
            )

"""Errors against ground truth: switches, missed people and false positives.

The matches are those of CLEAR MOT as `poseflow.score_tracking` makes them, so that the
switches are those which it counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from poseflow.arrays import Ints
from poseflow.eval.frame_matching import match_frames
from poseflow.eval.metrics.clear import match_clear
from poseflow.eval.metrics.hota import EPS
from poseflow.eval.metrics.similarity_table import SimilarityTable
from poseflow.eval.metrics.sorting import order_of_numbers
from poseflow.eval.track_pairs import Similarity, pair_people
from poseflow.eval.tracking import check_similarity
from poseflow.events.event import Event
from poseflow.sequence import Frame, PoseSequence


@dataclass(frozen=True)
class TruthEvents:
    """Errors of a result against ground truth, each by frame.

    Attributes:
        switches: A person's match went from one id to another.
        missed: Runs of frames in which a person has no match.
        false_positives: Runs of frames in which a track has no match.
    """

    switches: tuple[Event, ...]
    missed: tuple[Event, ...]
    false_positives: tuple[Event, ...]

    def all(self) -> tuple[Event, ...]:
        """All of them, by frame."""
        events = (*self.switches, *self.missed, *self.false_positives)
        return tuple(sorted(events, key=lambda event: (event.frame, event.kind)))


def find_errors(
    truth: PoseSequence,
    result: PoseSequence,
    similarity: Similarity = "oks",
    threshold: float = 0.5,
) -> TruthEvents:
    """The errors of a result against ground truth.

    Args:
        truth: Ground truth; every person has a track id.
        result: A tracking result. Frames pair by the names of their images, or by
            index, whichever pairs more.
        similarity: `"oks"`, `"pckh"` or `"iou"`.
        threshold: Similarity that a match needs.

    Raises:
        PoseFlowError: As `poseflow.score_tracking`.
    """
    check_similarity(similarity, threshold)
    found = _Pairing.of(truth, result, similarity)
    table = found.table.keep(found.table.similarity >= threshold - EPS)
    matches = match_clear(table, 1 - table.similarity)
    cells = matches.cells
    people = found.truth_ids[table.truth.tracks[table.truth_at[cells]]]
    tracks = found.result_ids[table.result.tracks[table.result_at[cells]]]
    before = _before(people, tracks)
    moments = table.cell_moments[cells]
    switches = []
    for k in np.flatnonzero(matches.switches).tolist():
        frame = found.frames[moments[k]]
        ids, person = (int(before[k]), int(tracks[k])), int(people[k])
        switches.append(
            Event(frame.index, frame.time, "switch", ids, 1.0, person=person)
        )
    missed = [
        Event(first.index, first.time, "missed", (), 1.0, last.index, person)
        for person, first, last in _runs(found, table.truth_at[cells], True)
    ]
    false = [
        Event(first.index, first.time, "false positive", (track,), 1.0, last.index)
        for track, first, last in _runs(found, table.result_at[cells], False)
    ]
    return TruthEvents(tuple(switches), tuple(missed), tuple(false))


@dataclass(frozen=True, eq=False)
class _Pairing:
    """Pairs of people of both sides, with the numbers that the sequences have.

    Attributes:
        table: The pairs that may match.
        frames: The frame of each moment of the table, of the result if it has it.
        truth_ids: `(G,)` id of each annotated track.
        result_ids: `(P,)` id of each track of the result.
    """

    table: SimilarityTable
    frames: list[Frame]
    truth_ids: Ints
    result_ids: Ints

    @classmethod
    def of(
        cls, truth: PoseSequence, result: PoseSequence, similarity: Similarity
    ) -> _Pairing:
        sides, _ = match_frames(truth, result)
        pairs = pair_people(truth, result, sides, similarity)
        frame_of: dict[int, Frame] = {}
        for sequence, numbers in ((truth, sides[0]), (result, sides[1])):
            frame_of |= dict(zip(numbers.tolist(), sequence, strict=True))
        # The table numbers the moments with people on either side.
        shown = np.union1d(pairs.truth.moments, pairs.result.moments)
        return cls(
            pairs.people_table(similarity),
            [frame_of[moment] for moment in shown.tolist()],
            np.unique(pairs.truth.ids),
            np.unique(pairs.result.ids),
        )


def _before(people: Ints, tracks: Ints) -> Ints:
    """Each match's track at the person's match before, -1 without one."""
    order = order_of_numbers(people)
    out = np.full(len(people), -1)
    same = people[order][1:] == people[order][:-1]
    out[order[1:][same]] = tracks[order[:-1][same]]
    return out


def _runs(
    found: _Pairing, matched: Ints, of_truth: bool
) -> Iterator[tuple[int, Frame, Frame]]:
    """Runs of unmatched detections: id, first frame and last frame, in their order.

    Args:
        found: The pairs.
        matched: Rows of the side's detections that match.
        of_truth: Which side.
    """
    side = found.table.truth if of_truth else found.table.result
    ids = found.truth_ids if of_truth else found.result_ids
    free = np.ones(len(side.tracks), np.bool_)
    free[matched] = False
    order = np.lexsort((side.moments, side.tracks))
    track, moment, free = side.tracks[order], side.moments[order], free[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (track[1:] != track[:-1]) | (free[1:] != free[:-1])
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(order))[: len(starts)] - 1
    chosen = np.flatnonzero(free[starts])
    for run in chosen[np.lexsort((track[starts[chosen]], moment[starts[chosen]]))]:
        first, last = starts[run], ends[run]
        yield int(ids[track[first]]), *(found.frames[moment[k]] for k in (first, last))

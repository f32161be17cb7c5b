"""Event tables: what CLEAR MOT makes of every detection, in motmetrics' layout.

`motmetrics.MOTAccumulator.events` is the layout: index `FrameId`, `Event`; columns
`Type`, `OId` (annotated identity), `HId` (the result's), `D` (distance). motmetrics'
own metrics take the table; with its convention they give what poseflow reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.eval.diagnosis.track_table import TrackTable
from poseflow.eval.metrics.clear import Convention, match_clear
from poseflow.eval.metrics.hota import EPS

if TYPE_CHECKING:
    import pandas

TYPES = ("RAW", "FP", "MISS", "SWITCH", "MATCH", "TRANSFER", "ASCEND", "MIGRATE")
"""motmetrics' types of events, in the order of its categories."""

COLUMNS = ("Type", "OId", "HId", "D")

PLACEHOLDER_ID = -1
"""Both identities of a frame that poseval counts as one miss and one false positive."""


class _Rows:
    """Events in any order, as columns that grow."""

    def __init__(self) -> None:
        self._parts: list[tuple[Any, ...]] = []

    def add(
        self,
        rank: int,
        kind: str,
        frames: Ints,
        cells: Ints | None = None,
        truth_ids: Ints | None = None,
        result_ids: Ints | None = None,
        distances: Floats | None = None,
    ) -> None:
        """Append events of one type; what is None is NaN.

        Args:
            rank: Place among the events of a frame.
            kind: The type.
            frames: `(n,)`.
            cells: `(n,)` order among events of the same rank.
            truth_ids: `(n,)`.
            result_ids: `(n,)`.
            distances: `(n,)`.
        """
        size = len(frames)
        nothing = np.full(size, np.nan)
        self._parts.append(
            (
                frames,
                np.full(size, rank),
                np.arange(size) if cells is None else cells,
                np.full(size, TYPES.index(kind)),
                *(
                    nothing if values is None else values.astype(np.float64)
                    for values in (truth_ids, result_ids, distances)
                ),
            )
        )

    def frame(self) -> pandas.DataFrame:
        """The events in order, as a table."""
        import pandas

        columns = [np.concatenate(part) for part in zip(*self._parts, strict=True)]
        # motmetrics has ASCEND, MIGRATE, TRANSFER before the match that they go with.
        place = np.array([TYPES.index(k) for k in ("ASCEND", "MIGRATE", "TRANSFER")])
        late = np.select([columns[3] == k for k in place], range(3), 3)
        order = np.lexsort((late, columns[2], columns[1], columns[0]))
        frames, _, _, kinds, truth, result, distances = (c[order] for c in columns)
        first = np.r_[True, np.diff(frames) != 0] if len(frames) else np.zeros(0, bool)
        starts = np.flatnonzero(first)
        events = np.arange(len(frames)) - np.repeat(
            starts, np.diff(np.r_[starts, len(frames)])
        )
        index = pandas.MultiIndex.from_arrays(
            [frames, events], names=["FrameId", "Event"]
        )
        kind: Any = pandas.Categorical.from_codes(
            kinds.astype(np.int64).tolist(), categories=pandas.Index(TYPES)
        )
        values = (kind, truth, result, distances)
        return pandas.DataFrame(dict(zip(COLUMNS, values, strict=True)), index=index)


def event_table(
    table: TrackTable,
    threshold: float,
    convention: Convention = "motmetrics",
    *,
    reach: float = 1.0,
    frames: Ints | None = None,
    placeholders: Ints | None = None,
) -> pandas.DataFrame:
    """Events of one sequence, matched as `match_clear` does.

    Args:
        table: Both sides and their similarities.
        threshold: Similarity that a match needs.
        convention: Which program's CLEAR MOT.
        reach: Distance at similarity 0: a pair's distance is (1 - similarity) x reach.
        frames: Every frame of the sequence, those without people included; None for
            those with detections.
        placeholders: Frames that count as one miss and one false positive.

    Returns:
        A table as `motmetrics.MOTAccumulator.events`; a frame's first event is a RAW
        one without ids, so that it counts.
    """
    near = table.similarities()
    near = near.keep(near.similarity >= threshold - EPS)
    distances = (1 - near.similarity) * reach
    found = match_clear(near, distances, convention)
    truth_frames, result_frames = table.truth_frames, table.result_frames
    truth_ids, result_ids = table.truth_ids, table.result_ids
    at, by = near.truth_at, near.result_at
    rows = _Rows()
    extra = np.zeros(0, np.int64) if placeholders is None else placeholders
    if frames is None:
        frames = np.unique(np.concatenate([truth_frames, result_frames, extra]))
    rows.add(0, "RAW", frames)
    pairs = (truth_ids[at], result_ids[by], distances)
    rows.add(1, "RAW", truth_frames[at], None, *pairs)
    alone = np.setdiff1d(np.arange(len(truth_ids)), at)
    rows.add(2, "RAW", truth_frames[alone], None, truth_ids[alone])
    alone = np.setdiff1d(np.arange(len(result_ids)), by)
    rows.add(3, "RAW", result_frames[alone], None, None, result_ids[alone])
    cells = found.cells
    for kind, chosen in (
        ("ASCEND", found.ascends),
        ("MIGRATE", found.migrates),
        ("TRANSFER", found.transfers),
        ("SWITCH", found.switches),
        ("MATCH", ~found.switches),
    ):
        some = cells[chosen]
        rows.add(
            4,
            kind,
            truth_frames[at[some]],
            some,
            truth_ids[at[some]],
            result_ids[by[some]],
            distances[some],
        )
    missed = np.setdiff1d(np.arange(len(truth_ids)), at[cells])
    rows.add(5, "MISS", truth_frames[missed], None, truth_ids[missed])
    false = np.setdiff1d(np.arange(len(result_ids)), by[cells])
    rows.add(6, "FP", result_frames[false], None, None, result_ids[false])
    placeholder_ids = np.full(len(extra), PLACEHOLDER_ID)
    rows.add(2, "RAW", extra, None, placeholder_ids)
    rows.add(3, "RAW", extra, None, None, placeholder_ids)
    rows.add(5, "MISS", extra, None, placeholder_ids)
    rows.add(6, "FP", extra, None, None, placeholder_ids)
    return rows.frame()


def joined(
    tables: dict[tuple[str, ...], pandas.DataFrame], names: tuple[str, ...]
) -> pandas.DataFrame:
    """Tables of several sequences or joints in one, with their names in the index."""
    import pandas

    if not tables:
        none = np.zeros(0, np.int64)
        no_people = TrackTable("", none, none, none, none, none, none, np.zeros(0))
        empty = event_table(no_people, 0.5)
        return pandas.concat({("",) * len(names): empty}, names=list(names)).iloc[:0]
    return pandas.concat(tables, names=list(names))

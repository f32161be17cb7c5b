"""CLEAR MOT (MOTA, MOTP): matching frame by frame, id switches and fragmentations.

Sources: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance:
the CLEAR MOT Metrics" (EURASIP JIVP 2008); Li, Huang and Nevatia, "Learning
to Associate" (CVPR 2009) for mostly tracked, mostly lost and fragmentations. Two
programs settle what these leave open, and both conventions are available:
py-motmetrics, which PoseTrack uses, and TrackEval, which MOTChallenge uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.metrics.assignment import max_weight_matching
from poseflow.eval.metrics.similarity_table import SimilarityTable
from poseflow.eval.metrics.sorting import order_of_numbers

Convention = Literal["motmetrics", "trackeval"]

TRACKEVAL_CONTINUITY_WEIGHT = 1000
"""Weight of a match of the previous frame beside similarities in [0, 1]."""

MOSTLY_TRACKED_RATIO, MOSTLY_LOST_RATIO = 0.8, 0.2
"""Share of a person's frames matched: mostly tracked from, mostly lost below."""


@dataclass(frozen=True, eq=False)
class ClearMatches:
    """Pairs that CLEAR matches, in the order of the table's cells.

    Attributes:
        cells: `(A,)` positions of the matched cells in the table.
        switches: `(A,)`: the person's last match, however long ago, was to another id.
        transfers: `(A,)`: the last new pair of the id was with another person.
        ascends: `(A,)`: a switch to an id without an earlier match.
        migrates: `(A,)`: a transfer to a person without an earlier match.
    """

    cells: Ints
    switches: Bools
    transfers: Bools
    ascends: Bools
    migrates: Bools


def match_clear(
    table: SimilarityTable, distances: Floats, convention: Convention = "motmetrics"
) -> ClearMatches:
    """Match people and tracks frame by frame, keeping earlier matches first.

    A matched pair stays matched while it may; the others get the pairs of the smallest
    total distance among those that match the most people. The convention settles ties:

    - `"motmetrics"`: a person's last match counts however long ago it was; if two
      people were last matched to the same id, the first of them gets it.
    - `"trackeval"`: only matches of the previous frame count; they are preferred by
      `TRACKEVAL_CONTINUITY_WEIGHT`, so that of two such people the larger total
      similarity decides.

    Args:
        table: Only cells that may match.
        distances: `(C,)` of the cells, finite and at least 0. `"trackeval"` takes
            1 - distance as the similarity, which must be above 0.
        convention: Which program's tie rule.
    """
    truth_ids = table.truth.tracks[table.truth_at]
    result_ids = table.result.tracks[table.result_at]
    uncontested = (np.bincount(table.truth_at)[table.truth_at] == 1) & (
        np.bincount(table.result_at)[table.result_at] == 1
    )
    chosen = uncontested.copy()
    if not uncontested.all():
        _match_contested(
            table, distances, convention, truth_ids, result_ids, uncontested, chosen
        )
    cells = np.flatnonzero(chosen)
    return ClearMatches(cells, *_changes(truth_ids[cells], result_ids[cells]))


def _match_contested(
    table: SimilarityTable,
    distances: Floats,
    convention: Convention,
    truth_ids: Ints,
    result_ids: Ints,
    uncontested: Bools,
    chosen: Bools,
) -> None:
    """Match the contested cells in the order of time, all groups side by side.

    Args:
        table: As given to `match_clear`.
        distances: `(C,)` of the cells.
        convention: Which program's tie rule.
        truth_ids: `(C,)` identity of each cell's person.
        result_ids: `(C,)` identity of each cell's prediction.
        uncontested: `(C,)`: the cell is alone in its row and column.
        chosen: `(C,)` matched cells; gets the contested ones among them.
    """
    moment = table.cell_moments
    active_frame = _active_ranks(table) if convention == "trackeval" else moment
    contested = np.flatnonzero(~uncontested)
    # Uncontested cells match in any case, so the last of these matches is known
    # beforehand for every contested cell.
    certain = np.flatnonzero(uncontested)
    certain = certain[order_of_numbers(truth_ids[certain])]
    span = len(table.moment_groups) + 1
    keys = truth_ids * span + moment
    position = np.searchsorted(keys[certain], keys[contested]) - 1
    earlier = np.append(certain, 0)[position]
    known = (position >= 0) & (truth_ids[earlier] == truth_ids[contested])
    uncontested_partner, uncontested_moment = np.full((2, len(truth_ids)), -1)
    uncontested_partner[contested] = np.where(known, result_ids[earlier], -1)
    uncontested_moment[contested] = np.where(known, moment[earlier], -1)

    partner = np.full(len(table.truth_groups), -1)
    partner_moment = np.full(len(table.truth_groups), -1)
    used_truth = np.zeros(len(table.truth.tracks), bool)
    used_result = np.zeros(len(table.result.tracks), bool)
    # A further match outweighs any distances that it costs the others.
    match_weight = 2 * float(distances.max()) * _widest(table) + 1
    for now in _steps(table, contested):
        people = truth_ids[now]
        later = partner_moment[people] > uncontested_moment[now]
        last_partner = np.where(later, partner[people], uncontested_partner[now])
        continues = last_partner == result_ids[now]
        if convention == "trackeval":
            past = np.where(later, partner_moment[people], uncontested_moment[now])
            continues &= active_frame[past] == active_frame[moment[now]] - 1
            weights = TRACKEVAL_CONTINUITY_WEIGHT * continues + 1 - distances[now]
            matched = now[_match_cells(table, now, weights)]
        else:
            kept = now[continues]
            _, first = np.unique(table.result_at[kept], return_index=True)
            kept = kept[first]
            used_truth[table.truth_at[kept]] = True
            used_result[table.result_at[kept]] = True
            free = now[
                ~used_truth[table.truth_at[now]] & ~used_result[table.result_at[now]]
            ]
            new = free[_match_cells(table, free, match_weight - distances[free])]
            matched = np.concatenate([kept, new])
        chosen[matched] = True
        partner[truth_ids[matched]] = result_ids[matched]
        partner_moment[truth_ids[matched]] = moment[matched]


def _match_cells(table: SimilarityTable, cells: Ints, weights: Floats) -> Bools:
    """Maximum-weight matching of some cells' people and predictions: which match.

    Args:
        table: As given to `match_clear`.
        cells: `(c,)` positions of the cells in the table.
        weights: `(c,)` weight of each match, above 0.

    Returns:
        `(c,)`.
    """
    if not len(cells):
        return np.zeros(0, bool)
    # Dense numbers: these few cells may lie far apart in a table of many groups.
    rows = np.unique(table.truth_at[cells], return_inverse=True)[1]
    columns = np.unique(table.result_at[cells], return_inverse=True)[1]
    return max_weight_matching(rows, columns, weights)


def _steps(table: SimilarityTable, contested: Ints) -> list[Ints]:
    """Contested cells, in batches: each group's first such moment, then its second."""
    moments, inverse = np.unique(table.cell_moments[contested], return_inverse=True)
    groups = table.moment_groups[moments]
    starts = np.r_[0, np.flatnonzero(np.diff(groups)) + 1]
    rank = np.arange(len(moments)) - np.repeat(
        starts, np.diff(np.r_[starts, len(moments)])
    )
    step = rank[inverse]
    order = order_of_numbers(step)
    return np.split(contested[order], np.cumsum(np.bincount(step))[:-1])


def _widest(table: SimilarityTable) -> int:
    """The most detections that one moment has on one side."""
    return max(
        int(np.bincount(side.moments).max(initial=0))
        for side in (table.truth, table.result)
    )


def _active_ranks(table: SimilarityTable) -> Ints:
    """`(T,)` consecutive numbers of the moments with people on both sides."""
    size = len(table.moment_groups)
    both = (np.bincount(table.truth.moments, minlength=size) > 0) & (
        np.bincount(table.result.moments, minlength=size) > 0
    )
    return np.cumsum(both)


def _changes(truth_ids: Ints, result_ids: Ints) -> tuple[Bools, Bools, Bools, Bools]:
    """Switches, transfers, ascends and migrates of matches in order of time, `(A,)`."""
    last_result = _previous(truth_ids, result_ids)
    switches = (last_result >= 0) & (last_result != result_ids)
    # Transfers follow new pairs only, not pairs that stay matched.
    new = np.flatnonzero(last_result != result_ids)
    last_truth = _previous(result_ids[new], truth_ids[new])
    transfers = np.zeros(len(truth_ids), bool)
    transfers[new] = (last_truth >= 0) & (last_truth != truth_ids[new])
    ascends = switches.copy()
    ascends[switches] = _previous(result_ids, truth_ids)[switches] < 0
    return switches, transfers, ascends, transfers & (last_result < 0)


def _previous(key: Ints, value: Ints) -> Ints:
    """Each entry's value at the last earlier entry of its key, -1 without one."""
    order = order_of_numbers(key)
    last = np.full(len(key), -1)
    same = np.diff(key[order]) == 0
    last[order[1:][same]] = value[order[:-1][same]]
    return last


def count_events(
    table: SimilarityTable, matches: ClearMatches
) -> dict[str, npt.NDArray[Any]]:
    """Matches, misses, false positives and switches per group, in motmetrics' names.

    Args:
        table: As given to `match_clear`.
        matches: Its result.

    Returns:
        Name -> `(n_groups,)`.
    """
    groups = table.cell_groups[matches.cells]
    count = table.per_group
    detections, switches = count(groups), count(groups[matches.switches])
    return {
        "num_matches": detections - switches,
        "num_switches": switches,
        "num_transfer": count(groups[matches.transfers]),
        "num_ascend": count(groups[matches.ascends]),
        "num_migrate": count(groups[matches.migrates]),
        "num_detections": detections,
        "num_misses": table.truth_counts - detections,
        "num_false_positives": table.result_counts - detections,
        "num_objects": table.truth_counts,
        "num_predictions": table.result_counts,
    }


def count_clear(
    table: SimilarityTable,
    matches: ClearMatches,
    distances: Floats,
    convention: Convention = "motmetrics",
) -> dict[str, npt.NDArray[Any]]:
    """All that CLEAR counts, per group: `count_events`, tracks and fragmentations.

    Mostly tracked means at least 0.8 of the person's frames (TrackEval: more than 0.8),
    mostly lost less than 0.2. A fragmentation is an interruption of a person's matches;
    frames without the person do not count as one (TrackEval: they do, while frames that
    are empty on either side do not).

    Args:
        table: As given to `match_clear`.
        matches: Its result.
        distances: `(C,)` of the cells.
        convention: Which program's definition of mostly tracked and fragmentations.

    Returns:
        Name -> `(n_groups,)`. `sum_distance` is that of matches and switches.
    """
    cells = matches.cells
    count = table.per_group
    matched = np.zeros(len(table.truth.tracks), bool)
    matched[table.truth_at[cells]] = True
    seen = np.bincount(table.truth.tracks[matched], minlength=len(table.truth_groups))
    ratio = seen / np.maximum(table.truth_lengths, 1)
    there = table.truth_lengths > 0
    if convention == "trackeval":
        tracked = there & (ratio > MOSTLY_TRACKED_RATIO)
    else:
        tracked = there & (ratio >= MOSTLY_TRACKED_RATIO)
    lost = there & (ratio < MOSTLY_LOST_RATIO)
    return {
        **count_events(table, matches),
        "num_unique_objects": count(table.truth_groups[there]),
        "mostly_tracked": count(table.truth_groups[tracked]),
        "partially_tracked": count(table.truth_groups[there & ~tracked & ~lost]),
        "mostly_lost": count(table.truth_groups[lost]),
        "num_fragmentations": _fragmentations(table, matched, convention),
        "sum_distance": np.bincount(
            table.cell_groups[cells], distances[cells], table.n_groups
        ),
    }


def _fragmentations(
    table: SimilarityTable, matched: Bools, convention: Convention
) -> Ints:
    """Restarts of people's tracking after an interruption, `(n_groups,)`."""
    tracks, moments = table.truth
    order = np.lexsort((moments, tracks))
    # A person's matches are one piece while this clock is consecutive.
    if convention == "trackeval":
        clock = _active_ranks(table)[moments[order]]
    else:
        clock = np.arange(len(order))
    shown = matched[order]
    track, clock = tracks[order][shown], clock[shown]
    restart = (np.diff(track) == 0) & (np.diff(clock) > 1)
    return table.per_group(table.truth_groups[track[1:][restart]])

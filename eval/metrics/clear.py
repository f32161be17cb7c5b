"""CLEAR MOT: which pairs match frame by frame, and what follows for each track.

Sources: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance:
the CLEAR MOT Metrics" (EURASIP JIVP 2008); Li, Huang and Nevatia, "Learning
to Associate" (CVPR 2009) for mostly tracked, mostly lost and fragmentations. Two
programs define what is left open there, and both readings are offered: py-motmetrics,
on which PoseTrack's scores rest, and TrackEval, on which MOTChallenge's do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.metrics.assignment import assign
from poseflow.eval.metrics.similarity_table import Overlaps
from poseflow.eval.metrics.sorting import order_of_numbers

Convention = Literal["motmetrics", "trackeval"]


@dataclass(frozen=True, eq=False)
class ClearMatches:
    """The pairs that CLEAR matches, in the order of the table of cells.

    Attributes:
        cells: `(A,)` positions in the table of cells.
        switches: `(A,)`: the person was last matched, however long ago, to another id.
        transfers: `(A,)`: the id was last newly given to another person.
        ascends: `(A,)`: a switch to an id that no one had before.
        migrates: `(A,)`: a transfer to a person who had no id before.
    """

    cells: Ints
    switches: Bools
    transfers: Bools
    ascends: Bools
    migrates: Bools


def match_clear(
    overlaps: Overlaps, distances: Floats, convention: Convention = "motmetrics"
) -> ClearMatches:
    """Match people and tracks frame by frame, keeping who was together before.

    A pair stays together while it may; the others get the pairs of the smallest total
    distance among those that match the most people. py-motmetrics remembers a person's
    last partner for ever; if two people remember the same one, the first of them gets
    it. TrackEval remembers the previous frame only and weighs a kept pair with 1000.

    Args:
        overlaps: Only cells that may match.
        distances: `(C,)` of the cells, finite and at least 0. TrackEval's reading
            takes 1 - distance as the similarity, which must lie above 0.
        convention: Whose reading.
    """
    g = overlaps.truth.tracks[overlaps.truth_at]
    p = overlaps.result.tracks[overlaps.result_at]
    alone = (np.bincount(overlaps.truth_at)[overlaps.truth_at] == 1) & (
        np.bincount(overlaps.result_at)[overlaps.result_at] == 1
    )
    chosen = alone.copy()
    contested = np.flatnonzero(~alone)
    if len(contested):
        _settle(overlaps, distances, convention, g, p, alone, contested, chosen)
    cells = np.flatnonzero(chosen)
    return ClearMatches(cells, *_changes(g[cells], p[cells]))


def _settle(
    overlaps: Overlaps,
    distances: Floats,
    convention: Convention,
    g: Ints,
    p: Ints,
    alone: Bools,
    contested: Ints,
    chosen: Bools,
) -> None:
    """Decide the contested cells in the order of time, all groups side by side."""
    moment = overlaps.cell_moments
    age = _active_ranks(overlaps) if convention == "trackeval" else moment
    # Cells alone in row and column match whatever came before, so the last partner
    # among those is known beforehand for every contested cell.
    quiet = np.flatnonzero(alone)
    quiet = quiet[order_of_numbers(g[quiet])]
    span = len(overlaps.moment_groups) + 1
    keys = g * span + moment
    at = np.searchsorted(keys[quiet], keys[contested]) - 1
    quiet = np.append(quiet, 0)[at]
    known = (at >= 0) & (g[quiet] == g[contested])
    quiet_partner, quiet_moment = np.full((2, len(g)), -1)
    quiet_partner[contested] = np.where(known, p[quiet], -1)
    quiet_moment[contested] = np.where(known, moment[quiet], -1)

    partner = np.full(len(overlaps.truth_groups), -1)
    when = np.full(len(overlaps.truth_groups), -1)
    used_truth = np.zeros(len(overlaps.truth.tracks), bool)
    used_result = np.zeros(len(overlaps.result.tracks), bool)
    far = 2 * float(distances.max()) * _widest(overlaps) + 1
    for now in _steps(overlaps, contested):
        later = when[g[now]] > quiet_moment[now]
        last = np.where(later, partner[g[now]], quiet_partner[now])
        kept = last == p[now]
        if convention == "trackeval":
            past = np.where(later, when[g[now]], quiet_moment[now])
            kept &= age[past] == age[moment[now]] - 1
            taken = now[_assign(overlaps, now, 1000 * kept + 1 - distances[now])]
        else:
            held = now[kept]
            _, first = np.unique(overlaps.result_at[held], return_index=True)
            held = held[first]
            used_truth[overlaps.truth_at[held]] = True
            used_result[overlaps.result_at[held]] = True
            free = now[
                ~used_truth[overlaps.truth_at[now]]
                & ~used_result[overlaps.result_at[now]]
            ]
            new = free[_assign(overlaps, free, far - distances[free])]
            taken = np.concatenate([held, new])
        chosen[taken] = True
        partner[g[taken]] = p[taken]
        when[g[taken]] = moment[taken]


def _assign(overlaps: Overlaps, cells: Ints, weights: Floats) -> Bools:
    if not len(cells):
        return np.zeros(0, bool)
    # Dense numbers: these few cells may lie far apart in a table of many groups.
    rows = np.unique(overlaps.truth_at[cells], return_inverse=True)[1]
    columns = np.unique(overlaps.result_at[cells], return_inverse=True)[1]
    return assign(rows, columns, weights)


def _steps(overlaps: Overlaps, contested: Ints) -> list[Ints]:
    """Contested cells, in batches: each group's first such moment, then its second."""
    moments, inverse = np.unique(overlaps.cell_moments[contested], return_inverse=True)
    groups = overlaps.moment_groups[moments]
    starts = np.r_[0, np.flatnonzero(np.diff(groups)) + 1]
    rank = np.arange(len(moments)) - np.repeat(
        starts, np.diff(np.r_[starts, len(moments)])
    )
    step = rank[inverse]
    order = order_of_numbers(step)
    return np.split(contested[order], np.cumsum(np.bincount(step))[:-1])


def _widest(overlaps: Overlaps) -> int:
    """The most detections that one moment has on one side."""
    return max(
        int(np.bincount(side.moments).max(initial=0))
        for side in (overlaps.truth, overlaps.result)
    )


def _active_ranks(overlaps: Overlaps) -> Ints:
    """`(T,)` consecutive numbers of the moments that have people on both sides."""
    size = len(overlaps.moment_groups)
    both = (np.bincount(overlaps.truth.moments, minlength=size) > 0) & (
        np.bincount(overlaps.result.moments, minlength=size) > 0
    )
    return np.cumsum(both)


def _changes(g: Ints, p: Ints) -> tuple[Bools, Bools, Bools, Bools]:
    """Switches, transfers, ascends and migrates of matches in order of time, `(A,)`."""
    last = _previous(g, p)
    switches = (last >= 0) & (last != p)
    # A pair that stays together is not "newly given", which is what transfers follow.
    new = np.flatnonzero(last != p)
    owner = _previous(p[new], g[new])
    transfers = np.zeros(len(g), bool)
    transfers[new] = (owner >= 0) & (owner != g[new])
    ascends = switches.copy()
    ascends[switches] = _previous(p, g)[switches] < 0
    return switches, transfers, ascends, transfers & (last < 0)


def _previous(key: Ints, value: Ints) -> Ints:
    """Each entry's value the last time its key was there, -1 if it never was."""
    order = order_of_numbers(key)
    last = np.full(len(key), -1)
    same = np.diff(key[order]) == 0
    last[order[1:][same]] = value[order[:-1][same]]
    return last


def count_events(
    overlaps: Overlaps, matches: ClearMatches
) -> dict[str, npt.NDArray[Any]]:
    """Matches, misses, false positives and switches per group, in motmetrics' names.

    Args:
        overlaps: As given to `match_clear`.
        matches: Its result.

    Returns:
        Name -> `(n_groups,)`.
    """
    groups = overlaps.cell_groups[matches.cells]
    count = overlaps.per_group
    detections, switches = count(groups), count(groups[matches.switches])
    return {
        "num_matches": detections - switches,
        "num_switches": switches,
        "num_transfer": count(groups[matches.transfers]),
        "num_ascend": count(groups[matches.ascends]),
        "num_migrate": count(groups[matches.migrates]),
        "num_detections": detections,
        "num_misses": overlaps.truth_counts - detections,
        "num_false_positives": overlaps.result_counts - detections,
        "num_objects": overlaps.truth_counts,
        "num_predictions": overlaps.result_counts,
    }


def count_clear(
    overlaps: Overlaps,
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
        overlaps: As given to `match_clear`.
        matches: Its result.
        distances: `(C,)` of the cells.
        convention: Which program's definition of mostly tracked and fragmentations.

    Returns:
        Name -> `(n_groups,)`. `sum_distance` is that of matches and switches.
    """
    cells = matches.cells
    count = overlaps.per_group
    matched = np.zeros(len(overlaps.truth.tracks), bool)
    matched[overlaps.truth_at[cells]] = True
    seen = np.bincount(
        overlaps.truth.tracks[matched], minlength=len(overlaps.truth_groups)
    )
    ratio = seen / np.maximum(overlaps.truth_lengths, 1)
    there = overlaps.truth_lengths > 0
    tracked = there & (ratio > 0.8 if convention == "trackeval" else ratio >= 0.8)
    lost = there & (ratio < 0.2)
    return {
        **count_events(overlaps, matches),
        "num_unique_objects": count(overlaps.truth_groups[there]),
        "mostly_tracked": count(overlaps.truth_groups[tracked]),
        "partially_tracked": count(overlaps.truth_groups[there & ~tracked & ~lost]),
        "mostly_lost": count(overlaps.truth_groups[lost]),
        "num_fragmentations": _fragmentations(overlaps, matched, convention),
        "sum_distance": np.bincount(
            overlaps.cell_groups[cells], distances[cells], overlaps.n_groups
        ),
    }


def _fragmentations(overlaps: Overlaps, matched: Bools, convention: Convention) -> Ints:
    """How often people's tracking starts again after an interruption, `(n_groups,)`."""
    tracks, moments = overlaps.truth
    order = np.lexsort((moments, tracks))
    # What must be consecutive for a person's matches to be one piece.
    if convention == "trackeval":
        clock = _active_ranks(overlaps)[moments[order]]
    else:
        clock = np.arange(len(order))
    shown = matched[order]
    track, clock = tracks[order][shown], clock[shown]
    restart = (np.diff(track) == 0) & (np.diff(clock) > 1)
    return overlaps.per_group(overlaps.truth_groups[track[1:][restart]])

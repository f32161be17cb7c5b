"""IoU of boxes frame by frame, only of the pairs that overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.eval.metrics.similarity_table import DetectionKeys, SimilarityTable
from poseflow.formats.mot import BoxTracks
from poseflow.similarity.boxes import box_area

BLOCK_PAIRS = 1 << 18
"""Pairs of boxes that are compared at once; bounds the memory."""


def box_similarity_table(
    pairs: Sequence[tuple[BoxTracks, BoxTracks]],
) -> SimilarityTable:
    """A group for each pair of ground truth and result; the similarity is IoU."""
    sides = []
    for side in (0, 1):
        tables = [pair[side] for pair in pairs]
        groups = np.repeat(np.arange(len(pairs)), [len(t) for t in tables])
        frames = np.concatenate([np.zeros(0, np.int64), *(t.frames for t in tables)])
        ids = np.concatenate([np.zeros(0, np.int64), *(t.track_ids for t in tables)])
        sides.append(DetectionKeys(groups, frames, ids))
    starts = [np.cumsum([0, *(len(pair[side]) for pair in pairs)]) for side in (0, 1)]
    found = [overlaps(truth, result) for truth, result in pairs]
    none = np.zeros(0, np.int64)
    at = np.concatenate([none, *(f[0] + starts[0][k] for k, f in enumerate(found))])
    by = np.concatenate([none, *(f[1] + starts[1][k] for k, f in enumerate(found))])
    iou = np.concatenate([np.zeros(0), *(f[2] for f in found)])
    return SimilarityTable.build(sides[0], sides[1], at, by, iou, len(pairs))


def overlaps(a: BoxTracks, b: BoxTracks) -> tuple[Ints, Ints, Floats]:
    """Pairs of boxes of one frame whose IoU is above 0.

    Returns:
        Rows of `a`, ascending, rows of `b` and the IoU, `(C,)` each.
    """
    none = np.zeros(0, np.int64)
    found: list[tuple[Ints, Ints, Floats]] = [(none, none, np.zeros(0))]
    for at, by in _candidates(a, b):
        p, q = a.boxes[at], b.boxes[by]
        meet = ((p[:, :2] < q[:, 2:]) & (q[:, :2] < p[:, 2:])).all(axis=1)
        iou = iou_of_pairs(p[meet], q[meet])
        near = iou > 0
        found.append((at[meet][near], by[meet][near], iou[near]))
    at, by, iou = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((by, at))
    return at[order], by[order], iou[order]


def _candidates(a: BoxTracks, b: BoxTracks) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of one frame, block after block: at least all that overlap in x.

    The boxes of `b` are sorted by frame and left edge. Those that meet a box of `a`
    begin between its left edge minus the largest width of the frame and its right edge.
    """
    if not len(a) or not len(b):
        return
    frames, moment = np.unique(
        np.concatenate([a.frames, b.frames]), return_inverse=True
    )
    moment_a, moment_b = moment[: len(a)], moment[len(a) :]
    left_edge, right_edge = b.boxes[:, 0], b.boxes[:, 2]
    widest = np.zeros(len(frames))
    with np.errstate(over="ignore", invalid="ignore"):
        np.maximum.at(widest, moment_b, right_edge - left_edge)
        left = min(a.boxes[:, 0].min(), left_edge.min()) - widest.max()
        right = max(a.boxes[:, 2].max(), right_edge.max())
        # One ascending key for frame and x: frames lie further apart than two edges.
        stride = 2 * (right - left) + 1
        slack = 8 * np.finfo(np.float64).eps * stride * (len(frames) + 1)

    def keys(moments: Ints, x: Floats) -> Floats:
        out: Floats = moments * stride + (x - left)
        return out

    if not np.isfinite(slack):
        low, high = (np.searchsorted(moment_b, moment_a, s) for s in ("left", "right"))
        order = np.arange(len(b))
    else:
        b_keys = keys(moment_b, left_edge)
        order = np.argsort(b_keys, kind="stable")
        b_keys = b_keys[order]
        begin = keys(moment_a, a.boxes[:, 0] - widest[moment_a]) - slack
        low = np.searchsorted(b_keys, begin)
        end = keys(moment_a, a.boxes[:, 2]) + slack
        high = np.maximum(np.searchsorted(b_keys, end, "right"), low)
    lengths = high - low
    blocks = np.cumsum(lengths) // BLOCK_PAIRS
    for rows in np.split(np.arange(len(a)), np.flatnonzero(np.diff(blocks)) + 1):
        count = lengths[rows]
        at = np.repeat(rows, count)
        inside = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        by = order[np.repeat(low[rows], count) + inside]
        same = moment_a[at] == moment_b[by]
        yield at[same], by[same]


def iou_of_pairs(a: Floats, b: Floats) -> Floats:
    """IoU of boxes pair by pair, `(N, 4)` xyxy each."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    inside = box_area(np.concatenate([low, high], axis=1))
    union = box_area(a) + box_area(b) - inside
    out: Floats = np.zeros_like(inside)
    np.divide(inside, union, out=out, where=union > 0)
    return out

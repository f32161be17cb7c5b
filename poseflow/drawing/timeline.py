"""Timelines: who is present when, a bar for every track, as an image."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Image
from poseflow.drawing.palette import identity_colors
from poseflow.drawing.text import paste, text_mask
from poseflow.sequence import PoseSequence

_PAPER, _INK, _LINE = (250, 250, 250), (50, 50, 50), (225, 225, 225)
_MARGIN, _HEAD, _LETTER = 12, 26, 11
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def draw_timeline(sequence: PoseSequence, *, width: int = 1600, bar: int = 14) -> Image:
    """A bar for every track over the frames; gaps are left open.

    Tracks that do not overlap share a line. Bars have the colours of `Overlay`, and the
    id or name where it fits.

    Args:
        sequence: A tracking result.
        width: Width of the image in pixels.
        bar: Height of a bar in pixels.

    Returns:
        `(height, width, 3)` uint8 BGR.

    Examples:
        >>> from poseflow import Frame, PoseSequence, Poses
        >>> pose = Poses(np.ones((1, 17, 2)), track_ids=[1])
        >>> frames = PoseSequence.collect(Frame(t, t / 25, pose) for t in range(9))
        >>> draw_timeline(frames, width=400).shape
        (58, 400, 3)
    """
    frames = np.array([frame.index for frame in sequence], np.int64)
    runs = _runs(sequence)
    first = int(frames.min(initial=0))
    span = max(int(frames.max(initial=0)) - first + 1, 1)
    lanes = _lanes(runs)
    count = max(lanes.values(), default=0) + 1
    line = bar + 6
    canvas = np.full((_HEAD + count * line + _MARGIN, width, 3), _PAPER, np.uint8)
    scale = (width - 2 * _MARGIN) / span

    def x(frame: float) -> int:
        return round(_MARGIN + (frame - first) * scale)

    for mark in _marks(first, span, scale):
        canvas[_HEAD - 4 : -_MARGIN, x(mark)] = _LINE
        _write(canvas, str(mark), x(mark) + 3, 6)
    for track, parts in runs.items():
        top = _HEAD + lanes[track] * line
        color = identity_colors([track])[0]
        start, end = x(parts[0][0]), x(parts[-1][1] + 1)
        canvas[top + bar // 2 - 1 : top + bar // 2 + 1, start:end] = color // 2 + 120
        for begin, last in parts:
            canvas[top : top + bar, x(begin) : max(x(last + 1), x(begin) + 1)] = color
        text = sequence.names.get(track) or str(track)
        mask = text_mask(text.encode("ascii", "replace").decode(), _LETTER - 2)
        if mask.shape[1] + 6 < x(parts[0][1] + 1) - start:
            ink = np.zeros((*mask.shape, 3), np.uint8)
            paste(canvas, ink, mask, start + 4, top + (bar - mask.shape[0]) // 2 + 1)
    return canvas


def _write(canvas: Image, text: str, left: int, top: int) -> None:
    mask = text_mask(text, _LETTER - 2)
    paste(canvas, np.full((*mask.shape, 3), _INK, np.uint8), mask, left, top)


def _marks(first: int, span: int, scale: float) -> range:
    """Frames that are numbered, at least 70 pixels apart."""
    step = next(
        step * 10**power
        for power in range(0, 12, 3)
        for step in _STEPS
        if step * 10**power * scale >= 70 or step * 10**power >= span
    )
    return range(-(-first // step) * step, first + span, step)


def _runs(sequence: PoseSequence) -> dict[int, list[tuple[int, int]]]:
    """First and last frames of the unbroken runs of every track, by its first frame."""
    runs: dict[int, list[tuple[int, int]]] = {}
    for frame in sequence:
        for track in frame.poses.track_ids.tolist():
            if track < 0:
                continue
            parts = runs.setdefault(track, [])
            if parts and frame.index - parts[-1][1] <= 1:
                parts[-1] = (parts[-1][0], frame.index)
            else:
                parts.append((frame.index, frame.index))
    return dict(sorted(runs.items(), key=lambda item: (item[1][0][0], item[0])))


def _lanes(runs: dict[int, list[tuple[int, int]]]) -> dict[int, int]:
    """The line of every track: the first that is free."""
    ends: list[int] = []
    lanes = {}
    for track, parts in runs.items():
        lane = next(
            (k for k, end in enumerate(ends) if end + 1 < parts[0][0]), len(ends)
        )
        ends[lane : lane + 1] = [parts[-1][1]]
        lanes[track] = lane
    return lanes

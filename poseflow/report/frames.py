"""Frames of a page: those of the video with the poses of the result in them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from poseflow.arrays import Ints
from poseflow.frame_names import LONGEST_GAP
from poseflow.pipeline.known_poses import KnownPoses, check_images, check_recorded
from poseflow.report.media import Encoding, Media, embedded, linked
from poseflow.sequence import Frame, PoseSequence
from poseflow.similarity.boxes import box_iou
from poseflow.video import Source

Progress = Callable[[Iterable[Any], int | None], Iterable[Any]]

MOST_THUMBNAILS = 500
THUMBNAIL_HEIGHT = 72
THUMBNAIL_MARGIN = 0.1
"""Added to a box on every side, as a part of its size."""


@dataclass(frozen=True)
class PageFrames:
    """What the page shows, frame by frame.

    Attributes:
        sequence: Every frame of the page; `Frame.index` is the number that is shown.
        result_index: `(F,)` index of each frame in the result, for corrections; of a
            frame that the result leaves out, that of the next one.
        media: The video.
        thumbnails: JPEG of each track as a data url, by id.
    """

    sequence: PoseSequence
    result_index: Ints
    media: Media
    thumbnails: dict[int, str]


def without_video(sequence: PoseSequence) -> PageFrames:
    """The frames of a result alone, with the empty frames that its file leaves out."""
    frames: list[Frame] = []
    indices: list[int] = []
    empty = None
    for frame in sequence:
        if empty is None:
            empty = frame.poses[:0]
        before = frames[-1].index if frames else -1
        missing = frame.index - before - 1
        if 0 < missing <= LONGEST_GAP:
            start = frames[-1].time if frames else 0.0
            step = (frame.time - start) / (missing + 1)
            for k in range(missing):
                frames.append(
                    Frame(before + 1 + k, start + (k + 1) * step, empty, name="")
                )
                indices.append(frame.index)
        frames.append(frame)
        indices.append(frame.index)
    shown = replace(sequence, frames=tuple(frames))
    media = Media("none")
    return PageFrames(shown, np.array(indices, np.int64), media, {})


def with_video(
    sequence: PoseSequence,
    source: Source,
    out: str,
    *,
    embed: bool,
    label: str,
    progress: Progress | None = None,
) -> PageFrames:
    """The frames of a video with the poses of a result, read once from start to end.

    Args:
        sequence: The result.
        source: The video.
        out: The page.
        embed: Whether the video goes into the page.
        label: Name of the result, for messages.
        progress: Wraps the frames, with how many are expected, as they go by.

    Raises:
        PoseFlowError: If the video is not that of the result: sizes differ, frames with
            poses are not in it, or most people are outside its images.
    """
    check_recorded(source, "a page")
    check_images(sequence, source, label)
    known = KnownPoses(sequence)
    index_of = {id(frame.poses): frame.index for frame in sequence}
    best = _best_views(sequence)
    media = embedded(source) if embed else None
    encoding = None
    if embed and media is None:
        encoding = Encoding(source.size, source.fps or 25.0)
    frames, indices = [], []
    thumbnails: dict[int, str] = {}
    shots: Iterable[Any] = source
    if progress is not None:
        shots = progress(source, source.frame_count)
    try:
        for shot in shots:
            poses = known.of(shot)
            index = index_of.get(id(poses))
            frames.append(Frame(shot.index, shot.time, poses, name=shot.name))
            indices.append(-1 if index is None else index)
            for track, row in best.get(-1 if index is None else index, ()):
                thumbnails[track] = _thumbnail(shot.image, poses.boxes[row])
            if encoding is not None:
                encoding.write(shot.image)
        known.require_used(source, label)
        if encoding is not None:
            media = encoding.finish()
    except BaseException:
        if encoding is not None:
            encoding.discard()
        raise
    if media is None:
        media = linked(source, out, [frame.name for frame in frames])
    if media.constant_fps is not None:
        frames = [
            replace(frame, time=k / media.constant_fps)
            for k, frame in enumerate(frames)
        ]
    size, fps = source.size, source.fps or sequence.fps
    shown = replace(sequence, frames=tuple(frames), size=size, fps=fps)
    return PageFrames(shown, _filled(indices), media, thumbnails)


def _filled(indices: list[int]) -> Ints:
    """Replace each -1 by the next index that is known, at the end by one more."""
    out = np.array(indices, np.int64)
    following = max(indices, default=-1) + 1
    for k in range(len(out) - 1, -1, -1):
        if out[k] < 0:
            out[k] = following
        following = out[k]
    return out


def _best_views(sequence: PoseSequence) -> dict[int, list[tuple[int, int]]]:
    """For frames, the tracks that are seen best in them: id, and number of the person.

    Large, well scored and without overlap is best.
    """
    best: dict[int, tuple[float, int, int]] = {}
    for frame in sequence:
        poses = frame.poses
        iou = box_iou(poses.boxes, poses.boxes)
        np.fill_diagonal(iou, 0)
        sides = np.maximum(poses.boxes[:, 2:] - poses.boxes[:, :2], 0)
        value = np.sqrt(sides.prod(axis=1)) * np.maximum(poses.scores, 0.01)
        value = value * (1 - iou.max(axis=1, initial=0)) ** 2
        for row, (track, score) in enumerate(
            zip(poses.track_ids.tolist(), value.tolist(), strict=True)
        ):
            if track >= 0 and score > best.get(track, (-1.0,))[0]:
                best[track] = (score, frame.index, row)
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    chosen: dict[int, list[tuple[int, int]]] = {}
    for track, (_, index, row) in ranked[:MOST_THUMBNAILS]:
        chosen.setdefault(index, []).append((track, row))
    return chosen


def _thumbnail(image: Any, box: Any) -> str:
    """The part of an image around a box as a JPEG data url; empty if there is none."""
    rows, columns = image.shape[:2]
    x1, y1, x2, y2 = (float(v) for v in box)
    margin = THUMBNAIL_MARGIN * max(x2 - x1, y2 - y1)
    left, right = (int(np.clip(v, 0, columns)) for v in (x1 - margin, x2 + margin))
    top, bottom = (int(np.clip(v, 0, rows)) for v in (y1 - margin, y2 + margin))
    if right - left < 2 or bottom - top < 2:
        return ""
    crop = image[top:bottom, left:right]
    scale = THUMBNAIL_HEIGHT / max(crop.shape[0], crop.shape[1])
    size = [max(round(side * scale), 1) for side in (crop.shape[1], crop.shape[0])]
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])
    if not done:
        return ""
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()

"""Appearance of the tracks of a result, from its video: `track_appearances`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from poseflow.pipeline.known_poses import (
    KnownPoses,
    PosesInput,
    check_images,
    check_recorded,
    frames_of,
)
from poseflow.sequence import PoseSequence
from poseflow.video import SourceFrame, open_source

if TYPE_CHECKING:
    from poseflow.tracker import TrackAppearances

Progress = Callable[[Iterable[SourceFrame], int | None], Iterable[SourceFrame]]


def track_appearances(
    source: Any, result: PosesInput, *, progress: Progress | None = None
) -> TrackAppearances:
    """Collect the appearance of the tracks of a result from the video, for `refine`.

    The video is read once; one image at a time is held.

    Args:
        source: The video or images of the result, whatever `poseflow.open_source`
            takes.
        result: A result file, a `PoseSequence`, or frames; matched to the source's
            frames by name, else by number.
        progress: Wraps the frames, with how many are expected, as they go by.

    Raises:
        PoseFlowError: If the source cannot be read, or is not that of the result: sizes
            differ, frames with poses are not in it, or most people are outside its
            images.

    Examples:
        >>> import numpy as np
        >>> from poseflow import Frame, Poses, track_appearances
        >>> people = Poses(np.full((1, 17, 2), 50.0), track_ids=[1])
        >>> frames = [Frame(k, k / 25, people) for k in range(3)]
        >>> images = np.zeros((3, 120, 120, 3), np.uint8)
        >>> track_appearances(images, frames).ready
        False
    """
    from poseflow.tracker import TrackAppearances

    if isinstance(result, str | os.PathLike):
        from poseflow.formats import read

        result = read(result)
    elif not isinstance(result, PoseSequence):
        result = PoseSequence.collect(frames_of(result))
    label = result.source or "the result"
    appearances = TrackAppearances()
    with open_source(source) as images:
        check_recorded(images, "the appearance of tracks")
        check_images(result, images, label)
        known = KnownPoses(result)
        shots: Iterable[SourceFrame] = images
        if progress is not None:
            shots = progress(images, images.frame_count)
        for shot in shots:
            appearances.add(known.of(shot), shot.image)
        known.require_used(images, label)
    return appearances

"""Offline stitching of tracklets over a whole sequence, and filling of short gaps.

A tracklet that ends and one that begins later may be the same person. Every such pair
has a gain from motion and appearance (`links`). The set of links of largest total gain,
at most one on either side of each tracklet, is a minimum-cost flow through the
tracklets, solved exactly as an assignment (Zhang, Li and Nevatia, "Global data
association for multi-object tracking using network flows", CVPR 2008, with every
tracklet observed once).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poseflow.poses import Poses
from poseflow.sequence import PoseSequence
from poseflow.tracker.appearance.track_means import TrackAppearances
from poseflow.tracker.assignment import assign
from poseflow.tracker.postprocess.gap_filling import interpolate, stayed_near
from poseflow.tracker.postprocess.links import link_gains
from poseflow.tracker.postprocess.options import RefineOptions
from poseflow.tracker.postprocess.tracklets import Tracklets, image_bounds


def refine(
    sequence: PoseSequence,
    options: RefineOptions | None = None,
    *,
    appearances: TrackAppearances | None = None,
) -> PoseSequence:
    """Stitch the tracks of a whole sequence, and fill their short gaps.

    A track that ends at the border of the image and one that begins there are taken for
    two people, unless `max_tracks` is given. If the same number of people is there all
    the time, such as animals in an arena, less likely links are made, too.

    With the appearances of the tracks, people who come back after an absence of any
    length have the id that they had before, and links between people who differ are
    not made. Where people wear the same, appearances change nothing.

    Args:
        sequence: A tracker's result; tracks are joined, never split.
        options: Parameters.
        appearances: Of the tracks of `sequence`, from its images: see
            `poseflow.track_appearances` and `poseflow.track`.

    Returns:
        The same frames and people in the same order. Stitched tracks have the id of
        the earliest of them; interpolated people come last in their frames, with
        scores lowered by `fill_score_factor`.
    """
    options = options or RefineOptions()
    tracklets = Tracklets.of(sequence)
    alias = _stitch(tracklets, sequence, options, appearances)
    frames = []
    for frame in sequence:
        ids = frame.poses.track_ids
        new = np.array([alias.get(i, i) for i in ids.tolist()], np.int64).reshape(-1)
        frames.append(replace(frame, poses=frame.poses.replace(track_ids=new)))
    joined = replace(sequence, frames=tuple(frames))
    return _fill(joined, options) if options.fill_frames else joined


def _stitch(
    tracklets: Tracklets,
    sequence: PoseSequence,
    options: RefineOptions,
    appearances: TrackAppearances | None,
) -> dict[int, int]:
    """For every id the earliest id of its chain of links."""
    size = sequence.size
    if size is None and appearances is not None:
        size = appearances.size
    bounds = image_bounds(tracklets, size)
    gains = link_gains(tracklets, bounds, options, appearances)
    ids = tracklets.ids.tolist()
    alias = dict(zip(ids, ids, strict=True))
    links = assign(gains, 0.0)
    for i, j in links[np.argsort(tracklets.first[links[:, 1]], kind="stable")].tolist():
        alias[ids[j]] = alias[ids[i]]
    return alias


def _fill(sequence: PoseSequence, options: RefineOptions) -> PoseSequence:
    """Interpolate people over short gaps, joint by joint."""
    seen: dict[int, tuple[int, Poses]] = {}
    # A result lacks frames without people; those stay without.
    extra: dict[int, list[Poses]] = {frame.index: [] for frame in sequence}
    for frame in sequence:
        number = frame.index
        for k, track_id in enumerate(frame.poses.track_ids.tolist()):
            if track_id < 0:
                continue
            now = frame.poses[k]
            if track_id in seen:
                at, before = seen[track_id]
                gap = number - at
                if 1 < gap <= options.fill_frames and stayed_near(before, now):
                    poses = interpolate(before, now, gap - 1, options.fill_score_factor)
                    for step, pose in enumerate(poses, 1):
                        if at + step in extra:
                            extra[at + step].append(pose)
            seen[track_id] = number, now
    frames = [
        replace(frame, poses=Poses.concatenate([frame.poses, *more])) if more else frame
        for frame in sequence
        for more in [extra[frame.index]]
    ]
    return replace(sequence, frames=tuple(frames))

"""MoveNet decoding: outputs of the heads to people, boxes and joints.

MultiPose has several people in an image; Thunder and Lightning one, in a crop. Source:
the graphs of Google's published models, and CenterNet's grouping of joints by
regression (Zhou et al., "Objects as Points", 2019, section 4.2).

In numpy, as torch wakes all threads of a CPU for maps of a crop's size, which then wait
for more work by spinning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.estimator.movenet.layout import NUM_JOINTS, STRIDE
from poseflow.estimator.movenet.maps import Maps

PEAK_WINDOW = 5
"""A person's centre is the highest cell of a window of so many cells a side."""

MOST_PEOPLE = 200
"""Number of peaks of an image that are decoded, best first."""

REGRESSION_SPREAD = 0.3
"""Joints are weighted by exp(-d^2 / (this x the shorter side)), in cells, d being the
distance to where the centre's regression puts them."""

COUNTED_JOINT = 0.127
"""Joints with higher scores count in a person's score."""

CENTRE_SOFTENING = 1.8
"""Thunder and Lightning weight by 1 / (d + this), d in cells."""


@dataclass(frozen=True)
class People:
    """People of a batch of images, in pixels of the network's input.

    Attributes:
        image: `(P,)` which image.
        keypoints: `(P, 17, 2)` x, y.
        keypoint_scores: `(P, 17)` in [0, 1].
        boxes: `(P, 4)` xyxy, clipped to the input.
        scores: `(P,)` in [0, 1].
    """

    image: Ints
    keypoints: Floats
    keypoint_scores: Floats
    boxes: Floats
    scores: Floats


def decode_people(out: Maps, least_centre: float = 0.1) -> People:
    """MultiPose decoding: peaks of the centre map, their boxes and joints.

    A joint is the highest cell, inside the person's box, of its heatmap times a
    Gaussian about the regressed position, moved by the offset there. The original
    graph stops at six people; here every peak is decoded. Two peaks on one person
    remain possible: suppress them by the boxes' IoU.

    Args:
        out: `MoveNet`'s outputs for N inputs of MultiPose.
        least_centre: Least score of a peak in [0, 1].

    Returns:
        The people of all images, by image and descending centre score. A person's
        score is the centre's times the mean score of the joints above `COUNTED_JOINT`.
    """
    image, y, x = _peaks(out.center[:, 0], least_centre)
    height, width = out.center.shape[2:]
    here = np.stack([y, x], axis=1).astype(np.float32)
    limits = np.array([height, width], np.float32)

    middle = here + out.at("box_offset", image, y, x)
    half = np.maximum(out.at("box_scale", image, y, x), 0) / 2
    low = np.clip(middle - half, 0, limits)
    high = np.clip(middle + half, 0, limits)

    regress = out.at("kpt_regress", image, y, x)
    expected = here[:, None] + regress.reshape(-1, NUM_JOINTS, 2)
    spread = REGRESSION_SPREAD * min(height, width)
    near_y, near_x = (
        _axis_gaussian(expected[..., axis], size, spread)
        * _inside(low[:, axis], high[:, axis], size)[:, None]
        for axis, size in enumerate((height, width))
    )
    # A box between two cells has a window of one, with weights of 0, as has a box that
    # is not finite.
    first = np.minimum(np.ceil(np.nan_to_num(low)), limits - 1)
    end = np.maximum(np.floor(np.nan_to_num(high)) + 1, first + 1)
    windows = np.stack([first, end], axis=2).astype(np.int64)
    keypoints, _, scores = _highest_joints(out, image, near_y, near_x, windows)
    boxes = np.concatenate([low[:, ::-1], high[:, ::-1]], axis=1) * STRIDE
    counted = scores > COUNTED_JOINT
    mean = (scores * counted).sum(1) / np.maximum(counted.sum(1), 1).astype(np.float32)
    centre = _sigmoid(out.center[image, 0, y, x])
    return People(image, keypoints, scores, boxes, centre * mean)


def decode_person(out: Maps) -> tuple[Floats, Floats]:
    """Single-pose decoding of Thunder and Lightning: the person in the crop's middle.

    Args:
        out: `MoveNet`'s outputs for N crops.

    Returns:
        Joints `(N, 17, 2)` as x, y in crop pixels, and scores `(N, 17)` in [0, 1].
    """
    centre = _sigmoid(out.center[:, 0])
    count, height, width = centre.shape
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)
    away = np.hypot(rows - height / 2, columns - width / 2)
    weighted = centre / (away + CENTRE_SOFTENING)
    y, x = np.divmod(weighted.reshape(count, -1).argmax(axis=1), width)
    image = np.arange(count)
    regress = out.at("kpt_regress", image, y, x).reshape(-1, NUM_JOINTS, 2)
    expected = np.stack([y, x], axis=1)[:, None].astype(np.float32) + regress
    away = np.hypot(
        rows - expected[..., 0, None, None], columns - expected[..., 1, None, None]
    )
    weighted = _sigmoid(out.kpt_heatmap) / (away + CENTRE_SOFTENING)
    cells = weighted.reshape(count, NUM_JOINTS, -1).argmax(axis=2)
    return _joints_at(out, image, cells)


def decode_seeded(out: Maps, seeds: Floats, sigma_px: float) -> tuple[Floats, Floats]:
    """Seeded decoding of Thunder and Lightning: the joints nearest to known ones.

    The centre and the regression are ignored, so that the pose does not jump to a
    neighbour nearer to the crop's middle.

    Args:
        out: `MoveNet`'s outputs for N crops.
        seeds: `(N, 17, 2)` first estimate of the joints as x, y in crop pixels.
        sigma_px: Standard deviation in crop pixels of the Gaussian about each seed
            that weights the joint's heatmap.

    Returns:
        Joints `(N, 17, 2)` as x, y in crop pixels, and scores `(N, 17)` in [0, 1], the
        heatmaps' without the weights.
    """
    height, width = out.kpt_heatmap.shape[2:]
    cells = seeds.astype(np.float32) / STRIDE
    spread = 2 * (sigma_px / STRIDE) ** 2
    near_y = _axis_gaussian(cells[..., 1], height, spread)
    near_x = _axis_gaussian(cells[..., 0], width, spread)
    whole = np.broadcast_to([[0, height], [0, width]], (len(seeds), 2, 2))
    image = np.arange(len(seeds))
    keypoints, scores, _ = _highest_joints(out, image, near_y, near_x, whole)
    return keypoints, scores


def _peaks(centres: Floats, least: float) -> tuple[Ints, Ints, Ints]:
    """Image, row and column of the peaks of centre maps `(N, H, W)`, best first."""
    least_logit = math.log(least / (1 - least))
    places = [np.zeros((3, 0), np.int64)]
    window = np.ones((PEAK_WINDOW, PEAK_WINDOW), np.uint8)
    for image, logits in enumerate(centres):
        known = np.where(np.isnan(logits), -np.inf, logits)  # NaN is no peak
        peak = (known >= cv2.dilate(known, window)) & (known >= least_logit)
        y, x = np.nonzero(peak)
        best = np.argsort(-known[y, x], kind="stable")[:MOST_PEOPLE]
        places.append(np.stack([np.full(len(best), image), y[best], x[best]]))
    image, y, x = np.concatenate(places, axis=1)
    return image, y, x


def _sigmoid(logits: Floats) -> Floats:
    """The logistic function of logits, which may be infinite."""
    with np.errstate(over="ignore"):  # of exp, where the result is 0
        probability: Floats = 1 / (1 + np.exp(-logits))
    return probability


def _axis_gaussian(centre: Floats, size: int, spread: float) -> Floats:
    """`(..., size)`: exp(-(i - centre)^2 / spread) at each cell i of an axis."""
    cells = np.arange(size, dtype=centre.dtype)
    weights: Floats = np.exp(np.square(cells - centre[..., None]) / -spread)
    return weights


def _inside(low: Floats, high: Floats, size: int) -> Bools:
    """`(P, size)`: whether each cell of an axis lies within the box."""
    cells = np.arange(size, dtype=low.dtype)
    return (cells >= low[:, None]) & (cells <= high[:, None])


def _highest_joints(
    out: Maps,
    image: Ints,
    near_y: Floats,
    near_x: Floats,
    windows: Ints,
) -> tuple[Floats, Floats, Floats]:
    """Joints, their scores and their weighted scores at the highest weighted cell.

    The weights are a product by axis.

    Args:
        out: Outputs for N inputs.
        image: `(P,)` the input of each person.
        near_y: `(P, 17, H)`.
        near_x: `(P, 17, W)`.
        windows: `(P, 2, 2)` int64, first cell and the one after the last along y and x,
            outside of which the weights are 0.
    """
    heatmaps = out.kpt_heatmap
    width = heatmaps.shape[3]
    values = np.zeros((len(image), NUM_JOINTS), np.float32)
    cells = np.zeros((len(image), NUM_JOINTS), np.int64)
    # One after the other, as each has a window of its own.
    for k, ((top, bottom), (left, right)) in enumerate(windows.tolist()):
        y, x = slice(top, bottom), slice(left, right)
        weighted = _sigmoid(heatmaps[image[k], :, y, x])
        weighted *= near_y[k, :, y, None]
        weighted *= near_x[k, :, None, x]
        flat = weighted.reshape(NUM_JOINTS, -1)
        cell = flat.argmax(axis=1)
        values[k] = flat[np.arange(NUM_JOINTS), cell]
        down, across = np.divmod(cell, right - left)
        cells[k] = (top + down) * width + left + across
    keypoints, scores = _joints_at(out, image, cells)
    return keypoints, scores, np.where(scores == 0, 0, values)


def _joints_at(out: Maps, image: Ints, at: Ints) -> tuple[Floats, Floats]:
    """Joints `(P, 17, 2)` as x, y in input pixels, and scores, at flat cells `at`.

    What is not finite becomes 0.
    """
    y, x = np.divmod(at, out.kpt_heatmap.shape[3])
    joint = np.arange(NUM_JOINTS)
    of = image[:, None]
    scores = _sigmoid(out.kpt_heatmap[of, joint, y, x])
    offsets = out.at("kpt_offset", np.broadcast_to(of, at.shape), y, x)
    dy, dx = (offsets[:, joint, 2 * joint + axis] for axis in (0, 1))
    keypoints = np.stack([x + dx, y + dy], axis=2).astype(np.float32) * STRIDE
    broken = ~(np.isfinite(keypoints).all(2) & np.isfinite(scores))
    keypoints[broken], scores[broken] = 0, 0
    return keypoints, scores

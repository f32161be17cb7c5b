"""MoveNet decoding: outputs of the heads to people, boxes and joints.

MultiPose has several people in an image; Thunder and Lightning one, in a crop. Source:
the graphs of Google's published models, and CenterNet's grouping of joints by
regression (Zhou et al., "Objects as Points", 2019, section 4.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from poseflow.estimator.networks.movenet import NUM_JOINTS, STRIDE

PEAK_WINDOW = 5
"""A person's centre is the highest cell of a window of so many cells a side."""

MOST_PEOPLE = 200
"""Number of peaks of an image that are decoded, best first."""

REGRESSION_SPREAD = 0.3
"""Joints are weighted by exp(-d^2 / (this x the shorter side)), in cells, d being the
distance to where the centre's regression puts them."""

PEOPLE_AT_ONCE = 32
"""People whose joints are searched at once on a GPU, where it bounds the memory: 17
weighted heatmaps each, of the size of the window that holds all their boxes. On a CPU
one after the other is faster, as each has the smallest window."""

COUNTED_JOINT = 0.127
"""Joints with higher scores count in a person's score."""

CENTRE_SOFTENING = 1.8
"""Thunder and Lightning weight by 1 / (d + this), d in cells."""


@dataclass(frozen=True)
class People:
    """People of a batch of images as tensors, in pixels of the network's input.

    Attributes:
        image: `(P,)` int64, which image.
        keypoints: `(P, 17, 2)` x, y.
        keypoint_scores: `(P, 17)` in [0, 1].
        boxes: `(P, 4)` xyxy, clipped to the input.
        scores: `(P,)` in [0, 1].
    """

    image: Tensor
    keypoints: Tensor
    keypoint_scores: Tensor
    boxes: Tensor
    scores: Tensor


def decode_people(out: Mapping[str, Tensor], least_centre: float = 0.1) -> People:
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
    centre = out["center"].float().sigmoid()
    height, width = centre.shape[2:]
    highest = torch.nn.functional.max_pool2d(centre, PEAK_WINDOW, 1, PEAK_WINDOW // 2)
    # A NaN score is no peak: every comparison with it is false.
    peaks = torch.where((centre >= highest) & (centre >= least_centre), centre, 0)
    best, cell = peaks.flatten(1).topk(min(MOST_PEOPLE, height * width))
    image, place = torch.nonzero(best > 0, as_tuple=True)
    at = cell[image, place]
    y, x = at // width, at % width
    here = torch.stack([y, x], dim=1).float()

    middle = here + out["box_offset"][image, :, y, x].float()
    half = out["box_scale"][image, :, y, x].float().clamp(min=0) / 2
    limits = middle.new_tensor([height, width])
    low = (middle - half).clamp(min=0).minimum(limits)
    high = (middle + half).clamp(min=0).minimum(limits)

    regress = out["kpt_regress"][image, :, y, x].float()
    expected = here[:, None] + regress.view(-1, NUM_JOINTS, 2)
    spread = REGRESSION_SPREAD * min(height, width)
    near = [
        _axis_gaussian(expected[..., axis], size, spread)
        * _inside(low[:, axis], high[:, axis], size)[:, None]
        for axis, size in enumerate((height, width))
    ]
    # A box between two cells has a window of one, with weights of 0, as has a box that
    # is not finite.
    first = low.nan_to_num(0).ceil().minimum(limits - 1)
    end = (high.nan_to_num(0).floor() + 1).maximum(first + 1)
    windows = torch.stack([first, end], dim=2).long()
    keypoints, _, scores = _highest_joints(out, image, near[0], near[1], windows)
    boxes = torch.cat([low.flip(1), high.flip(1)], dim=1) * STRIDE
    counted = scores > COUNTED_JOINT
    mean = (scores * counted).sum(1) / counted.sum(1).clamp(min=1)
    return People(image, keypoints, scores, boxes, best[image, place] * mean)


def decode_person(out: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Single-pose decoding of Thunder and Lightning: the person in the crop's middle.

    Args:
        out: `MoveNet`'s outputs for N crops.

    Returns:
        Joints `(N, 17, 2)` as x, y in crop pixels, and scores `(N, 17)` in [0, 1].
    """
    centre = out["center"].float().sigmoid()[:, 0]
    count, height, width = centre.shape
    rows = torch.arange(height, device=centre.device, dtype=centre.dtype)
    columns = torch.arange(width, device=centre.device, dtype=centre.dtype)
    away = torch.hypot(rows[:, None] - height / 2, columns - width / 2)
    at = (centre / (away + CENTRE_SOFTENING)).flatten(1).argmax(1)
    y, x = at // width, at % width
    image = torch.arange(count, device=centre.device)
    regress = out["kpt_regress"][image, :, y, x].float().view(-1, NUM_JOINTS, 2)
    expected = torch.stack([y, x], dim=1).float()[:, None] + regress
    away = torch.hypot(
        rows[:, None] - expected[..., 0, None, None],
        columns - expected[..., 1, None, None],
    )
    heatmaps = out["kpt_heatmap"].float().sigmoid()
    weighted = heatmaps / (away + CENTRE_SOFTENING)
    return _joints_at(out, image, weighted.flatten(2).argmax(2))


def decode_seeded(
    out: Mapping[str, Tensor], seeds: Tensor, sigma_px: float
) -> tuple[Tensor, Tensor]:
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
    height, width = out["kpt_heatmap"].shape[2:]
    image = torch.arange(len(seeds), device=seeds.device)
    cells = seeds.float() / STRIDE
    spread = 2 * (sigma_px / STRIDE) ** 2
    near_y = _axis_gaussian(cells[..., 1], height, spread)
    near_x = _axis_gaussian(cells[..., 0], width, spread)
    whole = torch.tensor([[0, height], [0, width]]).expand(len(seeds), 2, 2)
    keypoints, scores, _ = _highest_joints(out, image, near_y, near_x, whole)
    return keypoints, scores


def _axis_gaussian(centre: Tensor, size: int, spread: float) -> Tensor:
    """`(..., size)`: exp(-(i - centre)^2 / spread) at each cell i of an axis."""
    cells = torch.arange(size, device=centre.device, dtype=centre.dtype)
    # Not `exp`, which wakes all threads of a CPU for as few as 2048 values.
    return torch.pow(math.e, -((cells - centre[..., None]) ** 2) / spread)


def _inside(low: Tensor, high: Tensor, size: int) -> Tensor:
    """`(P, size)`: whether each cell of an axis lies within the box."""
    cells = torch.arange(size, device=low.device, dtype=low.dtype)
    return (cells >= low[:, None]) & (cells <= high[:, None])


def _highest_joints(
    out: Mapping[str, Tensor],
    image: Tensor,
    near_y: Tensor,
    near_x: Tensor,
    windows: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
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
    heatmaps = out["kpt_heatmap"].float()
    width = heatmaps.shape[3]
    at_once = 1 if heatmaps.device.type == "cpu" else PEOPLE_AT_ONCE
    values, cells = (
        [heatmaps.new_zeros(0, NUM_JOINTS)],
        [image.new_zeros(0, NUM_JOINTS)],
    )
    for start in range(0, len(image), at_once):
        part = slice(start, start + at_once)
        top, left = windows[part, :, 0].amin(0).tolist()
        bottom, right = windows[part, :, 1].amax(0).tolist()
        y, x = slice(top, bottom), slice(left, right)
        weighted = heatmaps[:, :, y, x].index_select(0, image[part]).sigmoid()
        weighted *= near_y[part, :, y, None]
        weighted *= near_x[part, :, None, x]
        # Not `max(2)`, nor an index: on CPUs these wake all threads, which then spin.
        cell = weighted.flatten(2).argmax(2)
        value = weighted.flatten(2).gather(2, cell[..., None])[..., 0]
        across = weighted.shape[3]
        values.append(value)
        cells.append((top + cell // across) * width + left + cell % across)
    keypoints, scores = _joints_at(out, image, torch.cat(cells))
    return keypoints, scores, torch.cat(values).masked_fill(scores == 0, 0)


def _joints_at(
    out: Mapping[str, Tensor], image: Tensor, at: Tensor
) -> tuple[Tensor, Tensor]:
    """Joints `(P, 17, 2)` as x, y in input pixels, and scores, at flat cells `at`.

    What is not finite becomes 0.
    """
    width = out["kpt_heatmap"].shape[3]
    joint = torch.arange(NUM_JOINTS, device=at.device).expand_as(at)
    of = image[:, None].expand_as(at)
    y, x = at // width, at % width
    scores = out["kpt_heatmap"][of, joint, y, x].float().sigmoid()
    dy, dx = (out["kpt_offset"][of, 2 * joint + axis, y, x].float() for axis in (0, 1))
    keypoints = torch.stack([x + dx, y + dy], dim=2) * STRIDE
    broken = ~(torch.isfinite(keypoints).all(2) & torch.isfinite(scores))
    keypoints = keypoints.masked_fill(broken[..., None], 0)
    return keypoints, scores.masked_fill(broken, 0)

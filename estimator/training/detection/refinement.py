"""Learning of box refinement: linear rules from joints found in displaced boxes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from scipy.optimize import least_squares

from poseflow.arrays import Floats
from poseflow.estimator.box_refinement import OUTWARDS, BoxRefinement, edge_features
from poseflow.estimator.topdown.topdown import TopDown
from poseflow.estimator.torch_network import TorchPoseNetwork
from poseflow.estimator.training.detection.config import (
    CocoBoxesConfig,
    DetectionConfig,
)
from poseflow.estimator.training.detection.dataset import read_boxes

SHIFT = 0.15
"""Standard deviation of the boxes' errors, edge by edge, in sides: the detector's."""

TIMES = 6
"""Wrong boxes of each person."""

LEAST_PX = 48
"""Joints of shorter people are not to be seen."""

LEAST_PEOPLE = 20
"""Fewer teach nothing."""

USUAL_ERROR = 0.05
"""Errors above, in sides, count by their size and not by its square: some are of people
of whom no joint was found."""

LEAST_SIDE = 0.3
"""Boxes with less than this share of a person's width or height are not asked about."""

DIGITS = 4
"""Of a weight in the file."""


def learn_refinement(
    config: DetectionConfig, pose: Path, device: str = "auto"
) -> BoxRefinement | None:
    """Learn box refinement from the training images whose boxes were drawn by hand.

    Args:
        config: Of the detector's run.
        pose: Weights of the pose network.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Returns:
        None if there are too few people to learn from.
    """
    drawn = [
        msgspec.structs.replace(dataset, repeat=1)
        for dataset in config.data.train
        if isinstance(dataset, CocoBoxesConfig)
    ]
    if not drawn:
        return None
    table = read_boxes(drawn, Path(config.data.root))
    estimator = TopDown(TorchPoseNetwork.from_file(pose, device), nms=None)
    rng = np.random.default_rng(config.seed)
    features, wanted = [], []
    for index in range(len(table)):
        where = table.of(index)
        truth: Floats = table.boxes[where][~table.ignored[where]].astype(np.float64)
        truth = truth[truth[:, 3] - truth[:, 1] > LEAST_PX]
        if not len(truth):
            continue
        image = table.image_files.read(index)
        boxes, truth = _displaced(truth, (image.shape[1], image.shape[0]), rng)
        (people,) = estimator.estimate_batch([image], [boxes.astype(np.float32)])
        features.append(edge_features(boxes, people.keypoints, people.keypoint_scores))
        middle, sides = (boxes[:, 2:] + boxes[:, :2]) / 2, boxes[:, 2:] - boxes[:, :2]
        edges = (truth - np.tile(middle, 2)) / np.tile(sides, 2) * OUTWARDS
        wanted.append(edges.T)
    if sum(edges.shape[1] for edges in wanted) < LEAST_PEOPLE * TIMES:
        return None
    x, y = np.concatenate(features, axis=1), np.concatenate(wanted, axis=1)
    return BoxRefinement(
        side=_fit(x[[0, 2]], y[[0, 2]]), top=_fit(x[1], y[1]), bottom=_fit(x[3], y[3])
    )


def _displaced(
    truth: Floats, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Displaced boxes as a detector might propose them, and the true boxes."""
    truth = np.repeat(truth, TIMES, axis=0)
    sides = truth[:, 2:] - truth[:, :2]
    boxes = truth + rng.normal(0, SHIFT, truth.shape) * np.tile(sides, 2)
    boxes = np.clip(boxes, 0, [*size, *size])
    usable = (boxes[:, 2:] - boxes[:, :2] > LEAST_SIDE * sides).all(axis=1)
    return boxes[usable], truth[usable]


def _fit(features: Floats, wanted: Floats) -> tuple[float, ...]:
    """Robust linear regression (soft L1): the weights of one edge."""
    x, y = features.reshape(-1, features.shape[-1]), wanted.ravel()
    start = np.linalg.lstsq(x, y, rcond=None)[0]
    solution = least_squares(
        lambda weights: x @ weights - y,
        start,
        jac=lambda _: x,
        loss="soft_l1",
        f_scale=USUAL_ERROR,
    )
    return tuple(np.round(solution.x, DIGITS).tolist())

"""Learning what is evidence for a person: a detector and a pose network looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from poseflow.boxes import box_iou
from poseflow.estimator.centre.detector import CentreDetector
from poseflow.estimator.topdown import TopDown
from poseflow.estimator.torch_network import TorchPoseNetwork
from poseflow.estimator.training.detection.config import DetectionConfig
from poseflow.estimator.training.detection.pictures import read_boxes
from poseflow.estimator.training.detection.scenes import Composer, Scene
from poseflow.estimator.verification import UNLEARNED, Verification, features

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

ZOOM = 2
"""Scenes are so much larger than the detector's: joints are found in whole pictures."""

SCENES_SHARE = 6
"""One scene for so many of an epoch of the detector's training."""

LEAST_SCORE = 0.08
"""Detections from this score on are learned from."""

NOBODY_IOU, SOMEBODY_IOU = 0.35, 0.65
"""Between these a box is more and more a person: 0.5 is no cliff."""

UNKNOWN_SHARE = 0.4
"""A box of which more is not known to be background is no example of it."""

DECAY = 1e-3
"""Weight of the squared weights."""


def learn_verification(
    config: DetectionConfig, weights: Path, pose: Path, device: str = "auto"
) -> Verification:
    """What the evidence for a person is worth, on the detections of training scenes.

    Args:
        config: Of the detector's training.
        weights: File with the detector's weights.
        pose: File with the pose network's.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Returns:
        Weights; `least` is left to the held-back pictures.

    Raises:
        PoseFlowError: If the data or the files cannot be used.
    """
    detector = CentreDetector.from_file(weights, device, threshold=LEAST_SCORE)
    estimator = TopDown(TorchPoseNetwork.from_file(pose, device), nms=None)
    low, high = config.compose.people_px
    compose = msgspec.structs.replace(
        config.compose, people_px=(ZOOM * low, ZOOM * high)
    )
    width, height = config.scene_size()
    size = (ZOOM * width, ZOOM * height)
    table = read_boxes(config.data.train, Path(config.data.root))
    composer = Composer(table, compose, size)
    known, right = [np.zeros((0, len(UNLEARNED.weights)))], [np.zeros(0)]
    for number in range(max(config.compose.scenes // SCENES_SHARE, 1)):
        # No scene of the training itself, whose seeds have a third part.
        rng = np.random.Generator(np.random.PCG64((config.seed, number)))
        scene = composer.compose(rng)
        (found,) = detector.detect([scene.image])
        (poses,) = estimator.estimate_batch([scene.image], [found.boxes])
        evidence = features(
            found.boxes, found.scores, poses.keypoints, poses.keypoint_scores, size
        )
        target, counts = _judged(found.boxes.astype(np.float64), scene)
        known.append(evidence[counts])
        right.append(target[counts])
    return fit(np.concatenate(known), np.concatenate(right))


def _judged(boxes: Floats, scene: Scene) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """How much each box is a person's, and whether that is known."""
    people = np.array(scene.boxes, np.float64).reshape(-1, 4)
    ignored = np.array(scene.ignored, np.float64).reshape(-1, 4)
    iou = box_iou(boxes, people).max(axis=1, initial=0)
    corner = np.maximum(boxes[:, None, :2], ignored[None, :, :2])
    shared = np.minimum(boxes[:, None, 2:], ignored[None, :, 2:]) - corner
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
    unknown = np.maximum(shared, 0).prod(axis=2).max(axis=1, initial=0) / area
    for row, (x0, y0, x1, y1) in enumerate(boxes.astype(int).tolist()):
        place = scene.counted[y0 : y1 + 1, x0 : x1 + 1]
        unknown[row] = max(unknown[row], 1 - place.mean())
    target = np.clip((iou - NOBODY_IOU) / (SOMEBODY_IOU - NOBODY_IOU), 0, 1)
    return target, (iou >= NOBODY_IOU) | (unknown <= UNKNOWN_SHARE)


def fit(evidence: Floats, target: Floats) -> Verification:
    """Logistic regression with shares as targets.

    Args:
        evidence: `(N, F)`.
        target: `(N,)` in [0, 1].

    Returns:
        Its weights; `UNLEARNED` if there is nothing to learn from.
    """
    if not len(target):
        return UNLEARNED
    middle, spread = evidence.mean(axis=0), evidence.std(axis=0) + 1e-3
    scaled = np.column_stack([(evidence - middle) / spread, np.ones(len(target))])

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = scaled @ weights
        entropy = np.logaddexp(0, odds) - target * odds
        decayed = np.append(weights[:-1], 0)
        slope = scaled.T @ (1 / (1 + np.exp(-odds)) - target) / len(target)
        value = entropy.mean() + DECAY * np.square(decayed).sum()
        return float(value), slope + 2 * DECAY * decayed

    start = np.zeros(scaled.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    weights = found[:-1] / spread
    bias = float(found[-1] - weights @ middle)
    return Verification(weights=tuple(weights.tolist()), bias=bias)

"""Rescoring of detections by their joints, and suppression of false positives."""

import numpy as np
import pytest

from poseflow.estimator import Detections, TopDown
from poseflow.estimator.topdown.rescoring import person_scores
from poseflow.skeletons import get

BLACK = np.zeros((60, 80, 3), np.uint8)
BOXES = np.array([[0, 0, 20, 40], [30, 0, 50, 40], [55, 0, 75, 40]], np.float32)


class Network:
    """Joints of the given confidence, one person a value."""

    skeleton = get("coco17")
    width, height, margin = 24, 32, 1.25

    def __init__(self, confidence):
        self.confidence = np.asarray(confidence, np.float32)

    def predict(self, crops):
        spread = np.random.default_rng(0).uniform(4, 20, (len(crops), 17, 2))
        scores = np.repeat(self.confidence[: len(crops), None], 17, axis=1)
        return spread.astype(np.float32), scores


class Detector:
    def __init__(self, scores):
        self.scores = np.asarray(scores, np.float32)

    def detect(self, images):
        return [Detections(BOXES[: len(self.scores)], self.scores) for _ in images]


def people(least, scores=(0.5, 0.5, 0.2), confidence=(0.9, 0.3, 0.9)):
    found = TopDown(
        Network(confidence), Detector(scores), nms=None, least_person_score=least
    )
    return found.estimate_batch([BLACK])[0]


def test_detections_without_confident_joints_are_suppressed():
    assert people(None).scores.tolist() == pytest.approx([0.5, 0.5, 0.2])
    assert people(0.0).scores.tolist() == pytest.approx([0.405, 0.045, 0.162])
    assert people(0.1).boxes[:, 0].tolist() == [0, 55]
    assert len(people(0.9)) == 0
    assert len(people(0.1, scores=())) == 0


def test_given_boxes_are_not_suppressed():
    estimator = TopDown(Network([0.1, 0.1, 0.1]), least_person_score=0.5, nms=None)
    assert len(estimator.estimate_batch([BLACK], [BOXES])[0]) == 3


def test_no_people_have_no_scores():
    assert person_scores(np.zeros(0), np.zeros((0, 17))).shape == (0,)

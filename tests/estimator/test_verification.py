"""Joints have a say in who is a person."""

import msgspec
import numpy as np
import pytest

from poseflow.estimator import Detections, TopDown
from poseflow.estimator.training.detection.evidence import fit
from poseflow.estimator.verification import (
    FEATURES,
    UNLEARNED,
    Verification,
    features,
    person_scores,
)
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


def people(verification, scores=(0.5, 0.5, 0.2), confidence=(0.9, 0.3, 0.9)):
    found = TopDown(
        Network(confidence), Detector(scores), nms=None, verification=verification
    )
    return found.estimate_batch([BLACK])[0]


def weighing(least=0.0, **weights):
    """Verification with the given weights, by the first words of the features."""
    given = [
        next((w for k, w in weights.items() if name.startswith(k.replace("_", " "))), 0)
        for name in FEATURES
    ]
    return Verification(weights=tuple(map(float, given)), bias=0.0, least=least)


def test_detections_without_confident_joints_are_nobody():
    assert people(None).scores.tolist() == pytest.approx([0.5, 0.5, 0.2])
    odds = np.array([0.5, 0.5, 0.2]) * np.square([0.901, 0.301, 0.901])
    assert people(UNLEARNED).scores == pytest.approx(odds / (1 + odds))
    sure = msgspec.structs.replace(UNLEARNED, least=0.1)
    assert people(sure).boxes[:, 0].tolist() == [0, 55]
    assert len(people(msgspec.structs.replace(sure, least=0.9))) == 0
    assert len(people(sure, scores=())) == 0


def test_boxes_that_are_given_are_believed():
    sure = msgspec.structs.replace(UNLEARNED, least=0.5)
    estimator = TopDown(Network([0.1, 0.1, 0.1]), verification=sure, nms=None)
    assert len(estimator.estimate_batch([BLACK], [BOXES])[0]) == 3


def test_nobody_has_no_score():
    none = features(*map(np.zeros, [(0, 4), 0, (0, 17, 2), (0, 17)]), (80, 60))
    assert none.shape == (0, len(FEATURES))
    assert person_scores(UNLEARNED, none).shape == (0,)


def test_features_by_hand():
    """A person, and a box of its legs that scores less."""
    boxes = np.array([[10, 0, 30, 40], [10, 20, 30, 40.0]])
    joints = np.array([[[12, 4], [28, 36]], [[12, 16], [28, 36.0]]])
    scores = np.array([[0.8, 0.6], [0.8, 0.2]])
    found = features(boxes, np.array([0.5, 0.25]), joints, scores, (80, 60))
    whole, legs = (dict(zip(FEATURES, row.tolist(), strict=True)) for row in found)
    assert whole["log of the detector's score"] == pytest.approx(np.log(0.5))
    assert whole["share of joints found"] == 1
    assert legs["share of joints found"] == 0.5
    assert whole["log of height over the picture's longer side"] == np.log(0.5)
    assert whole["room left of the joints"] == pytest.approx(0.1)
    assert whole["IoU with the joints' extent"] == pytest.approx(16 * 32 / 800)
    # The one joint of the legs that is found lies above them.
    assert legs["room above them"] == pytest.approx(-4 / 20)
    assert whole["cut above"] == 1
    assert legs["cut above"] == 0
    assert [whole[n] for n in FEATURES[14:]] == [0, 0, 0, 0]
    assert legs["IoU with a better box"] == pytest.approx(0.5)
    assert legs["share inside a better box"] == 1
    assert legs["share of a better box inside"] == pytest.approx(0.5)
    # One joint 12 px off, at 0.08 of 20 px nothing like it; one at the same place.
    alike = 0.6 * 0.2 / (0.8 * 0.8 + 0.6 * 0.2)
    assert legs["likeness to a better box's pose"] == pytest.approx(alike, abs=1e-3)


def test_joints_that_are_nowhere_leave_the_box_alone():
    found = features(
        np.array([[0, 0, 10, 20.0]]), np.zeros(1), np.full((1, 3, 2), 1e6),
        np.zeros((1, 3)), (40, 20),
    )  # fmt: skip
    assert np.isfinite(found).all()


def test_parts_of_people_are_nobody():
    part = weighing(least=0.5, share_inside=-4.0)
    assert people(part).boxes[:, 0].tolist() == [0, 30, 55]
    inside = Detector([0.5, 0.4])
    inside.detect = lambda images: [
        Detections(
            np.array([[0, 0, 20, 40], [0, 20, 20, 40]], np.float32),
            np.array([0.5, 0.4], np.float32),
        )
    ]
    found = TopDown(Network([0.9, 0.9]), inside, nms=None, verification=part)
    assert found.estimate_batch([BLACK])[0].boxes[:, 1].tolist() == [0]


def test_fit_finds_what_counts():
    random = np.random.default_rng(0)
    evidence = random.normal(3, 2, (4000, len(FEATURES)))
    odds = 1.5 * evidence[:, 2] - evidence[:, 9] + 0.5
    learned = fit(
        evidence, (random.random(4000) < 1 / (1 + np.exp(-odds))).astype(float)
    )
    wanted = np.zeros(len(FEATURES))
    wanted[[2, 9]] = 1.5, -1
    assert learned.weights == pytest.approx(wanted, abs=0.25)
    assert learned.bias == pytest.approx(0.5, abs=0.4)
    assert fit(evidence[:0], np.zeros(0)) == UNLEARNED


def test_weights_must_fit_the_features():
    with pytest.raises(ValueError, match=r"weights: expected 18, got 2"):
        Verification(weights=(1.0, 2.0), bias=0.0)

"""Pose-guided proposals: training boxes with a detector's offsets."""

import json

import numpy as np
import pytest

from poseflow.errors import PoseFlowError
from poseflow.estimator.training.config import (
    AugmentConfig,
    CocoConfig,
    InputConfig,
    load_config,
)
from poseflow.estimator.training.loop import train
from poseflow.estimator.training.pose.proposals import best_detections, learn_proposals
from poseflow.estimator.training.pose.readers import read_people
from poseflow.estimator.training.pose.samples import PoseSamples
from poseflow.skeletons.skeleton import Skeleton


@pytest.fixture
def detected(tmp_path, dots):
    """People whom a detector finds a quarter of a box too far right, but not always."""
    dots.write_coco(tmp_path, count=40)
    content = json.loads((tmp_path / "people.json").read_text())
    rng = np.random.default_rng(0)
    results = []
    for note in content["annotations"][:36]:
        x, y, w, h = note["bbox"]
        noise = rng.normal(0, 0.4, 4)
        box = (np.array([x + w / 4, y, w, h]) + noise).tolist()
        results.append({"image_id": note["image_id"], "bbox": box, "score": 0.9})
        results.append({"image_id": note["image_id"], "bbox": [300, 0, 9, 9]})
    (tmp_path / "boxes.json").write_text(json.dumps(results))
    dataset = CocoConfig(
        annotations="people.json", images="images.zip", detections="boxes.json"
    )
    skeleton = Skeleton("dots", dots.JOINTS)
    return read_people([dataset], tmp_path, skeleton), skeleton


def test_sampled_boxes_follow_the_detector(detected):
    people, skeleton = detected
    assert np.isfinite(people.detected).all(axis=1).sum() == 36
    proposals = learn_proposals(people, skeleton, seed=1)
    rng = np.random.default_rng(3)
    box = np.array([0, 0, 100, 200.0])
    drawn = np.stack([proposals.sample(39, box, rng) for _ in range(400)])
    np.testing.assert_allclose(drawn.mean(axis=0), [25, 0, 125, 200], atol=1.5)
    assert 0.3 < drawn[:, 0].std() < 4
    again = learn_proposals(people, skeleton, seed=1)
    np.testing.assert_array_equal(again.atom_of, proposals.atom_of)


def test_atoms_have_offsets_of_their_own():
    from dataclasses import replace

    from poseflow.estimator.training.data_files import ImageFiles
    from poseflow.estimator.training.pose.dataset import people_of

    skeleton = Skeleton("stick", ("left_shoulder", "right_shoulder", "left_hip"))
    rng = np.random.default_rng(0)
    count = 200
    lying = np.arange(count) % 2 == 1
    upright = np.array([[40, 10], [60, 10], [45, 90.0]])
    flat = np.array([[10, 40], [10, 60], [90, 45.0]])
    poses = np.where(lying[:, None, None], flat, upright)
    boxes = np.tile([0, 0, 100, 100.0], (count, 1))
    people = people_of(
        "t",
        skeleton.joints,
        containers=[],
        container_of=[],
        names=[],
        image_of=np.arange(count),
        boxes=boxes,
        keypoints=poses + rng.normal(0, 2, poses.shape),
        labelled=np.ones(poses.shape[:2], bool),
        target=skeleton,
        rename={},
    )
    shift = np.where(lying[:, None], [20, 0, 20, 0], [0, 30, 0, 30])
    people = replace(people, detected=(boxes + shift).astype(np.float32))
    proposals = learn_proposals(people, skeleton)
    assert isinstance(people.image_files, ImageFiles)
    for person, expected in ((0, [0, 30, 100, 130]), (1, [20, 0, 120, 100])):
        drawn = [proposals.sample(person, boxes[0], rng) for _ in range(20)]
        np.testing.assert_allclose(np.mean(drawn, axis=0), expected, atol=1)


def test_samples_use_them(detected):
    people, skeleton = detected
    still = {"flip": 0, "scale": 0, "rotate": 0, "half_body": 0}
    size = InputConfig(width=64, height=64)
    plain = PoseSamples(people, skeleton, size, AugmentConfig(**still))[0]
    moved = PoseSamples(people, skeleton, size, AugmentConfig(proposals=1.0, **still))[
        0
    ]
    shift = (plain.joints - moved.joints)[0]
    # A quarter of the box's width of 52 px, at 64 crop pixels for 1.25 x 60 px.
    assert shift[0].item() == pytest.approx(13 * 64 / 75, abs=1.5)
    assert shift[1].item() == pytest.approx(0, abs=1.5)


def test_detections_are_needed(config_file):
    with pytest.raises(PoseFlowError, match=r"at least 20 people, got 0"):
        train(load_config(config_file, ["augment.proposals=0.5"]))


def test_best_detections():
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60.0]])
    drawn = np.array([[1, 0, 11, 10], [0, 0, 10, 9], [90, 90, 99, 99.0]])
    matched = best_detections(boxes, drawn)
    assert matched[0].tolist() == [0, 0, 10, 9]
    assert np.isnan(matched[1]).all()
    assert best_detections(boxes[:0], drawn).shape == (0, 4)
    assert np.isnan(best_detections(boxes, drawn[:0])).all()

"""Pseudo-labels: poses of another model for joints without labels."""

import gzip
import json

import numpy as np
import pytest

from poseflow.errors import FormatError
from poseflow.estimator.training.pose.pseudo_labels import (
    add_pseudo_labels,
    load_pseudo_labels,
)
from poseflow.skeletons import get

COCO, TARGET = get("coco17"), get("posetrack15")
NOSE = TARGET.index("nose")
SHARED = [j for j in TARGET.joints if j in COCO.joints and j != "nose"]


def standing(left=0.0):
    """A found pose `(17, 3)`, 100 pixels tall, and the box around it."""
    rng = np.random.default_rng(3)
    points = rng.uniform([10 + left, 10], [50 + left, 110], (17, 2))
    pose = np.c_[points, np.full(17, 0.9)].astype(np.float32)
    low, high = points.min(axis=0), points.max(axis=0)
    return pose, np.concatenate([low, high])


def labels(pose=None, joints=()):
    """Labels `(1, K, 2)` and flags that repeat a pose's joints."""
    keypoints = np.zeros((1, len(TARGET), 2), np.float32)
    labelled = np.zeros((1, len(TARGET)), bool)
    for joint in joints:
        keypoints[0, TARGET.index(joint)] = pose[COCO.index(joint), :2]
        labelled[0, TARGET.index(joint)] = True
    return keypoints, labelled


def test_an_agreeing_pose_adds_only_missing_joints():
    pose, box = standing()
    both = [labels(pose, joints) for joints in (SHARED, SHARED[:-1])]
    keypoints, labelled = map(np.concatenate, zip(*both, strict=True))
    keypoints[labelled] += 3
    before = keypoints.copy(), labelled.copy()
    names, boxes = ["a.webp", "a.webp"], np.stack([box, box])
    add_pseudo_labels({"a": pose[None]}, names, boxes, keypoints, labelled, TARGET)
    assert (keypoints[:, NOSE] == pose[0, :2]).all()
    assert labelled[:, NOSE].all()
    # The second person's ankle is a joint that the data set labels, elsewhere.
    rest = np.arange(len(TARGET)) != NOSE
    assert (keypoints[:, rest] == before[0][:, rest]).all()
    assert (labelled[:, rest] == before[1][:, rest]).all()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda p, k: p[:, :, 0].__iadd__(30), id="stands elsewhere"),
        pytest.param(lambda p, k: p[:, 0].__imul__([1, 1, 0]), id="has no nose"),
        pytest.param(lambda p, k: p[:, 5:, 2].__imul__(0), id="few joints in common"),
    ],
)
def test_other_poses_add_nothing(spoil):
    pose, box = standing()
    keypoints, labelled = labels(pose, SHARED)
    poses = pose[None].copy()
    spoil(poses, keypoints)
    add_pseudo_labels({"a": poses}, ["a.jpg"], box[None], keypoints, labelled, TARGET)
    assert not labelled[0, NOSE]


def test_a_box_without_labels_gets_the_pose_that_fits():
    pose, box = standing()
    other, _ = standing(left=300)
    keypoints, labelled = labels()
    found = {"a": np.stack([other, pose])}
    add_pseudo_labels(found, ["a.jpg"], box[None], keypoints, labelled, TARGET)
    assert labelled[0].sum() == len(SHARED) + 1
    assert (keypoints[0, NOSE] == pose[0, :2]).all()
    keypoints, labelled = labels()
    add_pseudo_labels(
        {"a": other[None]}, ["a.jpg"], box[None], keypoints, labelled, TARGET
    )
    assert not labelled.any()


def test_no_poses_and_unknown_images_change_nothing():
    keypoints, labelled = labels()
    boxes = np.array([[0, 0, 10, 10.0]])
    empty = {"a": np.zeros((0, 17, 3), np.float32)}
    for found in ({}, empty):
        add_pseudo_labels(found, ["a.jpg"], boxes, keypoints, labelled, TARGET)
        assert not labelled.any()


def test_files_are_json_gzipped_or_not(tmp_path):
    content = json.dumps({"im1.jpg": [[1.0] * 51], "im2.jpg": []}).encode()
    for name, data in (("a.json", content), ("a.json.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        found = load_pseudo_labels(tmp_path / name)
        assert {k: v.shape for k, v in found.items()} == {
            "im1": (1, 17, 3),
            "im2": (0, 17, 3),
        }
    for broken in (b"[]", b'{"a": [[1, 2]]}', b"{", b"\xff\xfe"):
        (tmp_path / "a.json").write_bytes(broken)
        message = r"a\.json: (not image -> poses|the JSON breaks off|the file is empty)"
        with pytest.raises(FormatError, match=message):
            load_pseudo_labels(tmp_path / "a.json")

"""Pose NMS against the reference, and its edge cases."""

from pathlib import Path

import numpy as np
import pytest

from poseflow import Poses, skeletons
from poseflow.errors import PoseFlowError
from poseflow.estimator.topdown.pose_nms import (
    PoseNMSParameters,
    oks_nms,
    pose_nms,
    suppress,
)
from poseflow.similarity.parametric import SimilarityParameters

GOLDEN = Path(__file__).parents[2] / "golden" / "alphapose" / "pose_nms.npz"


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(0, id="three people"),
        pytest.param(1, id="crowded"),
        pytest.param(2, id="low and zero scores"),
        pytest.param(3, id="single"),
        pytest.param(4, id="exact copies"),
        pytest.param(5, id="mixed sizes with an area threshold"),
    ],
)
def test_reference_cases(case):
    with np.load(GOLDEN) as data:
        given, expected = (
            {
                key.split(part)[1]: data[key]
                for key in data.files
                if key.startswith(f"case{case}{part}")
            }
            for part in ("_in_", "_out_")
        )
    before = {key: value.copy() for key, value in given.items()}
    result = pose_nms(
        given["pose_preds"],
        given["pose_scores"][..., 0],
        given["bboxes"],
        given["bbox_scores"][:, 0],
        PoseNMSParameters(least_area=float(given["area_thres"])),
    )
    assert result.picked.tolist() == expected["pick_ids"].tolist()
    assert [len(m) for m in result.merged] == expected["merged_counts"].tolist()
    assert np.concatenate(result.merged).tolist() == expected["merged_flat"].tolist()
    for ours, theirs in (
        (result.keypoints, expected["pose_preds"]),
        (result.keypoint_scores, expected["pose_scores"][..., 0]),
        (result.scores, expected["proposal_score"]),
        (given["bboxes"][result.picked], expected["bboxes"]),
    ):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    for key, value in given.items():
        np.testing.assert_array_equal(value, before[key], err_msg="input changed")


def people(count, spacing=500.0):
    pose = np.stack([np.arange(17) % 4 * 20.0, np.arange(17) // 4 * 40.0], axis=1)
    keypoints = pose[None] + np.arange(count)[:, None, None] * [spacing, 0]
    return Poses(keypoints, np.full((count, 17), 0.8), scores=np.full(count, 0.9))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_people_apart_all_stay(count):
    poses = people(count)
    kept = suppress(poses)
    assert len(kept) == count
    np.testing.assert_allclose(
        np.sort(kept.keypoints, axis=0), poses.keypoints, atol=1e-3
    )


def test_duplicates_are_merged():
    assert len(suppress(people(3, spacing=1.0))) == 1


def test_missing_joints_have_no_similarity():
    # Both poses lack most joints, which all sit at (0, 0): that is no agreement.
    poses = people(2)
    scores = np.zeros((2, 17))
    scores[0, :6] = scores[1, 6:12] = 0.9
    sparse = poses.replace(keypoint_scores=scores)
    kept = suppress(sparse)
    assert len(kept) == 2
    assert (np.sort(kept.present.sum(axis=1)) == 6).all()


def test_missing_joint_comes_from_the_merged_pose():
    poses = people(2, spacing=1.0)
    scores = np.array(poses.keypoint_scores)
    scores[0], scores[0, 3] = 0.9, 0
    kept = suppress(poses.replace(keypoint_scores=scores))
    assert len(kept) == 1
    np.testing.assert_allclose(kept.keypoints[0, 3], poses.keypoints[1, 3])


def test_all_scores_low_leave_no_people():
    poses = people(2).replace(keypoint_scores=np.full((2, 17), 0.1))
    assert len(suppress(poses)) == 0


def test_wrong_shapes_are_named():
    with pytest.raises(PoseFlowError, match=r"boxes: expected shape \(2, 4\)"):
        pose_nms(np.zeros((2, 17, 2)), np.zeros((2, 17)), np.zeros((1, 4)), np.ones(2))
    with pytest.raises(
        PoseFlowError, match="sigma_score must be a number of at least 1e-06"
    ):
        SimilarityParameters(sigma_score=0)


def test_oks_nms_keeps_the_best_of_duplicates():
    poses = people(3, spacing=2.0)
    far = people(1).keypoints + 700
    keypoints = np.concatenate([poses.keypoints, far])
    sigmas = np.array(skeletons.get("coco17").sigmas)
    kept = oks_nms(
        keypoints, np.array([0.3, 0.9, 0.5, 0.2]), np.full(4, 1e4), sigmas, 0.7
    )
    assert kept.tolist() == [1, 3]
    empty = oks_nms(keypoints[:0], np.zeros(0), np.zeros(0), sigmas)
    assert empty.tolist() == []

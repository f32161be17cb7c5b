"""`Poses`: defaults, checks, indexing and dtypes."""

import copy
import pickle

import numpy as np
import pytest

from poseflow import PoseFlowError, Poses


def two_people():
    keypoints = np.zeros((2, 17, 2))
    keypoints[0, 0], keypoints[0, 1] = (10, 20), (30, 60)
    scores = np.zeros((2, 17))
    scores[0, :2] = 0.8, 0.4
    return Poses(keypoints, scores)


def test_no_people():
    empty = Poses.empty("coco17")
    assert len(empty) == 0
    assert empty.keypoints.shape == (0, 17, 2)
    assert empty == Poses(np.zeros((0, 17, 2)))
    assert len(Poses.concatenate([empty, two_people()])) == 2
    assert len(empty[empty.scores > 0.5]) == 0
    assert list(empty) == []


def test_defaults_come_from_present_joints():
    poses = two_people()
    np.testing.assert_array_equal(poses.boxes, [[10, 20, 30, 60], [0, 0, 0, 0]])
    np.testing.assert_allclose(poses.scores, [0.6, 0.0], rtol=1e-6)
    assert poses.track_ids.tolist() == [-1, -1]
    assert poses.keypoints.dtype == np.float32
    assert poses.skeleton.name == "coco17"


def test_a_joint_that_is_not_finite_is_missing():
    keypoints = np.ones((1, 17, 2))
    keypoints[0, 3, 1] = np.nan
    keypoints[0, 4, 0] = np.inf
    poses = Poses(keypoints)
    assert poses.present[0].sum() == 15
    assert poses.keypoints[0, 3].tolist() == [0, 0]


def test_arrays_are_read_only_and_own():
    mine = np.zeros((1, 17, 2), np.float32)
    poses = Poses(mine)
    mine[:] = 7
    assert poses.keypoints.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        poses.keypoints[:] = 1
    with pytest.raises(ValueError, match="read-only"):
        poses[0].scores[:] = 1
    with pytest.raises(AttributeError):
        poses.scores = 1


def test_float64_survives_every_operation():
    poses = Poses(np.full((2, 17, 2), 0.1), dtype=np.float64)
    for other in (
        poses[0],
        poses.replace(track_ids=[1, 2]),
        Poses.concatenate([poses]),
    ):
        assert other.keypoints.dtype == np.float64
    assert poses.astype(np.float32).keypoints.dtype == np.float32


@pytest.mark.parametrize(
    ("which", "ids"),
    [
        pytest.param(0, [4], id="number"),
        pytest.param(-1, [6], id="last"),
        pytest.param(slice(1, None), [5, 6], id="slice"),
        pytest.param(np.array([True, False, True]), [4, 6], id="mask"),
        pytest.param([2, 0], [6, 4], id="list"),
        pytest.param([], [], id="empty list"),
    ],
)
def test_indexing_keeps_fields_in_step(which, ids):
    poses = Poses(np.zeros((3, 17, 2)), track_ids=[4, 5, 6])
    assert poses[which].track_ids.tolist() == ids
    assert poses[which].keypoints.shape == (len(ids), 17, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keypoints": np.zeros((2, 17, 3))}, r"expected shape \(people, joints, 2\)"),
        ({"keypoints": np.zeros((2, 5, 2))}, "no known skeleton has 5 joints"),
        ({"keypoints": np.zeros((2, 16, 2)), "skeleton": "coco17"}, "17 joints"),
        ({"keypoints": np.zeros((2, 17, 2)), "boxes": np.zeros((1, 4))}, r"\(2, 4\)"),
        ({"keypoints": "people"}, "array of numbers"),
        ({"keypoints": np.zeros((2, 17, 2)), "skeleton": "cow"}, "unknown skeleton"),
        ({"keypoints": np.zeros((1, 17, 2)), "dtype": int}, "float32 or float64"),
    ],
)
def test_mismatching_arrays_are_named(arguments, message):
    with pytest.raises(PoseFlowError, match=message):
        Poses(**arguments)


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        *(
            lambda poses, k=k: pickle.loads(pickle.dumps(poses, k))
            for k in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
@pytest.mark.parametrize("people", [0, 2])
def test_copies_are_read_only_and_the_same(copied, people):
    rng = np.random.default_rng(0)
    poses = Poses(rng.uniform(0, 9, (people, 17, 2)), track_ids=range(people))
    found = copied(poses)
    for name in ("keypoints", "keypoint_scores", "boxes", "scores", "track_ids"):
        np.testing.assert_array_equal(getattr(found, name), getattr(poses, name))
        assert not getattr(found, name).flags.writeable
    assert found.skeleton == poses.skeleton

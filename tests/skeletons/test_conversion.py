"""Conversion between skeletons: copied, estimated and missing joints."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poseflow import Frame, PoseFlowError, Poses, PoseSequence, skeletons
from poseflow import convert as convert_poses
from poseflow.skeletons.conversion import ESTIMATES, SYNONYMS, joint_map

NAMES = ["coco17", "posetrack17", "posetrack18", "mpii16", "lsp14", "openpose18"]
NAMES += ["body25", "halpe26", "halpe136", "wholebody133", "posetrack15"]


def people(skeleton, count=2, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    joints = len(skeletons.get(skeleton))
    return Poses(
        rng.uniform(0, 500, (count, joints, 2)),
        rng.uniform(0.1, 1, (count, joints)),
        track_ids=np.arange(count) + 1,
        skeleton=skeleton,
        dtype=dtype,
    )


def joint(poses, name):
    k = poses.skeleton.index(name)
    return poses.keypoints[:, k], poses.keypoint_scores[:, k]


def test_no_people():
    empty = convert_poses(Poses.empty("coco17"), "posetrack17", estimate=True)
    assert empty.keypoints.shape == (0, 15, 2)
    assert empty.skeleton.name == "posetrack17"


def test_shared_joints_are_copied_exactly():
    coco = people("coco17")
    track = convert_poses(coco, "posetrack17")
    for name in set(coco.skeleton.joints) & set(track.skeleton.joints):
        for a, b in zip(joint(coco, name), joint(track, name), strict=True):
            np.testing.assert_array_equal(a, b)
    for field in ("boxes", "scores", "track_ids"):
        np.testing.assert_array_equal(getattr(coco, field), getattr(track, field))


def test_nothing_is_estimated_by_default():
    track = convert_poses(people("coco17"), "posetrack17")
    for name in ("neck", "head_top"):
        points, scores = joint(track, name)
        assert not points.any()
        assert not scores.any()
    mapping = joint_map("coco17", "posetrack17")
    assert mapping.missing == ("neck", "head_top")
    assert mapping.estimated == ()


def test_estimates_follow_the_rules():
    coco = people("coco17")
    track = convert_poses(coco, "posetrack17", estimate=True)
    left, left_score = joint(coco, "left_shoulder")
    right, right_score = joint(coco, "right_shoulder")
    middle = (left + right) / 2
    ear, ear_score = joint(coco, "left_ear")
    other, other_score = joint(coco, "right_ear")
    ears = (ear + other) / 2
    lowest = np.minimum.reduce([left_score, right_score, ear_score, other_score])
    for name, factor in (("neck", 0.3), ("head_top", 1.75)):
        points, scores = joint(track, name)
        np.testing.assert_allclose(points, middle + factor * (ears - middle))
        np.testing.assert_array_equal(scores, lowest)


@pytest.mark.parametrize(
    ("hidden", "neck_factor", "top_factor"),
    [
        pytest.param(["left_ear"], 0.3, 1.4, id="an ear"),
        pytest.param(["left_ear", "right_ear"], 0.3, 1.4, id="both ears"),
        pytest.param(["right_ear", "nose"], 0, None, id="ear and nose"),
        pytest.param(["nose", "left_eye"], None, None, id="nose"),
        pytest.param(["left_shoulder"], None, None, id="a shoulder"),
    ],
)
def test_a_person_without_ears_gets_the_next_rule(hidden, neck_factor, top_factor):
    coco = people("coco17")
    before = convert_poses(coco, "posetrack15", estimate=True)
    scores = coco.keypoint_scores.copy()
    scores[0, [coco.skeleton.index(name) for name in hidden]] = 0
    coco = coco.replace(keypoint_scores=scores)
    after = convert_poses(coco, "posetrack15", estimate=True)
    middle = (joint(coco, "left_shoulder")[0] + joint(coco, "right_shoulder")[0]) / 2
    nose = joint(coco, "nose")[0]
    for name, factor in (("head_bottom", neck_factor), ("head_top", top_factor)):
        points, marks = joint(after, name)
        if factor is not None:
            np.testing.assert_allclose(
                points[0], (middle + factor * (nose - middle))[0]
            )
            assert marks[0] > 0
        elif (
            "nose" in hidden and "left_ear" not in hidden and "right_ear" not in hidden
        ):
            np.testing.assert_array_equal(points[0], joint(before, name)[0][0])
        else:
            assert marks[0] == 0
            assert points[0].tolist() == [0, 0]
        np.testing.assert_array_equal(points[1], joint(before, name)[0][1])


@pytest.mark.parametrize("target", ["openpose18", "body25", "halpe26"])
def test_neck_at_the_shoulders(target):
    coco = people("coco17")
    neck, _ = joint(convert_poses(coco, target, estimate=True), "neck")
    left, right = (joint(coco, f"{side}_shoulder")[0] for side in ("left", "right"))
    np.testing.assert_allclose(neck, (left + right) / 2)


def test_an_estimate_needs_all_its_joints():
    coco = people("coco17")
    scores = coco.keypoint_scores.copy()
    scores[0, coco.skeleton.index("left_shoulder")] = 0
    track = convert_poses(
        coco.replace(keypoint_scores=scores), "posetrack17", estimate=True
    )
    points, marks = joint(track, "neck")
    assert (marks > 0).tolist() == [False, True]
    assert points[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("source", "target", "pairs"),
    [
        ("posetrack18", "posetrack17", {"neck": "head_bottom"}),
        ("mpii16", "lsp14", {"neck": "upper_neck"}),
        ("halpe26", "posetrack18", {"head_bottom": "neck", "head_top": "head"}),
        ("body25", "mpii16", {"pelvis": "mid_hip", "upper_neck": "neck"}),
        ("mpii16", "halpe26", {"hip": "pelvis", "neck": "upper_neck"}),
    ],
)
def test_joint_with_two_names(source, target, pairs):
    mapping = joint_map(source, target)
    for here, there in pairs.items():
        recipe = mapping.recipes[mapping.target.index(here)]
        assert recipe == ((there, 1.0),)
        assert here in mapping.copied
    assert "under another name" in mapping.describe()


def test_orders_of_posetrack_convert_without_loss():
    there = convert_poses(people("posetrack17"), "posetrack15")
    back = convert_poses(there, "posetrack17")
    assert back == people("posetrack17")
    assert joint_map("posetrack17", "posetrack15").missing == ()


@given(st.sampled_from(NAMES), st.sampled_from(NAMES), st.booleans())
def test_every_pair_of_skeletons_converts(source, target, estimate):
    mapping = joint_map(source, target, estimate)
    out = convert_poses(people(source, 3), target, estimate)
    assert out.keypoints.shape == (3, len(skeletons.get(target)), 2)
    made = mapping.copied + mapping.estimated
    present = dict(zip(out.skeleton.joints, out.present[0], strict=True))
    assert {name for name, here in present.items() if here} == set(made)
    assert set(mapping.missing).isdisjoint(made)
    for _, weights in mapping.tables:
        np.testing.assert_allclose(weights[weights.any(axis=1)].sum(axis=1), 1)
    _, weights = mapping.tables[0]
    assert weights.any(axis=1).tolist() == [k != "missing" for k in mapping.kinds]
    assert mapping.describe().startswith(f"{source} -> {target}")
    if estimate:
        assert set(joint_map(source, target).missing) >= set(mapping.missing)


def test_estimates_move_with_the_person():
    # Weights add up to 1, so shifting and scaling people does the same to estimates.
    coco = people("coco17")
    moved = coco.replace(keypoints=coco.keypoints * 2 + 7)
    a = convert_poses(coco, "mpii16", estimate=True).keypoints
    b = convert_poses(moved, "mpii16", estimate=True).keypoints
    np.testing.assert_allclose(b, a * 2 + 7)


def test_dtype_sequences_and_own_skeletons():
    assert convert_poses(
        people("coco17", dtype=np.float32), "mpii16"
    ).keypoints.dtype == (np.float32)
    coco = people("coco17")
    frames = (Frame(3, 0.1, coco, name="3.jpg"), Frame(4, 0.2, Poses.empty("coco17")))
    track = convert_poses(
        PoseSequence(frames, coco.skeleton, "x", (8, 9), 30.0), "posetrack17"
    )
    assert [len(frame.poses) for frame in track] == [2, 0]
    assert (track.name, track.size, track.fps) == ("x", (8, 9), 30.0)
    assert track[0].name == "3.jpg"
    dog = skeletons.get("coco17").__class__("dog", ("nose", "tail"))
    assert convert_poses(coco, dog).present.tolist() == [[True, False]] * 2


def test_unknown_names_are_named():
    with pytest.raises(PoseFlowError, match="unknown skeleton 'cow'"):
        joint_map("coco17", "cow")


def test_rules_speak_about_joints_that_exist():
    known = {joint for name in NAMES for joint in skeletons.get(name).joints}
    assert set(ESTIMATES) <= known
    for rules in ESTIMATES.values():
        for rule in rules:
            assert set(rule) <= known
            assert sum(rule.values()) == pytest.approx(1)
    assert {name for group in SYNONYMS for name in group} <= known

"""Built-in skeletons: joint orders, limbs, sigmas and left/right pairs."""

import numpy as np
import pytest

from poseflow import PoseFlowError, Skeleton, skeletons

ALL = [skeletons.get(name) for name in skeletons.names()]


@pytest.mark.parametrize(
    ("name", "joints", "some"),
    [
        ("coco17", 17, {0: "nose", 5: "left_shoulder", 16: "right_ankle"}),
        ("posetrack17", 15, {0: "right_ankle", 12: "neck", 13: "nose", 14: "head_top"}),
        ("posetrack18", 17, {1: "head_bottom", 3: "left_ear", 16: "right_ankle"}),
        ("posetrack15", 15, {2: "head_top", 3: "left_shoulder", 14: "right_ankle"}),
        ("mpii16", 16, {6: "pelvis", 7: "thorax", 8: "upper_neck", 10: "right_wrist"}),
        ("lsp14", 14, {0: "right_ankle", 11: "left_wrist", 12: "neck"}),
        ("openpose18", 18, {1: "neck", 2: "right_shoulder", 8: "right_hip"}),
        ("openpose15", 15, {0: "head", 2: "right_shoulder", 14: "chest"}),
        ("body25", 25, {8: "mid_hip", 15: "right_eye", 19: "left_big_toe"}),
        ("halpe26", 26, {17: "head", 18: "neck", 19: "hip", 21: "right_big_toe"}),
        (
            "blazepose33",
            33,
            {1: "left_eye_inner", 9: "left_mouth", 32: "right_foot_index"},
        ),
        ("halpe136", 136, {25: "right_heel", 34: "chin", 94: "left_hand_root"}),
        ("wholebody133", 133, {17: "left_big_toe", 31: "chin", 112: "right_hand_root"}),
    ],
)
def test_orders_as_published(name, joints, some):
    skeleton = skeletons.get(name)
    assert len(skeleton) == joints
    assert {k: skeleton.joints[k] for k in some} == some


def test_every_builtin_is_tested_above():
    assert len(skeletons.names()) == 13


@pytest.mark.parametrize("skeleton", ALL, ids=lambda s: s.name)
def test_limbs_sigmas_and_sides_fit(skeleton):
    assert skeleton.sigmas_source != "uniform default"
    assert max(skeleton.sigmas) <= 0.107
    sided = [j for j in skeleton.joints if j.startswith(("left_", "right_"))]
    assert 2 * len(skeleton.left_right) == len(sided)
    np.testing.assert_array_equal(
        skeleton.flip_indices[skeleton.flip_indices], np.arange(len(skeleton))
    )
    assert len(set(map(frozenset, skeleton.limbs))) == len(skeleton.limbs)
    # Every joint can be drawn, but for ears that are in a slot and never annotated.
    loose = set(skeleton.joints) - {j for limb in skeleton.limbs for j in limb}
    assert loose == (
        {"left_ear", "right_ear"} if skeleton.name == "posetrack18" else set()
    )


def test_face_mirrors_as_300w_does():
    # Point k of the jaw mirrors to 16 - k, brows 17-26 to 43 - k, and so on.
    start = skeletons.get("wholebody133").index("right_jaw_1")
    flip = skeletons.get("wholebody133").flip_indices[start : start + 68] - start
    mirror = {
        **{k: 16 - k for k in range(17)},
        **{k: 43 - k for k in range(17, 27)},
        **{k: k for k in range(27, 31)},
        **{k: 66 - k for k in range(31, 36)},
        **{36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46},
        **{48: 54, 49: 53, 50: 52, 51: 51, 55: 59, 56: 58, 57: 57},
        **{60: 64, 61: 63, 62: 62, 65: 67, 66: 66},
    }
    mirror |= {b: a for a, b in mirror.items()}
    assert flip.tolist() == [mirror[k] for k in range(68)]


def test_halpe136_extends_halpe26():
    small, large = skeletons.get("halpe26"), skeletons.get("halpe136")
    assert large.joints[:26] == small.joints
    assert large.sigmas[:26] == small.sigmas


@pytest.mark.parametrize(
    ("joints", "name"),
    [
        (17, "coco17"),
        (15, "posetrack17"),
        (16, "mpii16"),
        (14, "lsp14"),
        (18, "openpose18"),
        (25, "body25"),
        (26, "halpe26"),
        (136, "halpe136"),
        (133, "wholebody133"),
    ],
)
def test_a_number_of_joints_means_one_skeleton(joints, name):
    assert skeletons.for_joint_count(joints).name == name


def test_own_skeletons_are_registered_once(monkeypatch):
    known = skeletons._SKELETONS
    monkeypatch.setattr(known, "_entries", dict(known._entries))
    fish = Skeleton("fish_for_test", ("mouth", "tail"), (("mouth", "tail"),))
    assert skeletons.register(fish) is skeletons.register(fish)
    assert skeletons.get("fish_for_test") == fish
    other = Skeleton("fish_for_test", ("mouth", "fin", "tail"))
    with pytest.raises(PoseFlowError, match="already called"):
        skeletons.register(other)
    assert skeletons.register(other, replace=True) == skeletons.get("fish_for_test")

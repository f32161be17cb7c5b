"""Synthetic scenes: reproducible, exact, in constant memory."""

import gc
import tracemalloc

import cv2
import numpy as np
import pytest

from poseflow import PoseFlowError, Skeleton, synthetic
from poseflow.synthetic import (
    MIN_VISIBLE,
    NO_OCCLUDER,
    OCCLUDED,
    OUTSIDE,
    PRESETS,
    PROP_OCCLUDER,
    VISIBLE,
    SceneConfig,
    make_scene,
)
from poseflow.synthetic.body import sample_body

SMALL = (320, 180)


@pytest.fixture(scope="module")
def street():
    return make_scene("street", seed=5, frames=40, people=4, size=(640, 360))


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_every_suite_has_people_and_images(name):
    scene = make_scene(name, seed=1, frames=34, size=SMALL)
    truth = scene.truth()
    assert len(truth) == len(scene) == 34
    assert truth.size == SMALL
    assert truth.fps == scene.fps
    assert sum(len(frame.poses) for frame in truth) > 34
    image = scene.render(33)
    assert image.shape == (180, 320, 3)
    assert image.dtype == np.uint8
    assert image.std() > 15


@pytest.mark.parametrize("name", ["street", "dance", "wall", "leave_and_reenter"])
def test_a_scene_without_people(name):
    scene = make_scene(name, people=0, frames=3, size=SMALL)
    assert [len(frame.poses) for frame in scene] == [0, 0, 0]
    assert scene.render(0).shape == (180, 320, 3)
    assert not scene.labels(0).any()
    assert len(synthetic.NoiseModel().apply(scene.truth(), 1)) == 3


def test_no_frames():
    scene = make_scene("street", frames=0)
    assert list(scene) == []
    assert len(scene.truth()) == 0


def test_same_seed_same_bytes_in_any_order():
    kinds = {"frames": 70, "people": 3, "size": SMALL}
    forward = make_scene("camera_motion", seed=9, **kinds)
    images = {k: forward.render(k) for k in (0, 1, 33, 69)}
    poses = [frame.poses for frame in forward.truth()]
    backward = make_scene("camera_motion", seed=9, **kinds)
    for k in (69, 33, 1, 0):
        assert np.array_equal(backward.render(k), images[k])
        assert backward[k].poses == poses[k]
    assert forward[-1].poses == poses[69]
    other = make_scene("camera_motion", seed=10, **kinds)
    assert not np.array_equal(other.render(33), images[33])


def test_iteration_equals_random_access_and_truth():
    scene = make_scene("crowd", seed=2, frames=4, people=8, size=SMALL)
    for frame, true in zip(scene, scene.truth(), strict=True):
        assert frame.image is not None
        assert np.array_equal(frame.image, scene.render(frame.index))
        assert frame == true


def test_images_do_not_depend_on_the_number_of_threads():
    scene = make_scene("crowd", seed=4, frames=2, people=6, size=SMALL)
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        one = scene.render(1)
        cv2.setNumThreads(3)
        assert np.array_equal(make_scene(scene.config, seed=4).render(1), one)
    finally:
        cv2.setNumThreads(before)


def test_frame_rate_changes_nothing_but_the_sampling():
    fast = make_scene("street", seed=3, frames=50, fps=25)
    slow = make_scene("street", seed=3, frames=10, fps=5)
    for k in range(10):
        assert fast.annotation(5 * k).poses == slow.annotation(k).poses


def test_seen_joints_lie_on_their_person(street):
    hits = total = 0
    for k in range(0, 40, 8):
        labels, a = street.labels(k), street.annotation(k)
        for p, identity in enumerate(a.poses.track_ids):
            seen = a.visibility[p] == VISIBLE
            x, y = np.floor(a.poses.keypoints[p][seen]).astype(int).T
            hits += (labels[y, x] == identity).sum()
            total += seen.sum()
    assert total > 100
    assert hits / total > 0.95


def test_occluded_joints_show_their_occluder():
    scene = make_scene("crowd", seed=6, frames=32, people=24, size=(640, 360))
    right = total = 0
    for k in range(0, 32, 8):
        labels, a = scene.labels(k), scene.annotation(k)
        ids = a.poses.track_ids[:, None]
        foreign = (a.occluders > 0) & (a.occluders != ids) & (a.visibility == OCCLUDED)
        for p, j in zip(*np.nonzero(foreign), strict=True):
            x, y = np.floor(a.poses.keypoints[p, j]).astype(int)
            around = labels[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            right += (around == a.occluders[p, j]).any()
            total += 1
    assert total > 50
    assert right / total > 0.9


def test_boxes_hold_the_painted_person(street):
    for k in (0, 20):
        labels, a = street.labels(k), street.annotation(k)
        for p, identity in enumerate(a.poses.track_ids):
            y, x = np.nonzero(labels == identity)
            if len(x) < 30:
                continue
            x0, y0, x1, y1 = a.poses.boxes[p]
            slack = 0.04 * (y1 - y0) + 2
            assert x.min() > x0 - slack
            assert y.min() > y0 - slack
            assert x.max() < x1 + slack
            assert y.max() < y1 + slack
            assert a.head_boxes[p, 3] < a.full_boxes[p, 3]


def test_orb_features_are_found_on_people():
    scene = make_scene("street", seed=5, frames=20, people=5)
    image, labels = scene.render(10), scene.labels(10)
    found = cv2.ORB_create(2000).detect(image)
    x, y = np.array([p.pt for p in found]).astype(int).T
    counts = [(labels[y, x] == k).sum() for k in np.unique(labels[labels > 0])]
    assert len(counts) >= 3
    assert np.median(counts) >= 20


def test_stance_feet_stand_still():
    """In stance a foot's ball does not move over the ground."""
    scene = make_scene("street", seed=8, frames=60, people=3, fps=50)
    names = synthetic.POINTS
    ankle = names.index("left_ankle")
    identity = int(scene.truth(hidden=True).track_ids[0])
    path = []
    for k in range(60):
        a = scene.annotation(k)
        row = np.flatnonzero(a.poses.track_ids == identity)
        if len(row):
            path.append(a.world[row[0], [names.index("left_big_toe"), ankle]])
    toe = np.array(path)[:, 0]
    step = np.linalg.norm(np.diff(toe[:, [0, 2]], axis=0), axis=1) * 50
    low = toe[1:, 1] < 0.03
    assert np.median(step[low]) < 0.02
    assert toe[:, 1].min() > -0.01


def test_bones_keep_their_length():
    scene = make_scene("dance", seed=3, frames=32, people=4)
    names = synthetic.POINTS
    pairs = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow")]
    lengths = {}
    for k in range(32):
        a = scene.annotation(k)
        for p, identity in enumerate(a.poses.track_ids.tolist()):
            for first, second in pairs:
                i, j = names.index(f"left_{first}"), names.index(f"left_{second}")
                bone = np.linalg.norm(a.world[p, i] - a.world[p, j])
                lengths.setdefault((identity, first), []).append(bone)
    for series in lengths.values():
        assert np.max(series) / np.min(series) < 1.12


def test_people_have_human_proportions():
    rng = np.random.default_rng(0)
    bodies = [sample_body(rng) for _ in range(200)]
    heights = np.array([body.height for body in bodies])
    assert heights.min() >= 1.5
    assert heights.max() <= 1.95
    assert heights.std() > 0.06


def test_wall_hides_for_20_to_60_frames():
    spans = []
    for seed in range(4):
        scene = make_scene("wall", seed=seed, frames=300, size=SMALL)
        hidden: dict[int, list[bool]] = {}
        for k in range(300):
            a = scene.annotation(k)
            for p, identity in enumerate(a.poses.track_ids.tolist()):
                away = a.visible_fractions[p] < MIN_VISIBLE
                behind = bool(away and (a.occluders[p] == PROP_OCCLUDER).mean() > 0.5)
                hidden.setdefault(identity, []).append(behind)
        for series in hidden.values():
            places = np.flatnonzero(series)
            # Whole passages only: seen before and after.
            if len(places) and places[0] > 5 and places[-1] < len(series) - 6:
                spans.append(places[-1] - places[0] + 1)
    assert len(spans) > 10
    assert min(spans) >= 20
    assert max(spans) <= 60


def test_people_who_return_keep_their_id():
    scene = make_scene("leave_and_reenter", seed=1, frames=700, people=4, size=SMALL)
    truth = scene.truth()
    assert truth.track_ids.tolist() == [1, 2, 3, 4]
    absences = 0
    for identity in (1, 2, 3, 4):
        there = [identity in frame.poses.track_ids for frame in truth]
        marks = np.flatnonzero(np.diff(np.array(there, int)))
        absences += max(len(marks) - 1, 0) // 2
    assert absences >= 4


def test_skeletons_are_served_by_joint_name():
    coco = make_scene("street", seed=3, frames=5)
    track = make_scene("street", seed=3, frames=5, skeleton="posetrack15")
    a, b = coco.annotation(2), track.annotation(2)
    shared = track.skeleton.index("left_wrist")
    assert np.array_equal(
        b.poses.keypoints[:, shared],
        a.poses.keypoints[:, coco.skeleton.index("left_wrist")],
    )
    top, bottom = (track.skeleton.index(f"head_{end}") for end in ("top", "bottom"))
    head = b.poses.keypoints[b.poses.present[:, [top, bottom]].all(axis=1)]
    assert len(head) >= 3
    assert (head[:, top, 1] < head[:, bottom, 1]).all()
    # Joints that a person does not have are missing, never made up.
    odd = Skeleton("with a tail", ("nose", "tail_of_the_test"))
    poses = make_scene("street", seed=3, frames=2, skeleton=odd).annotation(1).poses
    assert not poses.present[:, 1].any()
    with pytest.raises(PoseFlowError, match="no joint that a synthetic person"):
        make_scene("street", skeleton=Skeleton("none", ("tail_of_the_test",)))


@pytest.mark.parametrize(
    "name", ["coco17", "posetrack15", "posetrack18", "mpii16", "lsp14", "body25"]
)
def test_a_body_has_every_joint_of_the_usual_skeletons(name):
    scene = make_scene("dance", seed=1, frames=1, people=2, skeleton=name)
    assert scene.annotation(0).poses.present.mean() > 0.9


def test_visibility_and_scores_agree(street):
    a = street.annotation(7)
    outside = a.visibility == OUTSIDE
    assert np.array_equal(outside, ~a.poses.present)
    assert np.array_equal(a.visibility == VISIBLE, a.poses.keypoint_scores == 1)
    assert (a.occluders[a.visibility == VISIBLE] == NO_OCCLUDER).all()
    assert len(a[a.visible_fractions > 2]) == 0


def test_nearer_people_are_larger_and_lower():
    scene = make_scene("crowd", seed=3, frames=1)
    a = scene.annotation(0)
    feet, height = a.full_boxes[:, 3], a.full_boxes[:, 3] - a.full_boxes[:, 1]
    assert np.corrcoef(feet, a.depths)[0, 1] < -0.9
    assert np.corrcoef(height, a.depths)[0, 1] < -0.8


def test_memory_stays_flat():
    scene = make_scene("street", seed=1, frames=3000, people=2, size=(96, 54))

    def held(frames):
        for k in frames:
            scene[k]
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = held(range(0, 1500, 100))
        assert held(range(1500, 3000, 100)) < first + 2_000_000
    finally:
        tracemalloc.stop()


def test_ids_count_from_one_in_order_of_appearance(street):
    assert [actor.track_id for actor in street.actors] == list(
        range(1, len(street.actors) + 1)
    )
    begins = [max(actor.begin, 0) for actor in street.actors]
    assert begins == sorted(begins)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plot": "opera"}, "plot"),
        ({"frames": -1}, "frames"),
        ({"size": (8, 8)}, "size"),
        ({"fps": 0}, "fps"),
        ({"hidden_frames": (9, 3)}, "hidden_frames"),
    ],
)
def test_invalid_values_are_refused(changes, message):
    with pytest.raises(PoseFlowError, match=message):
        SceneConfig(**changes)
    with pytest.raises(PoseFlowError, match="unknown scene 'opera'"):
        make_scene("opera")
    with pytest.raises(IndexError):
        make_scene("street", frames=3).render(3)


def test_random_scenes_differ():
    configs = [synthetic.random_config(seed, size=SMALL) for seed in range(12)]
    assert len({config.plot for config in configs}) >= 3
    assert len({config.camera_height for config in configs}) == 12
    people = 0
    for seed, config in enumerate(configs[:6]):
        scene = make_scene(config, seed=seed)
        assert scene.render(0).std() > 5
        people += len(scene.annotation(0))
    assert people > 6

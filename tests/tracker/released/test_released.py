"""`released`: faults kept under `compat`, and mended without."""

import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, Tracker
from poseflow.benchmark.walking_people import WalkingPeople
from poseflow.tracker.matchers import correspondences
from poseflow.tracker.matchers.correspondences import PixelIdentity

SIZE = (640, 360)


def person(x, y, height=100.0, seed=0):
    shape = np.random.default_rng(seed).uniform(-0.5, 0.5, (17, 2))
    return np.array([x, y]) + shape * [0.4 * height, height]


def frame(*people):
    return Poses(np.array(people).reshape(-1, 17, 2), dtype=np.float64)


def compat(**options):
    return Tracker("released", compat=True, image_size=SIZE, **options)


def test_compat_needs_the_size_of_the_image():
    tracker = Tracker("released", compat=True, matcher="none")
    with pytest.raises(PoseFlowError, match="image_size"):
        tracker.update(frame(person(50, 50)))
    image = np.zeros((360, 640, 3), np.uint8)
    assert tracker.update(frame(person(50, 50)), image).track_ids == [1]


def test_boxes_are_clipped_and_cut_to_whole_pixels_only_under_compat():
    poses = frame(person(2.3, 100.7))
    for tracker, whole in ((compat(), True), (Tracker("released"), False)):
        tracker.update(poses)
        boxes = tracker.last_step.boxes
        assert (boxes == np.trunc(boxes)).all() == whole


def test_a_blank_frame_keeps_people_in_the_former_frame_only_under_compat():
    for tracker, former in (
        (compat(matcher="none"), True),
        (Tracker("released", matcher="none"), False),
    ):
        tracker.update(frame(person(300, 200)))
        tracker.update(Poses.empty("coco17"))
        tracker.update(frame(person(302, 200)))
        assert tracker.last_step.from_former_frame.tolist() == [former]


def test_identity_correspondences_are_added_only_under_compat():
    """Without matches, a person who stands still scores the full 6."""
    still = frame(person(300, 200))
    old, new = compat(matcher="none"), Tracker("released", matcher="none")
    for tracker in (old, new):
        tracker.update(still)
        tracker.update(still)
    assert old.last_step.grades[0, 0] == pytest.approx(6, abs=1e-4)
    assert new.last_step.grades[0, 0] == pytest.approx(1)
    explicit = compat(matcher="none")
    explicit.update(still)
    explicit.update(still, correspondences=PixelIdentity(*SIZE))
    np.testing.assert_array_equal(explicit.last_step.grades, old.last_step.grades)


def test_matches_alone_carry_an_id_across_the_image_only_under_compat():
    """No gate: a few wrong matches give an id to another person far away."""
    away = np.full((40, 4), [100, 180, 560, 180.0])
    for tracker, ids in ((compat(), [1]), (Tracker("released"), [2])):
        tracker.update(frame(person(100, 180)))
        tracked = tracker.update(frame(person(560, 180, seed=1)), correspondences=away)
        assert tracked.track_ids.tolist() == ids


def test_scale_decides_only_under_compat():
    """30 px is a nudge for a tall person and several times a tiny one."""

    def similarity(tracker, scale):
        tracker.reset()
        for shift in (0.0, 0.1):
            x, y = (np.array([300 + 100 * shift, 180]) - 180) * scale + 180
            tracker.update(frame(person(x, y, 100 * scale)))
        return tracker.last_step.grades[0, 0]

    ours, theirs = Tracker("released", matcher="none"), compat(matcher="none")
    assert similarity(ours, 0.2) == pytest.approx(similarity(ours, 1.0), abs=0.05)
    assert similarity(theirs, 0.2) - similarity(theirs, 1.0) > 0.5


def test_similarity_is_in_0_to_1_and_uses_correspondences():
    scene, tracker = WalkingPeople(15, 1), Tracker("released", image_size=(1280, 720))
    plain = Tracker("released", image_size=(1280, 720), matcher="none")
    for t in range(8):
        tracker.update(scene.poses(t), correspondences=scene.correspondences(t))
        plain.update(scene.poses(t))
        grades = tracker.last_step.grades
        assert grades.size == 0 or (grades.min() >= 0 and grades.max() <= 1 + 1e-12)
    assert not np.array_equal(grades, plain.last_step.grades)
    assert len(tracker.finish()) == 15


def test_people_without_features_are_matched_by_overlap():
    """Plain clothes: no correspondence touches them, geometry decides alone."""
    still = frame(person(300, 200), person(500, 100, seed=1))
    elsewhere = np.full((50, 4), [500, 100, 500, 100.0])
    tracker = Tracker("released")
    tracker.update(still)
    tracker.update(still, correspondences=elsewhere)
    assert tracker.last_step.grades[0, 0] == pytest.approx(1)


def test_work_grows_with_overlaps_not_with_pairs(monkeypatch):
    """Squares are compared only for people whose extents meet; counted, not timed."""
    from poseflow.tracker.released import tracker as released

    compared = []
    real = released.overlap

    def counting(first, second, *rest):
        if first.ndim == 3:  # squares of pairs, (pairs, K, 4)
            compared.append(len(first))
        return real(first, second, *rest)

    monkeypatch.setattr(released, "overlap", counting)
    for count in (10, 40):
        people = [person(120 * k, 200) for k in range(count)]
        tracker = Tracker("released", matcher="none")
        compared.clear()
        for _ in range(2):
            tracker.update(frame(*people))
        assert max(compared) == count


def test_features_of_a_frame_are_counted_once(monkeypatch):
    """Two incidence matrices per pair of frames, whatever the number of people."""
    calls = []
    real = correspondences._incidence
    monkeypatch.setattr(
        correspondences, "_incidence", lambda *a: calls.append(1) or real(*a)
    )
    for count in (5, 33):
        scene = WalkingPeople(count)
        tracker = Tracker("released", image_size=(1280, 720))
        calls.clear()
        for t in range(5):
            tracker.update(scene.poses(t), correspondences=scene.correspondences(t))
        assert len(calls) == 2 * 4

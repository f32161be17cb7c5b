"""Overlay: skeletons, ids, trails, boxes and colours."""

import tracemalloc

import cv2
import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, Skeleton
from poseflow.drawing import Overlay, identity_colors

GROUND = np.full((240, 320, 3), 120, np.uint8)


def person(x=160, y=40, height=150, track=1, score=0.9, dtype=np.float32):
    """A standing COCO-17 person, head at (x, y)."""
    head = [[0, 0], [2, -2], [-2, -2], [4, 0], [-4, 0]]
    arms = [[10, 14], [-10, 14], [14, 30], [-14, 30], [15, 46], [-15, 46]]
    legs = [[7, 48], [-7, 48], [8, 74], [-8, 74], [8, 98], [-8, 98]]
    shape = np.array([*head, *arms, *legs])
    points = shape[None] * height / 100 + (x, y)
    marks = np.full((1, 17), score)
    return Poses(points, marks, track_ids=[track], skeleton="coco17", dtype=dtype)


def changed(image, ground=GROUND):
    return (image != ground).any(axis=2)


def test_no_people_leave_the_image_unchanged():
    drawn = Overlay().draw(GROUND, Poses.empty())
    np.testing.assert_array_equal(drawn, GROUND)
    assert drawn is not GROUND


def test_the_image_itself_stays_as_it_is():
    before = GROUND.copy()
    before.flags.writeable = False
    drawn = Overlay().draw(before, person())
    np.testing.assert_array_equal(before, GROUND)
    assert changed(drawn).sum() > 500
    assert drawn.shape == GROUND.shape
    assert drawn.dtype == np.uint8


def test_the_identity_gives_the_colour():
    drawn = Overlay(trail=0).draw(GROUND, person(track=5))
    color = identity_colors([5])[0]
    # A thigh: between the left hip and knee.
    x, y = 160 + 7.5 * 1.5, 40 + 61 * 1.5
    np.testing.assert_array_equal(drawn[round(y), round(x)], color)
    again = Overlay(trail=0).draw(GROUND, person(track=5))
    np.testing.assert_array_equal(drawn, again)
    other = Overlay(trail=0).draw(GROUND, person(track=6))
    assert (drawn != other).any()


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param([9], id="a wrist"),
        pytest.param([5, 6, 7, 8], id="shoulders and elbows"),
        pytest.param(list(range(1, 17)), id="all but the nose"),
        pytest.param(list(range(17)), id="everything"),
    ],
)
def test_missing_joints_are_left_out(missing):
    full = person()
    marks = full.keypoint_scores.copy()
    points = full.keypoints.copy()
    marks[0, missing] = 0
    points[0, missing] = 0  # where readers put what is missing
    drawn = Overlay(trail=0, labels=False).draw(
        GROUND, Poses(points, marks, track_ids=[1])
    )
    seen = changed(drawn)
    assert not seen[:20, :20].any()
    whole = changed(Overlay(trail=0, labels=False).draw(GROUND, full))
    assert seen.sum() < whole.sum()
    if len(missing) == 17:
        assert not seen.any()


def contrast(score):
    overlay = Overlay(trail=0, labels=False)
    drawn = overlay.draw(GROUND, person(score=score))
    return np.abs(drawn.astype(int) - GROUND).sum()


def test_uncertain_joints_are_fainter():
    assert contrast(0.02) == 0
    assert 0 < contrast(0.2) < 0.7 * contrast(0.9)
    assert contrast(0.4) == contrast(0.9)


def test_lines_grow_with_the_person():
    large = changed(
        Overlay(trail=0).draw(
            np.full((720, 1280, 3), 120, np.uint8), person(600, 60, 600)
        ),
        np.full((720, 1280, 3), 120, np.uint8),
    ).sum()
    small = changed(Overlay(trail=0).draw(GROUND, person(height=60))).sum()
    assert large / small > 14  # ten, if all lines had one width
    thin = Overlay(trail=0, labels=False, thickness=1).draw(GROUND, person())
    thick = Overlay(trail=0, labels=False, thickness=9).draw(GROUND, person())
    assert changed(thick).sum() > 2 * changed(thin).sum()


def test_labels_and_boxes_can_be_chosen():
    def drawn(**options):
        return changed(Overlay(trail=0, **options).draw(GROUND, person()))

    plain = drawn(labels=False)
    assert drawn(labels=True)[:38].sum() > plain[:38].sum()
    boxed = drawn(labels=False, boxes=True) & ~plain
    x1, y1, x2, _ = person().boxes[0].round().astype(int)
    assert boxed[y1, x1:x2].mean() > 0.5
    # Without an identity there is nothing to write.
    nameless = Overlay(trail=0).draw(GROUND, person(track=-1))
    assert (changed(nameless) ^ plain).sum() < 10  # its grey meets the ground


@pytest.mark.parametrize(
    ("x", "y"), [(-60, 20), (380, 20), (160, -400), (160, 500), (2, 2), (1e9, -1e12)]
)
def test_people_at_and_beyond_the_border(x, y):
    drawn = Overlay(boxes=True).draw(GROUND, person(x, y))
    assert drawn.shape == GROUND.shape


def test_a_label_stays_inside():
    drawn = Overlay(trail=0).draw(GROUND, person(160, 5, track=12345))
    without = Overlay(trail=0, labels=False).draw(GROUND, person(160, 5, track=12345))
    rows, columns = np.nonzero((drawn != without).any(axis=2))
    assert np.ptp(rows) > 8
    assert np.ptp(columns) > 25
    assert rows.min() == 0


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 5)])
def test_tiny_images(size):
    image = np.zeros((*size, 3), np.uint8)
    assert Overlay(boxes=True).draw(image, person()).shape == image.shape


def test_order_of_people_does_not_matter_unless_they_overlap():
    a, b = person(90, track=1), person(240, track=2)
    one = Overlay(trail=0).draw(GROUND, Poses.concatenate([a, b]))
    two = Overlay(trail=0).draw(GROUND, Poses.concatenate([b, a]))
    np.testing.assert_array_equal(one, two)


def test_the_nearer_person_is_in_front():
    far, near = person(160, 30, 120, track=1), person(165, 60, 120, track=2)
    both = Overlay(trail=0).draw(GROUND, Poses.concatenate([near, far]))
    alone = Overlay(trail=0).draw(GROUND, near)
    solid = (alone == identity_colors([2])[0]).all(axis=2)  # not the smooth edges
    solid &= changed(Overlay(trail=0).draw(GROUND, far))
    assert solid.sum() > 20
    assert (both[solid] == identity_colors([2])[0]).all()


def test_float64_poses_and_other_skeletons():
    assert changed(Overlay().draw(GROUND, person(dtype=np.float64))).any()
    dot = Skeleton("dot", ("middle",))
    poses = Poses([[[50, 60]]], skeleton=dot, track_ids=[1])
    drawn = Overlay(trail=0, labels=False).draw(GROUND, poses)
    rows, columns = np.nonzero(changed(drawn))
    assert (rows.mean(), columns.mean()) == pytest.approx((60, 50), abs=0.6)


@pytest.mark.parametrize(
    "image",
    [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3))],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(PoseFlowError, match=r"expected .height, width, 3. uint8"):
        Overlay().draw(image, person())


@pytest.mark.parametrize("options", [{"trail": -1}, {"thickness": 0}])
def test_bad_options(options):
    with pytest.raises(PoseFlowError, match=next(iter(options))):
        Overlay(**options)


# ---- trails ---------------------------------------------------------------------


def walk(overlay, steps, track=1, start=0):
    for step in range(steps):
        drawn = overlay.draw(GROUND, person(40 + 6 * (start + step), 60, track=track))
    return drawn


def test_a_trail_shows_where_someone_came_from():
    overlay = Overlay(trail=20, labels=False)
    trail = changed(walk(overlay, 30))
    plain = changed(
        Overlay(trail=0, labels=False).draw(GROUND, person(40 + 6 * 29, 60))
    )
    ys, xs = np.nonzero(trail & ~plain)
    assert 40 + 6 * 8 < xs.min() < 40 + 6 * 13  # twenty frames back, and no more
    assert np.ptp(ys) < 20


def test_standing_still_leaves_no_trail():
    overlay = Overlay(trail=20, labels=False)
    for step in range(30):
        drawn = overlay.draw(GROUND, person(160 + step % 3, 60))
    plain = Overlay(trail=0, labels=False).draw(GROUND, person(160 + 29 % 3, 60))
    np.testing.assert_array_equal(drawn, plain)


def test_reset_forgets():
    overlay = Overlay(trail=20)
    walk(overlay, 10)
    overlay.reset()
    once = overlay.draw(GROUND, person())
    np.testing.assert_array_equal(once, Overlay(trail=20).draw(GROUND, person()))


def test_trails_of_people_who_left_end_after_their_length():
    overlay = Overlay(trail=10)
    walk(overlay, 10)
    for _ in range(10):
        overlay.draw(GROUND, Poses.empty())
    again = overlay.draw(GROUND, person())
    np.testing.assert_array_equal(again, Overlay(trail=10).draw(GROUND, person()))


def test_memory_is_bounded_by_the_trail_not_by_the_video():
    overlay = Overlay(trail=10, labels=False)
    image = np.zeros((48, 64, 3), np.uint8)

    def run(first, last):
        for frame in range(first, last):  # someone new in every frame
            overlay.draw(image, person(30, 10, 30, track=frame + 1))

    tracemalloc.start()
    run(0, 100)
    before = tracemalloc.get_traced_memory()[0]
    run(100, 600)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 50_000


def test_overlay_does_not_depend_on_threads():
    before = cv2.getNumThreads()
    drawn = []
    try:
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            drawn.append(walk(Overlay(boxes=True), 12))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(*drawn)

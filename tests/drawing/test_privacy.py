"""Blur of faces and people, and silhouettes: what must not be seen any more."""

import cv2
import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, PoseSequence, Skeleton
from poseflow.drawing import Overlay, Privacy
from poseflow.pipeline.render import render
from poseflow.sequence import Frame
from poseflow.video import open_source, open_writer

SHAPE = np.array(
    [
        *([0, 0], [2, -2], [-2, -2], [4, 0], [-4, 0]),
        *([10, 14], [-10, 14], [14, 30], [-14, 30], [15, 46], [-15, 46]),
        *([7, 48], [-7, 48], [8, 74], [-8, 74], [8, 98], [-8, 98]),
    ]
)


def noise(seed=0, size=(320, 240)):
    """An image that is all detail."""
    shape = (size[1], size[0], 3)
    return np.random.default_rng(seed).integers(0, 255, shape, np.uint8)


def person(x=160, y=50, height=150, track=1, missing=()):
    marks = np.full((1, 17), 0.9)
    marks[0, list(missing)] = 0
    points = SHAPE[None] * height / 100 + (x, y)
    return Poses(points, marks, track_ids=[track], skeleton="coco17")


def detail_left(before, after, box):
    """Correlation of the fine detail of two images in a box; 1 where nothing is hidden.

    Against the image in the neighbourhood of 3 x 3 pixels.
    """
    x1, y1, x2, y2 = (round(v) for v in box)
    one, two = (
        image[max(y1, 0) : y2, max(x1, 0) : x2].astype(float)
        for image in (before, after)
    )
    one, two = (image - cv2.blur(image, (3, 3)) for image in (one, two))
    spread = np.sqrt((one**2).sum() * (two**2).sum())
    return float((one * two).sum() / spread) if spread else 0.0


HEAD = (160 - 8, 50 - 10, 160 + 8, 50 + 8)
WITHOUT_HEAD = [
    pytest.param((), id="all joints"),
    pytest.param((1, 2, 3, 4), id="nose alone"),
    pytest.param(range(5), id="no head joints"),
    pytest.param(range(7), id="no head, no shoulders"),
]


@pytest.mark.parametrize("missing", WITHOUT_HEAD)
def test_faces(missing):
    image = noise()
    poses = person(missing=missing)
    # The detector's box holds the head, whatever joints were found.
    poses = poses.replace(boxes=[[135, 38, 185, 200]])
    hidden = Privacy("faces").apply(image, poses)
    assert abs(detail_left(image, hidden, HEAD)) < 0.1
    assert (hidden[140:] == image[140:]).all()


@pytest.mark.parametrize("hide", ["people", "silhouettes"])
@pytest.mark.parametrize("missing", [(), range(5), range(5, 17), range(1, 17)])
def test_people(hide, missing):
    image = noise()
    poses = person(missing=missing).replace(boxes=[[130, 40, 190, 205]])
    hidden = Privacy(hide).apply(image, poses)
    assert abs(detail_left(image, hidden, (130, 40, 190, 205))) < 0.1
    assert detail_left(image, hidden, (0, 0, 80, 240)) == pytest.approx(1)


def test_people_without_an_id_and_without_joints_are_hidden():
    image = noise()
    poses = person(track=-1, missing=range(17)).replace(boxes=[[130, 40, 190, 205]])
    hidden = Privacy("people").apply(image, poses)
    assert abs(detail_left(image, hidden, (130, 40, 190, 205))) < 0.1
    hidden = Privacy("faces").apply(image, poses)
    assert abs(detail_left(image, hidden, (150, 42, 170, 58))) < 0.1


def test_a_track_that_is_missed_stays_hidden_for_a_while():
    image, empty = noise(), Poses.empty("coco17")
    privacy = Privacy("people")
    box = person().boxes[0]
    privacy.apply(image, person())
    for _ in range(15):
        assert abs(detail_left(image, privacy.apply(image, empty), box)) < 0.1
    assert (privacy.apply(image, empty) == image).all()
    privacy.apply(image, person())
    privacy.reset()
    assert (privacy.apply(image, empty) == image).all()


def test_a_silhouette_has_the_colour_of_the_id():
    from poseflow.drawing import identity_colors

    drawn = Privacy("silhouettes").apply(noise(), person(track=3))
    thigh = drawn[round(50 + 61 * 1.5), round(160 + 7.5 * 1.5)]
    assert (thigh == identity_colors([3])[0]).all()


@pytest.mark.parametrize(("x", "y"), [(-60, 20), (380, 20), (160, -400), (1e9, -1e12)])
@pytest.mark.parametrize("hide", ["faces", "people", "silhouettes"])
def test_people_at_and_beyond_the_border(x, y, hide):
    image = noise()
    assert Privacy(hide).apply(image, person(x, y)).shape == image.shape
    assert Privacy(hide).apply(image[:1, :1], person()).shape == (1, 1, 3)


def test_other_skeletons():
    dots = Skeleton("dots", ("one", "two"))
    poses = Poses([[[150, 100], [170, 140]]], skeleton=dots)
    for hide in ("faces", "people", "silhouettes"):
        assert (Privacy(hide).apply(noise(), poses) != noise()).any()


def test_an_unknown_way_is_refused():
    with pytest.raises(PoseFlowError, match="expected faces, people, silhouettes"):
        Privacy("bodies")


@pytest.mark.parametrize("hide", ["faces", "people", "silhouettes"])
def test_everything_written_is_hidden(tmp_path, hide):
    """Frame by frame, a frame without detection included, as files on disk."""
    frames = []
    with open_writer(tmp_path / "in") as writer:
        for t in range(8):
            image = noise(t)
            writer.write(image, f"{t:03d}.png")
            poses = Poses.empty("coco17") if t == 4 else person(100 + 10 * t)
            frames.append(Frame(t, t / 25, poses, name=f"{t:03d}.png"))
    sequence = PoseSequence.collect(frames)
    overlay = Overlay(labels=False, trail=0, privacy=Privacy(hide))
    render(tmp_path / "in", sequence, tmp_path / "out", overlay=overlay)
    with open_source(tmp_path / "in") as a, open_source(tmp_path / "out") as b:
        for before, after in zip(a, b, strict=True):
            x = 100 + 10 * min(before.index, 8)
            if before.index == 4:
                x = 130
            box = (
                (x - 7, 43, x + 7, 58) if hide == "faces" else (x - 20, 50, x + 20, 190)
            )
            assert abs(detail_left(before.image, after.image, box)) < 0.15
            assert detail_left(before.image, after.image, (0, 0, 40, 240)) > 0.9

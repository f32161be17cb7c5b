"""Labels: names, and plates that do not cover each other; sides; timelines."""

import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses, PoseSequence, edit
from poseflow.drawing import Overlay, draw_timeline, identity_colors
from poseflow.drawing.labels import _free, _printable

GROUND = np.full((240, 320, 3), 120, np.uint8)
BODY = np.random.default_rng(0).uniform(-0.5, 0.5, (17, 2)) * [30, 90]


def people(*places, ids=None):
    points = np.array([BODY + place for place in places])
    ids = np.arange(1, len(places) + 1) if ids is None else ids
    return Poses(points, track_ids=ids, skeleton="coco17")


def test_plates_do_not_cover_each_other():
    crowd = people(*[(100 + 3 * k, 120 + k) for k in range(6)], ids=range(101, 107))
    drawn = Overlay(trail=0).draw(GROUND, crowd)
    plain = Overlay(trail=0, labels=False).draw(GROUND, crowd)
    changed = (drawn != plain).any(axis=2)
    for track in range(101, 107):
        plate = changed & (drawn == identity_colors([track])[0]).all(axis=2)
        assert plate.sum() > 60, track


@pytest.mark.parametrize(
    ("placed", "top", "expected"),
    [
        ([], 50, 50),
        ([(0, 45, 30, 60)], 50, 30),
        ([(0, 45, 30, 60), (0, 28, 30, 43)], 50, 13),
        ([(40, 45, 60, 60)], 50, 50),
        ([(0, 5, 30, 20)], 6, 20),
        ([(0, 85, 30, 100), (0, 0, 30, 84)], 86, 86),
    ],
)
def test_free_places(placed, top, expected):
    assert _free(placed, 0, top, 25, 15, 100) == expected


def test_names_in_place_of_ids():
    one = people((160, 120))
    plain = Overlay(trail=0, labels=False).draw(GROUND, one)
    names = [Overlay(trail=0, names=n).draw(GROUND, one) for n in ({}, {1: "Anna"})]
    widths = [np.ptp(np.nonzero((each != plain).any(axis=2))[1]) for each in names]
    assert widths[1] > 1.5 * widths[0]
    other = Overlay(trail=0, names={2: "Anna"}).draw(GROUND, one)
    assert (other == names[0]).all()


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Zoë", "Zoe"), ("李", "?"), ("", ""), ("x" * 40, "x" * 21 + "...")],
)
def test_letters_that_fonts_lack(name, shown):
    assert _printable(name) == shown


def test_sides():
    arms = people((160, 120))
    drawn = Overlay(trail=0, labels=False, colors="sides").draw(GROUND, arms)
    for color in ((225, 135, 15), (45, 120, 255), (120, 210, 90)):
        assert (drawn == color).all(axis=2).sum() > 10
    assert not (drawn == identity_colors([1])[0]).all(axis=2).any()
    with pytest.raises(PoseFlowError, match="colors: expected identity or sides"):
        Overlay(colors="left")


def sequence(*rows, first=0):
    frames = [
        Frame(t, t / 25, people(*[(50, 50)] * len(ids), ids=np.array(ids, np.int64)))
        if ids
        else Frame(t, t / 25, Poses.empty("coco17"))
        for t, ids in enumerate(rows, start=first)
    ]
    return PoseSequence.collect(frames)


def bar(image, track):
    """Columns that have the colour of a track."""
    return np.flatnonzero(
        (image == identity_colors([track])[0]).all(axis=2).any(axis=0)
    )


def test_timeline_bars():
    image = draw_timeline(sequence([1], [1], [], [1, 2], [2], [2]), width=624)
    one, two = bar(image, 1), bar(image, 2)
    assert (one.min(), one.max()) == (12, 411)
    assert not np.isin(range(215, 310), one).any()  # the gap
    assert (two.min(), two.max()) == (312, 611)


def test_tracks_that_do_not_overlap_share_a_line():
    shared = draw_timeline(sequence(*[[1]] * 9, [], *[[2]] * 9), width=600)
    apart = draw_timeline(sequence(*[[1, 2]] * 9), width=600)
    assert len(apart) > len(shared)


def test_timelines_of_few_and_many():
    assert draw_timeline(sequence()).shape == (58, 1600, 3)
    assert draw_timeline(sequence([1], first=10**9)).shape == (58, 1600, 3)
    crowd = draw_timeline(sequence(list(range(1, 41)), list(range(1, 41))))
    assert len(crowd) == 26 + 40 * 20 + 12
    named = edit.name(sequence(*[[1]] * 50), 1, "Åsa")
    assert (draw_timeline(named) != draw_timeline(sequence(*[[1]] * 50))).any()

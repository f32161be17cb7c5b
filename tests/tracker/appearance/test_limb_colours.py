"""Colours along limbs: which pixels count, and which limbs are unknown."""

from __future__ import annotations

import numpy as np
import pytest

from poseflow import Poses, Skeleton
from poseflow.tracker.appearance.limb_colours import limb_colours

ARM = Skeleton(
    "arm",
    ("shoulder", "elbow", "wrist"),
    limbs=(("shoulder", "elbow"), ("elbow", "wrist")),
)
SIZES = np.array([80.0])


def arm(x=50.0, scores=(1, 1, 1)):
    """A straight arm, two limbs of 40 pixels, downwards from y = 10."""
    points = np.array([[[x, 10], [x, 50], [x, 90]]])
    return Poses(points, np.array([scores], float), skeleton=ARM)


def image(upper=(10, 20, 60), lower=(90, 90, 90)):
    """Two colours, BGR, above and below the elbow."""
    painted = np.zeros((100, 100, 3), np.uint8)
    painted[:50], painted[50:] = upper, lower
    return painted


def test_brightness_and_two_colour_differences_of_each_limb():
    colours = limb_colours(image(), arm(), SIZES)
    np.testing.assert_allclose(colours, [[30, 40, 30, 90, 0, 0]])


def test_grey_images_have_brightness_alone():
    grey = image((40, 40, 40))[..., 0]
    np.testing.assert_allclose(limb_colours(grey, arm(), SIZES), [[40, 90]])


@pytest.mark.parametrize(
    ("poses", "known"),
    [
        pytest.param(arm(scores=(1, 1, 0)), [True, False], id="missing wrist"),
        pytest.param(arm(scores=(1, 0, 1)), [False, False], id="missing elbow"),
        pytest.param(arm(x=-30.0), [False, False], id="outside the image"),
        pytest.param(arm(x=1e30), [False, False], id="far outside"),
    ],
)
def test_limbs_that_are_not_visible_are_unknown(poses, known):
    colours = limb_colours(image(), poses, SIZES)
    assert np.isfinite(colours[0, ::3]).tolist() == known


@pytest.mark.parametrize(("apart", "known"), [(3.0, False), (40.0, True)])
def test_limbs_beside_those_of_another_person_are_unknown(apart, known):
    two = Poses.concatenate([arm(30.0), arm(30.0 + apart)])
    colours = limb_colours(image(), two, np.array([80.0, 80.0]))
    assert np.isfinite(colours).all() == known


def test_no_people_have_no_colours():
    assert limb_colours(image(), arm()[:0], SIZES[:0]).shape == (0, 6)

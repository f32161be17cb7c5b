"""Ignore regions: point in polygon, borders outside, and frames."""

import numpy as np
import pytest

from poseflow.eval.posetrack.ignore_regions import inside_polygon, inside_regions
from poseflow.formats.posetrack.annotations import empty_annotations

DIAMOND = [(4, 0), (8, 4), (4, 8), (0, 4)]
BOX = [(1, 2), (6, 2), (6, 9), (1, 9)]
WEDGE = [(0, 0), (0.3, 0.1), (0.7, 0.7)]


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("polygon", [DIAMOND, BOX])
def test_corners_and_edges_are_outside(polygon, step):
    corners = np.array(polygon[::step], float)
    middles = (corners + np.roll(corners, 1, axis=0)) / 2
    assert not inside_polygon(np.concatenate([corners, middles]), corners).any()
    inwards = middles + 1e-9 * (corners.mean(axis=0) - middles)
    assert inside_polygon(inwards, corners).all()
    outwards = middles - 1e-9 * (corners.mean(axis=0) - middles)
    assert not inside_polygon(outwards, corners).any()


def test_the_side_of_an_edge_is_exact():
    wedge = np.array(WEDGE)
    # One edge is y = x; the neighbours of 0.1 lie just below and above it.
    low, high = (np.nextafter(0.1, k) for k in (0, 1))
    points = np.array([(0.1, low), (0.1, 0.1), (0.1, high)])
    assert inside_polygon(points, wedge).tolist() == [True, False, False]


def test_even_odd_where_the_border_crosses_itself():
    twice = np.array(BOX + BOX, float)
    assert not inside_polygon(np.array([[3.0, 5]]), twice).any()
    bow = np.array([(0.0, 0), (4, 4), (4, 0), (0, 4)])
    points = np.array([(1.0, 2), (3, 2), (2, 1), (2, 2)])
    assert inside_polygon(points, bow).tolist() == [True, True, False, False]


def test_a_region_holds_in_its_frames_only():
    empty = empty_annotations("seq", "seq", ["0", "1", "2"], [0, 1, 2])
    regions = tuple(np.array(p, float) for p in (BOX, DIAMOND, BOX))
    values = {**vars(empty), "regions": regions, "region_frames": np.array([0, 1, 2])}
    gt = type(empty)(**values)
    assert [frames.tolist() for _, frames in gt.distinct_regions] == [[0, 2], [1]]
    keypoints = np.full((4, 15, 2), np.nan)
    keypoints[:, 0] = 5.5, 8.5  # in the box, not in the diamond
    keypoints[:, 1] = 7.5, 4.0  # the other way round
    found = inside_regions(keypoints, np.array([0, 1, 2, -1]), gt)
    assert found[:, 0].tolist() == [True, False, True, False]
    assert found[:, 1].tolist() == [False, True, False, False]
    assert not found[:, 2:].any()

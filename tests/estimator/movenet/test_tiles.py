"""Tile of a large image: where it lies, cut people, people that only it shows."""

import cv2
import numpy as np
import pytest
import torch

from poseflow.errors import PoseFlowError
from poseflow.estimator import Estimator
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.estimator.movenet.tiles import (
    ENLARGED,
    LEAST_ENLARGED,
    LEAST_SCORE,
    MOST_PX,
    MOST_SCALE,
    SMALL_PX,
    STEP_PX,
    Tile,
    tile_of_small_people,
)
from poseflow.poses import Poses
from poseflow.similarity.boxes import box_iou
from poseflow.synthetic import SceneConfig, make_scene


def tile(boxes, width=1920, height=1080, scale=0.3, scores=None):
    boxes = np.reshape(np.array(boxes, float), (-1, 4))
    scores = np.ones(len(boxes)) if scores is None else np.array(scores)
    return tile_of_small_people(boxes, scores, width, height, scale)


def box(x, y, side):
    return [x, y, x + side / 2, y + side]


def test_a_tile_holds_the_small_people_with_a_margin():
    people = [box(500, 300, 100), box(900, 350, 200), box(300, 200, 800)]
    found = tile(people)
    x1, y1, x2, y2 = found.box
    assert x1 <= 500 - 200
    assert y1 <= 300 - 200
    assert x2 >= 1000 + 200
    assert y2 >= 550 + 200
    assert found.scale == pytest.approx(0.3 * ENLARGED)
    assert found.input_px == round((x2 - x1) * found.scale)
    assert found.input_px % STEP_PX in (0, 1, STEP_PX - 1)
    assert found.crop(np.zeros((1080, 1920, 3))).shape == (y2 - y1, x2 - x1, 3)


@pytest.mark.parametrize(
    "people",
    [
        pytest.param([], id="none"),
        pytest.param([box(300, 200, 800)], id="large"),
        pytest.param([box(300, 200, SMALL_PX / 0.3)], id="not small enough"),
    ],
)
def test_without_small_people_there_is_no_tile(people):
    assert tile(people) is None


def test_unlikely_people_ask_for_no_tile():
    assert tile([box(500, 300, 100)], scores=[LEAST_SCORE / 2]) is None
    assert tile([box(500, 300, 100)], scores=[LEAST_SCORE]) is not None


def test_images_that_the_views_show_nearly_in_full_have_no_tile():
    small = [box(10, 10, 20)]
    assert tile(small, 640, 480, 1.0) is None
    assert tile(small, 640, 480, MOST_SCALE / LEAST_ENLARGED) is not None
    assert tile(small, 640, 480, 1.2) is None


def test_tiles_of_small_images_are_larger_than_the_image():
    small = [box(10, 10, 20)]
    enlarged = tile(small, 640, 480, 0.6)
    assert enlarged.scale == pytest.approx(0.6 * ENLARGED)
    assert not enlarged.shows_more
    assert tile(small, 640, 480, 0.9).scale == MOST_SCALE
    assert tile(small, 1920, 1080, 0.3).shows_more
    assert tile(small, 960, 540, 0.45).shows_more


@pytest.mark.parametrize("view_px", [64, 384, 768, 1024, 2048, 4096])
def test_the_input_of_a_tile_is_bounded(view_px):
    people = [box(10, 10, 20), box(7600, 4200, 20)]
    found = tile(people, 7680, 4320, view_px / 7680)
    assert (found is None) == (view_px * LEAST_ENLARGED > MOST_PX)
    assert found is None or found.input_px <= MOST_PX


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (300, 7680), (40, 641)])
def test_the_tile_stays_inside_the_image(width, height):
    for x, y in ((-20, -20), (width - 5, height - 5), (width / 2, height / 2)):
        scale = min(0.3, 768 / max(width, height))
        x1, y1, x2, y2 = tile([box(x, y, 30)], width, height, scale).box
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height


def test_people_cut_by_a_tile_are_left_out():
    boxes = [[0, 0, 20, 100], [60, 10, 100, 90], [30, 30, 60, 60]]
    joints = np.zeros((3, 17, 2))
    found = Poses(joints, np.ones((3, 17)), boxes, skeleton=SKELETON)
    image = np.zeros((100, 180, 3), np.uint8)
    left = Tile(np.array([0, 0, 100, 100]), 1.0).to_image(found, image)
    right = Tile(np.array([80, 0, 180, 100]), 1.0).to_image(found, image)
    assert left.boxes[:, 0].tolist() == [0, 30]
    assert right.boxes[:, 0].tolist() == [140, 110]
    assert right.keypoints[0, 0].tolist() == [80, 0]
    assert len(left[:0]) == len(Tile(np.zeros(4, int), 1.0).to_image(found[:0], image))


def test_small_people_are_found_in_tiles():
    torch.set_num_threads(1)
    made = make_scene(
        SceneConfig(frames=1, people=4, size=(640, 360)), seed=5, skeleton="coco17"
    )
    small = cv2.resize(made.render(0), None, fx=0.35, fy=0.35, interpolation=3)
    image = np.full((1080, 1920, 3), 90, np.uint8)
    corner = np.array([1500, 700])
    image[700 : 700 + small.shape[0], 1500 : 1500 + small.shape[1]] = small
    truth = made.annotation(0).poses.boxes * 0.35 + np.tile(corner, 2)
    found = {
        tiles: Estimator(device="cpu", quality="fast", tiles=tiles).estimate(image)
        for tiles in ("none", "auto")
    }
    hits = {
        name: int((box_iou(truth, poses.boxes).max(axis=1, initial=0) > 0.5).sum())
        for name, poses in found.items()
    }
    assert hits["auto"] > hits["none"]
    assert len(found["auto"]) <= len(truth)


def test_unknown_values_are_refused():
    with pytest.raises(PoseFlowError, match="tiles: expected auto or none"):
        Estimator(device="cpu", tiles="yes")

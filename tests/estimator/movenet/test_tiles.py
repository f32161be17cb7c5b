"""Tiles of large images: cover, cut people, small people that only tiles show."""

import cv2
import numpy as np
import pytest
import torch

from poseflow.errors import PoseFlowError
from poseflow.estimator import Estimator
from poseflow.estimator.movenet.presets import SKELETON
from poseflow.estimator.movenet.tiles import (
    MOST_PX,
    OVERLAP_PX,
    TILE_PX,
    from_tiles,
    tile_boxes,
)
from poseflow.poses import Poses
from poseflow.similarity.boxes import box_iou
from poseflow.synthetic import SceneConfig, make_scene


@pytest.mark.parametrize(
    ("width", "height"),
    [(1280, 720), (1920, 1080), (1080, 1920), (3840, 2160), (7680, 300), (641, 40)],
)
def test_tiles_cover_the_image_and_overlap(width, height):
    boxes = tile_boxes(width, height, 512)
    seen = np.zeros((height, width), np.int64)
    for x1, y1, x2, y2 in boxes:
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        seen[y1:y2, x1:x2] += 1
    assert seen.all()
    scale = min(1, MOST_PX / max(width, height))
    assert (boxes[:, 2:] - boxes[:, :2]).max() <= round(TILE_PX / scale)
    starts = np.unique(boxes[:, 0])
    if len(starts) > 1:
        side = boxes[0, 2] - boxes[0, 0]
        assert (starts[:-1] + side - starts[1:]).min() >= OVERLAP_PX / scale - 1


def test_images_that_a_view_shows_in_full_have_no_tiles():
    assert len(tile_boxes(640, 480, 768)) == 0
    assert len(tile_boxes(1920, 1080, 1920)) == 0
    assert tile_boxes(1, 1, 512).shape == (0, 4)


def test_people_cut_by_a_tile_are_left_out():
    tiles = np.array([[0, 0, 100, 100], [80, 0, 180, 100]])
    boxes = [[0, 0, 20, 100], [60, 10, 100, 90], [30, 30, 60, 60]]
    joints = np.zeros((3, 17, 2))
    found = Poses(joints, np.ones((3, 17)), boxes, skeleton=SKELETON)
    first, second = from_tiles(tiles, [found, found], 180, 100)
    assert first.boxes[:, 0].tolist() == [0, 30]
    assert second.boxes[:, 0].tolist() == [140, 110]
    assert second.keypoints[0, 0].tolist() == [80, 0]


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

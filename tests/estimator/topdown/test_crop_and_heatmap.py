"""Crops and heatmaps against the reference."""

from pathlib import Path

import numpy as np
import pytest
import torch

from poseflow import skeletons
from poseflow.errors import PoseFlowError
from poseflow.estimator.topdown.crop import (
    check_boxes,
    crop_affine,
    crop_people,
    grow_to_aspect,
    network_input,
)
from poseflow.estimator.topdown.heatmap import (
    decode_heatmaps,
    flip_back,
    heatmap_to_image,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "alphapose"


def test_reference_crops():
    with np.load(GOLDEN / "preprocess.npz") as data:
        boxes = grow_to_aspect(data["boxes"], 192, 256)
        crops = crop_people(data["image"], boxes, 192, 256)
        mean = (0.406, 0.457, 0.480)
        bgr = torch.from_numpy(crops[..., ::-1].copy())
        ready = network_input(bgr, mean, (1, 1, 1)).numpy()
        for k in range(len(boxes)):
            np.testing.assert_allclose(boxes[k], data[f"crop{k}_box"], atol=1e-5)
            theirs = data[f"crop{k}_uint8_chw"].astype(int)
            # OpenCV's warps differ by a grey level between versions.
            assert np.abs(crops[k].transpose(2, 0, 1) - theirs).max() <= 1
            np.testing.assert_allclose(
                ready[k][:, ::32, ::32], data[f"crop{k}_float_sample"], atol=1.1 / 255
            )


@pytest.mark.parametrize("case", [0, 1, 2])
def test_reference_heatmaps(case):
    with np.load(GOLDEN / "heatmap_to_coord.npz") as data:
        joints, scores = decode_heatmaps(data[f"case{case}_heatmaps"][None])
        image = heatmap_to_image(joints, (48, 64), data[f"case{case}_box"][None])
        np.testing.assert_allclose(image[0], data[f"case{case}_coords"], rtol=1e-6)
        np.testing.assert_array_equal(scores[0], data[f"case{case}_scores"][:, 0])


def test_reference_flip_average():
    coco = skeletons.get("coco17")
    with np.load(GOLDEN / "heatmap_to_coord.npz") as data:
        plain = data["case0_heatmaps"][None]
        mean = (plain + data["case0_heatmaps_flip"][None]) / 2
        joints, scores = decode_heatmaps(mean)
        image = heatmap_to_image(joints, (48, 64), data["case0_box"][None])
        np.testing.assert_allclose(image[0], data["case0_coords_with_flip"], rtol=1e-6)
        np.testing.assert_array_equal(scores[0], data["case0_scores_with_flip"][:, 0])
        np.testing.assert_array_equal(
            flip_back(plain, coco)[0], data["flip_heatmap_shift_intended_of_case0"]
        )
        np.testing.assert_array_equal(
            flip_back(plain, coco, shift=False)[0],
            data["flip_heatmap_noshift_of_case0"],
        )


@pytest.mark.parametrize(
    ("peak", "neighbour", "expected"),
    [
        pytest.param((5, 4), (6, 4), (5.25, 4), id="right is higher"),
        pytest.param((5, 4), (5, 3), (5, 3.75), id="above is higher"),
        pytest.param((1, 4), (2, 4), (1, 4), id="column 1 takes no step"),
        pytest.param((6, 4), (5, 4), (5.75, 4), id="last but one column does"),
        pytest.param((7, 4), (6, 4), (7, 4), id="last column takes none"),
        pytest.param((5, 1), (6, 1), (5, 1), id="row 1 takes no step either way"),
    ],
)
def test_quarter_pixel(peak, neighbour, expected):
    maps = np.zeros((1, 1, 8, 8), np.float32)
    maps[0, 0, neighbour[1], neighbour[0]] = 0.5
    maps[0, 0, peak[1], peak[0]] = 1
    joints, scores = decode_heatmaps(maps)
    assert tuple(joints[0, 0]) == expected
    assert scores[0, 0] == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_broken_heatmaps_drop_only_their_joint(bad):
    maps = np.random.default_rng(0).random((2, 3, 8, 6)).astype(np.float32)
    good, _ = decode_heatmaps(maps)
    maps[1, 2, 0, 0] = bad
    joints, scores = decode_heatmaps(maps)
    assert scores[1, 2] == 0
    assert joints[1, 2].tolist() == [0, 0]
    assert (scores > 0).sum() == 5
    good[1, 2] = 0
    np.testing.assert_array_equal(joints, good)


@pytest.mark.parametrize("shape", [(0, 17, 64, 48), (2, 3, 1, 1), (1, 1, 2, 9)])
def test_heatmaps_of_any_size(shape):
    joints, scores = decode_heatmaps(np.full(shape, -1, np.float32))
    assert joints.shape == (*shape[:2], 2)
    assert (joints == 0).all()
    assert scores.shape == shape[:2]
    assert joints.dtype == scores.dtype == np.float32


def test_crop_is_the_inverse_of_mapping_back():
    boxes = grow_to_aspect(np.array([[30, 40, 90, 200.0], [-50, -9, 3, 7]]), 192, 256)
    matrices = crop_affine(boxes, 192, 256)
    points = np.random.default_rng(1).uniform(-50, 300, (2, 5, 2))
    inside = np.einsum("nij,nkj->nki", matrices[:, :, :2], points)
    inside += matrices[:, None, :, 2]
    np.testing.assert_allclose(
        heatmap_to_image(inside / 4, (48, 64), boxes), points, atol=1e-9
    )


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([500, 500, 600, 700], id="outside"),
        pytest.param([-900, -900, -800, -700], id="outside above"),
        pytest.param([3, 3, 3, 3], id="a point"),
        pytest.param([9, 9, 2, 2], id="inverted"),
        pytest.param([-1e5, -1e5, 1e5, 1e5], id="enormous"),
    ],
)
def test_odd_boxes(box):
    image = np.full((40, 30, 3), 200, np.uint8)
    grown = grow_to_aspect(np.array([box], float), 48, 64)
    crops = crop_people(image, grown, 48, 64)
    assert crops.shape == (1, 64, 48, 3)
    if box[0] in (500, -900):
        assert not crops.any()
    if box[0] in (3, 9):
        assert (crops[0, 16:48, 12:36] == 200).all()


def test_more_than_opencv_warps():
    image = np.zeros((2, 40000, 3), np.uint8)
    image[:, 39000:] = 255
    near = grow_to_aspect(np.array([[38990, 0, 39010, 2.0]]), 48, 64)
    assert crop_people(image, near, 48, 64).max() == 255
    everything = np.array([[0, -26666, 40000, 26667.0]])
    crop = crop_people(image, everything, 48, 64)
    assert crop[0, :, 47].max() > 0
    assert crop[0, :, :40].max() == 0


def test_boxes_are_checked():
    assert check_boxes([]).shape == (0, 4)
    with pytest.raises(PoseFlowError, match="box 1 is"):
        check_boxes([[0, 0, 1, 1], [0, 0, np.nan, 1]])
    with pytest.raises(PoseFlowError, match=r"expected \(people, 4\)"):
        check_boxes([[0, 0, 1]])

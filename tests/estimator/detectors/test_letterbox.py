"""Letterboxes: placement, mirroring, large reductions."""

import cv2
import numpy as np
import pytest

from poseflow.estimator.detectors.letterbox import letterbox

SHAPES = [(720, 1280), (721, 1279), (1, 1), (1, 9000), (9000, 1), (3, 5), (64, 96)]


def _place(frame, shape):
    x, y = frame.offset.astype(int)
    height, width = (max(round(side * frame.scale), 1) for side in shape)
    return slice(y, y + height), slice(x, x + width)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("centred", [False, True])
def test_mirrored_inside_its_place(shape, centred):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    plain = letterbox(image, 96, 64, centred=centred, pad=7)
    other = letterbox(image, 96, 64, centred=centred, mirrored=True, pad=7)
    place = _place(plain, shape)
    np.testing.assert_array_equal(plain.image[place][:, ::-1], other.image[place])
    for frame in (plain, other):
        around = np.ones((64, 96), bool)
        around[place] = False
        assert (frame.image[around] == 7).all()


@pytest.mark.parametrize(
    ("scale", "way"),
    [
        (0.9, cv2.INTER_LINEAR),
        (0.5, cv2.INTER_LINEAR),
        (0.45, cv2.INTER_AREA),
        (0.34, cv2.INTER_AREA),
        (0.3, cv2.INTER_LINEAR),
        (0.26, cv2.INTER_LINEAR),
    ],
)
def test_interpolation_by_scale(scale, way):
    image = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    width, height = round(800 * scale), round(600 * scale)
    expected = cv2.resize(image, (width, height), interpolation=way)
    np.testing.assert_array_equal(letterbox(image, width, height).image, expected)


@pytest.mark.parametrize(("scale", "averaged"), [(0.2, 2), (0.11, 4), (0.04, 8)])
def test_large_reductions_begin_with_means(scale, averaged):
    image = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    width, height = round(800 * scale), round(600 * scale)
    blocks = image.reshape(600 // averaged, averaged, 800 // averaged, averaged, 3)
    means = blocks.mean(axis=(1, 3)).astype(np.float32)
    expected = cv2.resize(means, (width, height), interpolation=cv2.INTER_LINEAR)
    found = letterbox(image, width, height).image
    np.testing.assert_allclose(found, expected, atol=2.5)  # rounded at each step


def test_a_position_keeps_its_place_through_reductions():
    image = np.zeros((1080, 1920, 3), np.uint8)
    cv2.circle(image, (1500, 300), 40, (255, 255, 255), -1)
    frame = letterbox(image, 256, 160)
    y, x = np.nonzero(frame.image[..., 0] > 200)
    middle = frame.to_image(np.array([x.mean() + 0.5, y.mean() + 0.5]))
    np.testing.assert_allclose(middle, (1500.5, 300.5), atol=2)

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


@pytest.mark.parametrize("scale", [0.45, 0.3, 0.2, 0.11])
def test_large_reductions_are_area_means(scale):
    noise = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), 2)
    width, height = round(800 * scale), round(600 * scale)
    expected = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    found = letterbox(image, width, height).image
    error = found.astype(float) - expected
    assert abs(error.mean()) < 0.5  # rounding
    assert error.std() < 0.2 * expected.std()


def test_a_position_keeps_its_place_through_reductions():
    image = np.zeros((1080, 1920, 3), np.uint8)
    cv2.circle(image, (1500, 300), 40, (255, 255, 255), -1)
    frame = letterbox(image, 256, 160)
    y, x = np.nonzero(frame.image[..., 0] > 200)
    middle = frame.to_image(np.array([x.mean() + 0.5, y.mean() + 0.5]))
    np.testing.assert_allclose(middle, (1500.5, 300.5), atol=2)

"""Images of every pixel type as 8-bit BGR."""

import numpy as np
import pytest

from poseflow.errors import SourceError
from poseflow.video.pixels import to_bgr


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.full((5, 4), 128, np.uint8), id="grey"),
        pytest.param(np.full((5, 4, 1), 128, np.uint8), id="grey with an axis"),
        pytest.param(np.full((5, 4, 4), 128, np.uint8), id="with alpha"),
        pytest.param(np.full((5, 4, 3), 128 * 256, np.uint16), id="16 bits"),
        pytest.param(np.full((5, 4, 3), 128 / 255, np.float32), id="floating point"),
    ],
)
def test_images_of_any_kind(image):
    bgr = to_bgr(image)
    assert bgr.shape == (5, 4, 3)
    assert bgr.dtype == np.uint8
    assert (bgr == 128).all()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 4, 3), np.uint8), "at least one pixel"),
        (np.zeros((4, 4, 2), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((4, 4, 3), np.int64), "found int64"),
        (np.full((4, 4, 3), 255.0), "between 0 and 1, found 255 to 255"),
        (np.full((4, 4), -0.5), "between 0 and 1, found -0.5 to -0.5"),
        (np.full((4, 4), np.nan), "between 0 and 1, found nan"),
    ],
)
def test_arrays_that_are_not_images(image, message):
    with pytest.raises(SourceError, match=message):
        to_bgr(image)

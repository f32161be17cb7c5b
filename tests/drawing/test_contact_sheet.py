"""Contact sheets: order, labels and sizes."""

import numpy as np
import pytest

from poseflow import PoseFlowError
from poseflow.drawing import SheetSamples, contact_sheet


def plain(level, size=(30, 40)):
    return np.full((*size, 3), level, np.uint8)


@pytest.mark.parametrize(("count", "columns"), [(1, None), (5, 3), (4, None), (7, 7)])
def test_images_come_in_reading_order(count, columns):
    sheet = contact_sheet(
        [plain(20 * k + 10) for k in range(count)], columns, width=500
    )
    assert sheet.shape[1] == 500
    levels = sheet[..., 0].ravel()
    seen = [int(v) for v in levels if v < 200]
    across = columns or int(np.ceil(np.sqrt(count)))
    first_row = list(dict.fromkeys(seen))[:across]
    assert first_row == [20 * k + 10 for k in range(min(across, count))]
    assert set(seen) == {20 * k + 10 for k in range(count)}


def test_labels_are_written_below():
    bare = contact_sheet([plain(99)] * 2, 2, width=400)
    labelled = contact_sheet([plain(99)] * 2, 2, ["frame 0", ""], width=400)
    assert labelled.shape[0] > bare.shape[0]
    below = labelled[bare.shape[0] - 4 :]  # where the margin was
    assert below[:, :200].min() < 120
    assert below[:, 200:].min() > 240


def test_odd_sizes_are_fitted_in():
    sheet = contact_sheet([plain(9), plain(9), plain(9, (200, 10))], 3, width=600)
    assert sheet.shape[0] < 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "at least one image"),
        (([plain(0)], None, ["a", "b"]), "labels: expected 1"),
        (([plain(0)], 0), "columns"),
        (([plain(0)], 500), "columns"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(PoseFlowError, match=message):
        contact_sheet(*arguments)


@pytest.mark.parametrize("frames", [1, 12, 49, 500])
def test_samples_are_at_equal_distances(frames):
    samples = SheetSamples()
    for number in range(frames):
        samples.add(np.full((9, 16, 3), number % 250, np.uint8), str(number))
    kept = [int(label) for _, label in samples._kept]
    assert len(kept) <= 48
    assert len(set(np.diff(kept))) <= 1
    assert kept[0] == 0
    assert frames - kept[-1] <= samples._stride
    assert samples.sheet().shape[1] == 1600

"""IoU of the pairs that overlap, against the IoU of all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poseflow.eval import box_similarity
from poseflow.eval.box_similarity import overlaps
from poseflow.formats.mot import BoxTracks
from poseflow.similarity.boxes import box_iou


def tracks(frames, boxes):
    frames = np.asarray(frames, np.int64)
    ids, scores = np.arange(len(frames)), np.ones(len(frames))
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    return BoxTracks("a", frames, ids, boxes, scores, int(frames.max(initial=-1)) + 1)


def all_pairs(a, b):
    iou = box_iou(a.boxes, b.boxes) * (a.frames[:, None] == b.frames)
    return *np.nonzero(iou), iou[iou > 0]


def check(a, b):
    for found, expected in zip(overlaps(a, b), all_pairs(a, b), strict=True):
        np.testing.assert_array_equal(found, expected)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0, 1, 7, 60]),
    st.sampled_from([1, 3, 2**50]),
    st.sampled_from([1.0, 1e-9, 1e9, 1e140]),
    st.booleans(),
)
def test_the_same_pairs_as_all_against_all(seed, size, frames, scale, whole):
    rng = np.random.default_rng(seed)

    def side():
        corner = rng.normal(0, 10, (size, 2))
        boxes = np.concatenate([corner, corner + rng.exponential(5, (size, 2))], axis=1)
        at = np.sort(rng.integers(0, frames, size))
        return tracks(at, scale * (np.round(boxes) if whole else boxes))

    check(side(), side())


@pytest.mark.parametrize(
    ("a", "b"),
    [
        pytest.param([0, 0, 2, 2], [2, 0, 4, 2], id="edges touch"),
        pytest.param([0, 0, 2, 2], [0, 2, 2, 4], id="edges touch below"),
        pytest.param([0, 0, 0, 0], [0, 0, 0, 0], id="no area"),
        pytest.param([0, 0, 2, 2], [1, 0, 1, 2], id="no width"),
        pytest.param([4, 4, 0, 0], [0, 0, 4, 4], id="inverted"),
        pytest.param([0, 0, 1e9, 2], [-1e9, 0, 1, 2], id="very wide"),
        pytest.param([0, 0, 2, 2], [0, 0, 2, 2], id="the same"),
    ],
)
@pytest.mark.parametrize("frames", [[0], [3], [0, 1, 2**52]])
def test_borders(a, b, frames):
    check(tracks(frames, [a] * len(frames)), tracks(frames, [b] * len(frames)))


@pytest.mark.filterwarnings("error")
def test_widths_that_overflow():
    wide, narrow = tracks([0], [-1e308, 0, 1e308, 2]), tracks([0], [3, 0, 4, 2])
    at, by, _ = overlaps(narrow, narrow)
    assert (at.tolist(), by.tolist()) == ([0], [0])
    assert len(list(box_similarity._candidates(narrow, wide))) == 1


def test_blocks_do_not_change_the_pairs(monkeypatch):
    rng = np.random.default_rng(0)
    boxes = np.sort(rng.uniform(0, 50, (200, 2, 2)), axis=1).reshape(-1, 4)
    at = np.sort(rng.integers(0, 5, 200))
    monkeypatch.setattr(box_similarity, "BLOCK_PAIRS", 7)
    check(tracks(at, boxes), tracks(at, boxes[::-1]))

"""Parts of videos by frames and times."""

import pytest

from poseflow import PoseFlowError
from poseflow.video.frame_range import FrameRange


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        *((None, None), ("0", 0), ("300", 300), ("12.5s", 12.5), ("3s", 3.0)),
        *(("1:05", 65.0), ("0:00.5", 0.5), ("1:00:05", 3605.0), (" 7 ", 7)),
    ],
)
def test_bounds(text, bound):
    found = FrameRange.parse(text, None).start
    assert found == bound
    assert type(found) is type(bound)


@pytest.mark.parametrize("text", ["", "a", "-3", "1.5", "3 s", "1e3", "1:", "9" * 30])
def test_unreadable_bounds(text):
    with pytest.raises(PoseFlowError, match=r"stop: expected a frame \(300\)"):
        FrameRange.parse(None, text)


@pytest.mark.parametrize(
    ("start", "stop"), [("5", "5"), ("6", "5"), (None, "0"), ("2s", "2s"), ("3s", "1s")]
)
def test_empty_ranges(start, stop):
    with pytest.raises(PoseFlowError, match="nothing lies between"):
        FrameRange.parse(start, stop)


@pytest.mark.parametrize(
    ("start", "stop", "kept"),
    [
        (None, None, range(10)),
        ("3", None, range(3, 10)),
        (None, "3", range(3)),
        ("2", "8", range(2, 8)),
        ("0.3s", "0.7s", range(3, 7)),
        ("0.25s", "0.75s", range(3, 8)),
        ("2", "0.5s", range(2, 5)),
        ("20", None, range(0)),
    ],
)
def test_frames_of_a_range(start, stop, kept):
    part = FrameRange.parse(start, stop)
    inside = [
        k for k in range(10) if part.begun(k, k / 10) and not part.ended(k, k / 10)
    ]
    assert inside == list(kept)
    assert part.count(10, 10.0) == len(kept)


def test_counts_that_cannot_be_known():
    assert FrameRange(2).count(None, 25) is None
    assert FrameRange(2, 10).count(None, 25) == 8
    assert FrameRange(1.0, 2.0).count(100, None) is None

"""Correspondences from files."""

import warnings

import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, Tracker
from poseflow.errors import FormatError
from poseflow.tracker.base import FrameContext
from poseflow.tracker.matchers.base import FileMatcher

ROWS = np.array([[1, 2, 3, 4, 60], [5, 6, 7, 8, 12]], np.int16)
EMPTY = Poses.empty("coco17")


def second_of(matcher, names=("video/a.jpg", "b.png")):
    for k, name in enumerate(names):
        found = matcher.match(FrameContext(k, name=name), EMPTY)
        assert k > 0 or found is None
    return found


@pytest.mark.parametrize("kind", ["txt", "orb.npz", "npz", "together", "archive"])
def test_all_layouts(tmp_path, kind):
    place = tmp_path
    if kind == "txt":
        np.savetxt(tmp_path / "a_b_orb.txt", ROWS, fmt="%d")
    elif kind == "orb.npz":
        np.savez(tmp_path / "a_b_orb.npz", ROWS)
    elif kind == "npz":
        np.savez(tmp_path / "a_b.npz", anything=ROWS)
    else:
        np.savez_compressed(tmp_path / "correspondences.npz", a_b=ROWS, b_c=ROWS[:1])
        place = tmp_path if kind == "together" else tmp_path / "correspondences.npz"
    matcher = FileMatcher(place)
    np.testing.assert_array_equal(second_of(matcher), ROWS[:, :4])
    matcher.reset()
    assert matcher.match(FrameContext(0, name="b"), EMPTY) is None


def test_a_missing_pair_has_none_and_warns_once(tmp_path):
    matcher = FileMatcher(tmp_path)
    with pytest.warns(UserWarning, match="no correspondences for a_b"):
        assert second_of(matcher) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert matcher.match(FrameContext(2, name="c"), EMPTY) is None


def test_compat_ignores_small_files(tmp_path):
    np.savetxt(tmp_path / "a_b_orb.txt", ROWS, fmt="%d")
    with pytest.warns(UserWarning, match="no correspondences"):
        assert second_of(FileMatcher(tmp_path, smallest_text_bytes=1000)) is None


def test_an_empty_text_has_no_matches(tmp_path):
    (tmp_path / "a_b_orb.txt").touch()
    assert len(second_of(FileMatcher(tmp_path))) == 0


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("a_b_orb.txt", b"1 2 three 4\n", id="words"),
        pytest.param("a_b_orb.txt", b"\xff\xfe\x00", id="binary text"),
        pytest.param("a_b_orb.txt", b"1 2\n3 4\n", id="two columns"),
        pytest.param("a_b_orb.npz", b"PK\x03\x04 broken", id="broken zip"),
        pytest.param("a_b_orb.npz", b"", id="empty npz"),
        pytest.param("a_b_orb.npz", b"\x80\x04N.", id="pickle"),
    ],
)
def test_broken_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PoseFlowError, match=name):
        second_of(FileMatcher(tmp_path))


def test_pickles_are_never_loaded(tmp_path):
    np.savez(tmp_path / "a_b_orb.npz", np.array([{"evil": 1}], dtype=object))
    with pytest.raises(FormatError, match="Python objects, which are not loaded"):
        second_of(FileMatcher(tmp_path))


def test_frames_need_names(tmp_path):
    tracker = Tracker("released", correspondences=tmp_path)
    with pytest.raises(PoseFlowError, match=r"frame 0: .*pass name="):
        tracker.update(EMPTY)

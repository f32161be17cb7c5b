"""Settings as text: read by the type of the option."""

import pytest

from poseflow import PoseFlowError, Tracker
from poseflow.tracker.settings import parse_settings
from poseflow.tracker.tracker import TRACKERS


@pytest.mark.parametrize(
    ("tracker", "text", "name", "value"),
    [
        ("default", "max_age_frames=60", "max_age_frames", 60),
        ("default", " max-age-frames = 60 ", "max_age_frames", 60),
        ("default", "gate_body_lengths=2", "gate_body_lengths", 2.0),
        ("default", "gate_body_lengths=1e-1", "gate_body_lengths", 0.1),
        ("default", "appearance=False", "appearance", False),
        ("default", "max_tracks=none", "max_tracks", None),
        ("default", "matcher=none", "matcher", "none"),
        ("poseflow", "window_frames=30", "window_frames", 30),
        ("iou", "minimum_iou=0.2", "minimum_iou", 0.2),
    ],
)
def test_values_are_read_by_type(tracker, text, name, value):
    found = parse_settings(tracker, [text])
    assert found == {name: value}
    assert isinstance(found[name], type(value))
    Tracker(tracker, **found)


@pytest.mark.parametrize(
    ("tracker", "text", "message"),
    [
        ("default", "max_age_frames", "expected NAME=VALUE"),
        ("default", "=3", "expected NAME=VALUE"),
        ("default", "age=3", "has no option age; it has max_age_frames, "),
        ("default", "weights=3", "has no option weights"),
        ("default", "max_age_frames=1.5", "a whole number, found '1.5'"),
        ("default", "max_age_frames=", "a whole number, found ''"),
        ("default", "appearance=3", "true or false, found '3'"),
        ("oks", "gate_body_lengths=3", "'oks' has no option gate_body_lengths"),
        ("unknown", "a=3", "unknown tracker 'unknown'"),
    ],
)
def test_bad_settings(tracker, text, message):
    with pytest.raises(PoseFlowError, match=message):
        parse_settings(tracker, [text])


def test_the_last_setting_counts_and_ranges_are_checked_by_the_tracker():
    assert parse_settings("default", ["max_tracks=2", "max_tracks=3"]) == {
        "max_tracks": 3
    }
    with pytest.raises(PoseFlowError, match="max_tracks must be"):
        Tracker(**parse_settings("default", ["max_tracks=0"]))


def test_trackers_of_other_packages_get_what_the_text_says():
    TRACKERS.register("other", lambda **options: None, replace=True)
    try:
        texts = ["a=1", "b=1.5", "c=yes", "d=none", "e=word"]
        expected = {"a": 1, "b": 1.5, "c": True, "d": None, "e": "word"}
        assert parse_settings("other", texts) == expected
    finally:
        TRACKERS._entries.pop("other", None)

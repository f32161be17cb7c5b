"""The live window: its keys, and clear messages where there is none."""

import time

import cv2
import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses
from poseflow.pipeline import window
from poseflow.pipeline.protocols import EndOfRun
from poseflow.pipeline.window import LiveWindow, why_no_window


def frame(number=0, image=True):
    points = np.random.default_rng(0).uniform(90, 200, (1, 17, 2))
    pixels = np.zeros((240, 320, 3), np.uint8) if image else None
    return Frame(number, number / 25, Poses(points, track_ids=[1]), pixels)


@pytest.fixture
def screen(monkeypatch):
    """A display that records images; `keys` are pressed one after the other."""

    class Screen:
        def __init__(self):
            self.keys, self.shown, self.visible = [], [], 1.0

    screen = Screen()
    monkeypatch.setattr(window, "why_no_window", lambda: "")
    for name in ("namedWindow", "resizeWindow", "destroyWindow"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    monkeypatch.setattr(cv2, "imshow", lambda _, image: screen.shown.append(image))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: screen.visible)
    monkeypatch.setattr(
        cv2, "waitKey", lambda _: ord(screen.keys.pop(0)) if screen.keys else -1
    )
    return screen


def test_frames_are_shown_with_their_delay(screen):
    class Camera:
        is_live = True

        def arrival(self, index):
            return time.monotonic() - 0.042 if index else None

    with LiveWindow("clip", source=Camera()) as live:
        captions = [live._caption(frame(k)) for k in (0, 1)]
        live.write(frame(1))
    assert "delay" not in captions[0]
    assert "delay 42 ms" in captions[1]
    assert (screen.shown[0] != 0).any()


@pytest.mark.parametrize("key", ["q", "Q", "\x1b"])
def test_quit(screen, key):
    live = LiveWindow()
    screen.keys = [key]
    with pytest.raises(EndOfRun):
        live.write(frame())


def test_closing_the_window_quits(screen):
    live = LiveWindow()
    screen.visible = 0.0
    with pytest.raises(EndOfRun):
        live.write(frame())


def test_pause_lasts_until_the_next_space(screen):
    live = LiveWindow()
    screen.keys = [" ", "i", "x", " ", "q"]
    live.write(frame())
    assert screen.keys == ["q"]
    with pytest.raises(EndOfRun):
        live.write(frame())


def test_ids_and_trails_are_switched(screen):
    live = LiveWindow()
    screen.keys = ["i"]
    live.write(frame(0))
    live.write(frame(0))
    below = [image[30:] for image in screen.shown]
    assert (below[0] != below[1]).any()
    screen.keys = ["i"]
    live.write(frame(0))
    live.write(frame(0))
    assert (screen.shown[3][30:] == below[0]).all()


def test_frames_need_images(screen):
    with pytest.raises(PoseFlowError, match="no image to show"):
        LiveWindow().write(frame(image=False))


def test_no_display_is_told(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(PoseFlowError, match=r"no display \(DISPLAY is not set"):
        LiveWindow()


def test_a_display_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(window, "_PROBE", "raise SystemExit(1)")
    monkeypatch.setenv("DISPLAY", ":987")
    assert "display :987 cannot be opened" in why_no_window()


def test_opencv_without_windows_is_told(monkeypatch):
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:    NONE\n")
    assert "opencv-python-headless" in why_no_window()

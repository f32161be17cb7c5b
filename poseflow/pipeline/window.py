"""A window that shows frames as they are tracked: `LiveWindow`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import Any, Self

import cv2

from poseflow.drawing import Overlay
from poseflow.drawing.text import write_title
from poseflow.errors import PoseFlowError
from poseflow.pipeline.protocols import EndOfRun
from poseflow.sequence import Frame
from poseflow.video import Source

PROBE_SECONDS = 20

_PROBE = "import cv2; cv2.namedWindow('poseflow'); cv2.waitKey(1)"

HELP = "space pause · i ids · t trails · q quit"


class LiveWindow:
    """Shows tracked frames in a window of OpenCV.

    Keys: space pauses, `i` and `t` show and hide ids and trails, `q` and Esc quit, as
    does closing the window.

    Args:
        title: Of the window.
        overlay: How to draw; default `Overlay()`.
        source: The source of the frames; of a live one the delay is shown.

    Raises:
        PoseFlowError: If there is no display, or OpenCV was built without windows.
    """

    def __init__(
        self,
        title: str = "poseflow",
        overlay: Overlay | None = None,
        source: Source | None = None,
    ) -> None:
        problem = why_no_window()
        if problem:
            raise PoseFlowError(f"cannot show a window: {problem}")
        self._overlay = overlay or Overlay()
        self._source = source if source is not None and source.is_live else None
        self._labels, self._trails = self._overlay.labels, True
        self._title = f"{title} ({HELP})"
        self._last: float | None = None
        self._rate = 0.0
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL)
        self._sized = False

    def write(self, frame: Frame) -> None:
        """Show a frame that has its image.

        Raises:
            EndOfRun: If the user has quit.
        """
        if frame.image is None:
            raise PoseFlowError(
                f"frame {frame.index} has no image to show; track with images"
            )
        self._overlay.labels = self._labels
        image = self._overlay.draw(frame.image, frame.poses, trails=self._trails)
        write_title(image, self._caption(frame))
        if not self._sized:
            scale = min(1.0, 1280 / image.shape[1], 800 / image.shape[0])
            size = round(image.shape[1] * scale), round(image.shape[0] * scale)
            cv2.resizeWindow(self._title, *size)
            self._sized = True
        cv2.imshow(self._title, image)
        self._handle(cv2.waitKey(1))

    def _caption(self, frame: Frame) -> str:
        """Time, frames per second, and the delay since the frame came in."""
        now = time.monotonic()
        if self._last is not None:
            rate = 1 / max(now - self._last, 1e-6)
            self._rate = rate if not self._rate else 0.9 * self._rate + 0.1 * rate
        self._last = now
        text = f"{frame.time:.1f} s, {self._rate:.1f} frames/s"
        arrived = self._source.arrival(frame.index) if self._source else None
        if arrived is not None:
            text += f", delay {1000 * (now - arrived):.0f} ms"
        return text

    def _handle(self, key: int) -> None:
        """React to a key, and to the window being closed."""
        if self._act(key):
            while not self._act(cv2.waitKey(30)):
                pass
            self._last = None  # the pause is no time between frames

    def _act(self, key: int) -> bool:
        """Do what a key says; True for space."""
        letter = chr(key & 0xFF).lower() if key >= 0 else ""
        closed = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        if letter in ("q", "\x1b") or closed:
            raise EndOfRun
        if letter == "i":
            self._labels = not self._labels
        elif letter == "t":
            self._trails = not self._trails
        return letter == " "

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        with contextlib.suppress(cv2.error):  # closed already
            cv2.destroyWindow(self._title)


def why_no_window() -> str:
    """Why no window can be shown; empty if one can.

    Whether a display answers is tried in another process: OpenCV's window library ends
    the process if none does.
    """
    lines = cv2.getBuildInformation().splitlines()
    gui = next((line.split(":", 1)[1] for line in lines if "GUI:" in line), "")
    if gui.strip().upper() in ("", "NONE"):
        return (
            "this OpenCV was built without windows (opencv-python-headless); install "
            "opencv-python instead, or write a video with --render"
        )
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return (
            "there is no display (DISPLAY is not set); write a video with --render "
            "instead, or log in with a display, such as ssh -X"
        )
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"the display did not answer within {PROBE_SECONDS} seconds"
    if done.returncode:
        where = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or ""
        return (
            f"the display {where} cannot be opened; write a video with --render instead"
        )
    return ""

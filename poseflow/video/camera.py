"""A source of live frames from a camera of this computer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import cv2

from poseflow.errors import SourceError
from poseflow.video.image_file import quiet_opencv
from poseflow.video.pixels import to_bgr
from poseflow.video.source import Source, SourceFrame, number_name


class Camera(Source):
    """Camera number `device`, read through OpenCV, which has each system's drivers."""

    is_live = True
    is_timed = False
    _ahead = 1

    def __init__(self, device: int) -> None:
        super().__init__(f"camera{device}")
        self._device = device
        self._busy = threading.Lock()
        with quiet_opencv():
            self._capture = cv2.VideoCapture(device)
            read, image = self._capture.read()
        if not read or image is None:
            self._capture.release()
            raise SourceError(
                f"camera {device}: expected a camera with this number, found none that "
                "delivers images; check that it is plugged in, that no other program "
                "uses it, and that you may open it"
            )
        self.size = (image.shape[1], image.shape[0])
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 1 <= fps <= 1000 else None

    def _frames(self, troubles: list[str]) -> Iterator[SourceFrame]:
        start: float | None = None
        index = 0
        while not self._closed:
            with self._busy:
                read, image = self._capture.read()
            now = time.monotonic()
            if not read or image is None:
                if not self._closed:
                    troubles.append(
                        f"camera {self._device}: it stopped delivering images"
                    )
                return
            start = now if start is None else start
            bgr = to_bgr(image, f"camera {self._device}, frame {index}")
            yield SourceFrame(index, now - start, number_name(index), bgr)
            index += 1

    def close(self) -> None:
        """End reading and release the camera."""
        super().close()
        # A driver that hangs keeps the lock; releasing the camera then would crash.
        if self._busy.acquire(timeout=1):
            self._capture.release()
            self._busy.release()

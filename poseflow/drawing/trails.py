"""Trails: the recent path of each identity."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.poses import NO_TRACK, Poses

_TORSO = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_SMOOTH = 5


class Trails:
    """The centre paths of identities over the last `length` frames.

    Memory is bounded: `length` points for each identity seen in that time.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._now = 0
        self._paths: dict[int, deque[tuple[int, float, float]]] = {}

    def reset(self) -> None:
        """Forget all paths."""
        self._paths.clear()
        self._now = 0

    def update(self, poses: Poses) -> None:
        """Add the centres of the next frame."""
        self._now += 1
        for track, (x, y) in zip(
            poses.track_ids.tolist(), centers(poses).tolist(), strict=True
        ):
            if track != NO_TRACK:
                path = self._paths.setdefault(track, deque(maxlen=self.length))
                path.append((self._now, x, y))
        oldest = self._now - self.length
        for track in list(self._paths):
            path = self._paths[track]
            while path and path[0][0] <= oldest:
                path.popleft()
            if not path:
                del self._paths[track]

    def path(self, track: int) -> npt.NDArray[Any]:
        """`(n, 2)` points, oldest first, smoothed for display; `(0, 2)` if unknown."""
        path = self._paths.get(track)
        if path is None or len(path) < 2:
            return np.zeros((0, 2))
        points = np.array(path)[:, 1:]
        padded = np.pad(points, ((_SMOOTH // 2,) * 2, (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, _SMOOTH, axis=0)
        return np.asarray(windows.mean(axis=-1))


def centers(poses: Poses) -> npt.NDArray[Any]:
    """Each person's centre, `(P, 2)`: mean of shoulders and hips, else of the box."""
    middle = (poses.boxes[:, :2] + poses.boxes[:, 2:]) / 2
    joints = poses.skeleton.joints
    torso = [joints.index(name) for name in _TORSO if name in joints]
    if not torso or not len(poses):
        return np.asarray(middle)
    seen = poses.present[:, torso, None]
    total = np.where(seen, poses.keypoints[:, torso], 0).sum(axis=1)
    count = seen.sum(axis=1)
    # Half a torso would pull the path aside, so it counts only when most is there.
    return np.where(count >= 3, total / np.maximum(count, 1), middle)

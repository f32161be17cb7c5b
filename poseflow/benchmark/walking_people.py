"""Seeded poses, correspondences and images for timing; not for accuracy.

People are random joints that move along straight lines. What matters for timing is how
many there are, how they overlap, and how many corners an image has.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.poses import Poses

CORRESPONDENCES = 2700
"""Correspondences per pair of frames; the reference was timed with 2721."""


class WalkingPeople:
    """People who walk through a frame and turn back at its borders.

    Args:
        people: Number of people, P.
        seed: Seed of all random numbers.
        size: Width and height of the frame in pixels.
        height: Height of a person in pixels.
    """

    def __init__(
        self,
        people: int,
        seed: int = 0,
        size: tuple[int, int] = (1280, 720),
        height: float = 220.0,
    ) -> None:
        random = np.random.default_rng(seed)
        self.people, self.seed, self.size, self.height = people, seed, size, height
        self.half = np.array([0.16, 0.5]) * height
        self.joints = random.uniform(-1, 1, (people, 17, 2)) * self.half
        self.start = random.uniform((0, 0), size, (people, 2))
        self.pace = random.normal(0, 1, (people, 2)) * height * [0.012, 0.004]

    def centres(self, frame: int) -> Floats:
        """Centres of the people, `(P, 2)` pixels."""
        way = (self.start + self.pace * frame) / self.size
        centres: Floats = np.abs((way + 1) % 2 - 1) * self.size
        return centres

    def poses(self, frame: int) -> Poses:
        """Poses of a frame, with a jitter of one pixel."""
        random = np.random.default_rng((self.seed, frame))
        jitter = random.normal(0, 1, self.joints.shape)
        scores = random.uniform(0.3, 1.0, self.joints.shape[:2])
        keypoints = self.centres(frame)[:, None] + self.joints + jitter
        return Poses(keypoints, scores, dtype=np.float64)

    def correspondences(self, frame: int, count: int = CORRESPONDENCES) -> Floats:
        """Matches of the previous frame with this, `(count, 4)`; one in seven wrong."""
        random = np.random.default_rng((self.seed, frame, 1))
        person = random.integers(0, max(self.people, 1), count)
        if not self.people:
            return np.zeros((0, 4))
        offset = random.uniform(-1, 1, (count, 2)) * self.half
        before = self.centres(frame - 1)[person] + offset
        after = self.centres(frame)[person] + offset + random.normal(0, 1, (count, 2))
        wrong = random.random(count) < 1 / 7
        after[wrong] = random.uniform((0, 0), self.size, (int(wrong.sum()), 2))
        return np.concatenate([before, after], axis=1)

    def images(self, frames: int) -> Iterator[Image]:
        """`(H, W, 3)` images: textured people in front of a textured background."""
        import cv2

        random = np.random.default_rng((self.seed, 2))
        width, height = self.size
        background = _texture(random, height, width, contrast=60)
        half = self.half.astype(int)
        clothes = [
            _texture(random, 2 * half[1], 2 * half[0], contrast=90)
            for _ in range(self.people)
        ]
        mask = np.zeros((2 * half[1], 2 * half[0]), np.uint8)
        centre = (int(half[0]), int(half[1]))
        cv2.ellipse(mask, centre, centre, 0, 0, 360, 255, -1)
        for frame in range(frames):
            image = background.copy()
            for patch, at in zip(clothes, self.centres(frame).astype(int), strict=True):
                low = np.maximum(at - half, 0)
                high = np.minimum(at + half, self.size)
                x, y = (slice(a, b) for a, b in zip(low, high, strict=True))
                a, b = low - at + half, high - at + half
                cut = (slice(a[1], b[1]), slice(a[0], b[0]))
                shown = mask[cut] > 0
                image[y, x][shown] = patch[cut][shown]
            noise = random.integers(-3, 4, image.shape, np.int16)
            yield np.clip(image + noise, 0, 255).astype(np.uint8)


def _texture(
    random: np.random.Generator, height: int, width: int, contrast: float
) -> Image:
    """Blocks of several sizes with corners at their edges, `(height, width, 3)`."""
    import cv2

    total = np.full((height, width, 3), 128.0)
    for grain in (6, 14, 40):
        shape = (height // grain + 2, width // grain + 2, 3)
        coarse = random.uniform(-1, 1, shape).astype(np.float32)
        total += (
            contrast
            / 2
            * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
        )
    smooth = cv2.GaussianBlur(np.clip(total, 0, 255), (0, 0), 1.5)
    return np.asarray(smooth).astype(np.uint8)

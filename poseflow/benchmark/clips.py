"""Clips of the tracking benchmark: seeded scenes with simulated detections."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseflow.arrays import Image
from poseflow.errors import PoseFlowError
from poseflow.eval.track_pairs import Similarity
from poseflow.sequence import PoseSequence
from poseflow.synthetic import PRESETS, Corruption, NoiseModel, Scene, make_scene


@dataclass(frozen=True, eq=False)
class Clip:
    """One seeded scene: its ground truth and simulated detections.

    Attributes:
        suite: Name of the suite.
        scene: The scene, whose images are rendered one by one on demand; None for clips
            without images.
        truth: Ground truth: all visible people, with ids.
        corruption: The poses that trackers get, and the true person of each.
        folder: Folder in which rendered images are kept, or None to keep none.
        similarity: How a person and a pose are compared in scores.
    """

    suite: str
    scene: Scene | None
    truth: PoseSequence
    corruption: Corruption
    folder: Path | None = None
    similarity: Similarity = "oks"

    def image(self, number: int) -> Image:
        """Frame `number` as `(H, W, 3)` BGR, rendered unless it is kept already."""
        import cv2

        if self.scene is None:
            raise PoseFlowError(f"{self.suite}: these clips have no images")
        if self.folder is None:
            return self.scene.render(number)
        path = self.folder / f"{self.truth.name}-{number:04d}.png"
        if path.is_file():
            return np.asarray(cv2.imread(str(path)), np.uint8)
        image = self.scene.render(number)
        self.folder.mkdir(parents=True, exist_ok=True)
        fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
        # Written under another name first: a run that is stopped leaves no half image.
        part = path.with_suffix(".part")
        part.write_bytes(cv2.imencode(".png", image, fast)[1].tobytes())
        part.replace(path)
        return image

    @property
    def poses(self) -> PoseSequence:
        """The poses that trackers get."""
        return self.corruption.sequence


def make_clip(
    suite: str, seed: int, frames: int | None = None, folder: Path | None = None
) -> Clip:
    """The clip of a suite and a seed; images are kept in `folder`, if given."""
    scene = make_scene(suite, seed=seed, frames=frames)
    truth = scene.truth()
    noise = NoiseModel.preset(PRESETS[suite].noise)
    return Clip(suite, scene, truth, noise.corrupt(truth, seed=seed), folder)

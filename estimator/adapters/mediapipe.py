"""mediapipe's pose landmarker (BlazePose, 33 joints): model bundles and objects.

Source: MediaPipe Solutions, "Pose landmark detection guide for Python".
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseflow.arrays import Image
from poseflow.errors import FormatError, MissingExtraError, PoseFlowError
from poseflow.estimator.adapters.one_stage import OneStagePoses, refuse_detector
from poseflow.estimator.protocols import Detector
from poseflow.poses import Poses
from poseflow.skeletons import get
from poseflow.validation import require


class MediapipePoses(OneStagePoses):
    """mediapipe's pose landmarker; a one-stage `EstimatorBackend`.

    A joint's score is its visibility, the probability that it is in the image and not
    occluded; a person's is the mean. The third coordinate is left out.

    Args:
        landmarker: A `mediapipe.tasks.python.vision.PoseLandmarker` of running mode
            IMAGE: tracks come from poseflow's tracker.
        least_score: People below this score are left out.

    Raises:
        PoseFlowError: If an option is out of its range.
        MissingExtraError: If mediapipe is not installed.
    """

    title = "mediapipe's pose landmarker"
    skeleton = get("blazepose33")

    def __init__(self, landmarker: Any, *, least_score: float = 0.3) -> None:
        require("least_score", least_score, 0, 1)
        self.landmarker = landmarker
        self.least_score = least_score
        self._mediapipe = _mediapipe()

    def _predict(self, images: Sequence[Image]) -> list[Poses]:
        return [self._people(image) for image in images]

    def _people(self, image: Image) -> Poses:
        rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        kind = self._mediapipe.ImageFormat.SRGB
        result = self.landmarker.detect(
            self._mediapipe.Image(image_format=kind, data=rgb)
        )
        people = np.array(
            [
                [(mark.x, mark.y, mark.visibility or 0) for mark in person]
                for person in result.pose_landmarks
            ],
            np.float32,
        ).reshape(-1, len(self.skeleton), 3)
        size = np.array([image.shape[1], image.shape[0]], np.float32)
        scores = people[..., 2].mean(axis=1)
        kept = scores >= self.least_score
        return Poses(
            people[kept, :, :2] * size,
            people[kept, :, 2],
            scores=scores[kept],
            skeleton=self.skeleton,
        )


def mediapipe_estimator(
    weights: str | os.PathLike[str] | None,
    device: str = "auto",
    detector: Detector | None = None,
    *,
    most_people: int = 10,
    **options: Any,
) -> MediapipePoses:
    """Make the estimator `mediapipe` of a model bundle.

    Args:
        weights: `.task` file, such as Google's `pose_landmarker_full.task`.
        device: `auto` or `cpu`.
        detector: None: it detects people itself.
        most_people: Of an image; mediapipe's `num_poses`.
        **options: Those of `MediapipePoses`.

    Raises:
        PoseFlowError: If the file is none that mediapipe reads, or an option is out of
            its range.
        MissingExtraError: If mediapipe is not installed.
    """
    refuse_detector("estimator 'mediapipe'", detector)
    if weights is None or not Path(weights).is_file():
        raise FormatError(
            f"{weights or 'estimator mediapipe'}: expected a model bundle, such as "
            "Google's pose_landmarker_full.task (--weights)"
        )
    if device not in ("auto", "cpu"):
        raise PoseFlowError(f"device: mediapipe runs on the CPU here, got {device!r}")
    require("most_people", most_people, 1, whole=True)
    _mediapipe()
    from mediapipe.tasks.python import BaseOptions, vision

    try:
        landmarker = vision.PoseLandmarker.create_from_options(
            vision.PoseLandmarkerOptions(
                base_options=BaseOptions(model_asset_buffer=Path(weights).read_bytes()),
                num_poses=most_people,
            )
        )
    except (RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise FormatError(
            f"{weights}: not a pose model that mediapipe reads: {reason}"
        ) from error
    return MediapipePoses(landmarker, **options)


def _mediapipe() -> Any:
    try:
        import mediapipe
    except ImportError as error:
        raise MissingExtraError(
            "mediapipe", "mediapipe", "estimator 'mediapipe'"
        ) from error
    return mediapipe

"""Embedded models: the person detector and pose network in the package."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from poseflow.errors import PoseFlowError

if TYPE_CHECKING:
    from poseflow.estimator.protocols import Detector, EstimatorBackend
    from poseflow.estimator.topdown.pose_nms import PoseNMSParameters

FOLDER = Path(__file__).with_name("models")
"""Where `make models` puts the weights, and the wheel carries them."""

POSE = "pose.safetensors"
DETECTOR = "detector.safetensors"


def summary(folder: Path = FOLDER) -> str:
    """One line on what ships: networks, their input, joints and size.

    Read from the files' headers, without torch.
    """
    from safetensors import safe_open

    parts = []
    for name in (DETECTOR, POSE):
        with safe_open(folder / name, framework="numpy") as file:
            (text,) = file.metadata().values()
        what = msgspec.json.decode(text)
        joints = f", {what['skeleton']}" if "skeleton" in what else ""
        parts.append(f"{name} ({what['width']} x {what['height']}{joints})")
    size = sum((folder / name).stat().st_size for name in (DETECTOR, POSE))
    return f"{' and '.join(parts)}, {size / 1e6:.1f} MB"


def embedded_detector(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    *,
    folder: Path = FOLDER,
    **options: Any,
) -> Detector:
    """The shipped person detector.

    Args:
        weights: None: it has its own.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        folder: Where its weights are.
        **options: As `poseflow.estimator.detectors.centernet.CentreDetector` takes.

    Raises:
        PoseFlowError: If weights are given.
    """
    from poseflow.estimator.detectors.centernet import CentreDetector

    if weights is not None:
        raise PoseFlowError(
            "detector 'embedded' has its own weights; for others, choose detector "
            "'centre'"
        )
    return CentreDetector.from_file(folder / DETECTOR, device, **options)


def embedded_estimator(
    weights: str | os.PathLike[str] | None = None,
    device: str = "auto",
    detector: Detector | None = None,
    *,
    folder: Path = FOLDER,
    batch_size: int = 64,
    **options: Any,
) -> EstimatorBackend:
    """The shipped detector and pose network as one estimator.

    Args:
        weights: None: it has its own.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        detector: Another detector than the shipped one.
        folder: Where the weights are.
        batch_size: Crops at once.
        **options: As estimator `torch` takes.

    Raises:
        PoseFlowError: If weights are given.
    """
    from poseflow.estimator.detectors.centernet import CentreDetector
    from poseflow.estimator.topdown.pose_nms import PoseNMSParameters
    from poseflow.estimator.topdown.rescoring import CANDIDATE_SCORE
    from poseflow.estimator.topdown.topdown import TopDown
    from poseflow.estimator.torch_network import TorchPoseNetwork

    if weights is not None:
        raise PoseFlowError(
            "estimator 'embedded' has its own weights; for others, choose estimator "
            "'torch'"
        )
    nms: PoseNMSParameters | None = options.pop("nms", PoseNMSParameters())
    network = TorchPoseNetwork.from_file(folder / POSE, device, **options)
    least = refinement = None
    if detector is None:
        detector = CentreDetector.from_file(
            folder / DETECTOR,
            device,
            threshold=CANDIDATE_SCORE,
            precision=options.get("precision", "float32"),
        )
        least = detector.description.verified
        refinement = detector.description.refinement
    return TopDown(
        network,
        detector,
        batch_size=batch_size,
        nms=nms,
        least_person_score=least,
        refinement=refinement,
    )

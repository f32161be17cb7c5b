"""Validation of weights of either kind, by what the configuration trains."""

from __future__ import annotations

from pathlib import Path

from poseflow.estimator.training.config import RunConfig, TrainConfig
from poseflow.estimator.training.detection.config import DetectionConfig
from poseflow.estimator.training.detection.task import validate_detector
from poseflow.estimator.training.pose import validation
from poseflow.estimator.training.task import Report


def validate(
    config: RunConfig,
    weights: str | Path,
    *,
    pose: str | Path | None = None,
    split: str = "validate",
    device: str = "auto",
) -> Report:
    """How good weights are on a configuration's data.

    Args:
        config: A training configuration.
        weights: File with weights of what it trains.
        pose: With a detector: weights of a pose network that has a say in who is a
            person.
        split: `validate` or `test`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        PoseFlowError: If the split has no data, or the weights do not fit.
    """
    if isinstance(config, DetectionConfig):
        return validate_detector(config, weights, pose=pose, split=split, device=device)
    assert isinstance(config, TrainConfig)
    return validation.validate(config, weights, split=split, device=device)

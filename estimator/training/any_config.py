"""Configuration and validation of any training run, by its task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poseflow.errors import PoseFlowError
from poseflow.estimator.training.config import (
    RunConfig,
    TrainConfig,
    checked,
)
from poseflow.estimator.training.detection.config import DetectionConfig
from poseflow.estimator.training.detection.task import validate_detector
from poseflow.estimator.training.pose.validation import validate_pose_network
from poseflow.estimator.training.task import ValidationReport
from poseflow.estimator.training.yaml_values import read_values

KINDS: dict[str, type[RunConfig]] = {"pose": TrainConfig, "detection": DetectionConfig}
"""Values of the field `task`; a file without it trains a pose network."""


def load_any_config(path: str | Path, changes: Sequence[str] = ()) -> RunConfig:
    """Read a training configuration, of a pose network or a detector.

    Args:
        path: YAML file.
        changes: As in `poseflow.estimator.training.config.load_config`.

    Raises:
        PoseFlowError: If the file is no such configuration; it names the field.
    """
    values = read_values(path, changes)
    task = values.pop("task", "pose")
    if not isinstance(task, str) or task not in KINDS:
        raise PoseFlowError(
            f"{path}: task: expected {' or '.join(KINDS)}, got {task!r}"
        )
    return checked(values, KINDS[task], path)


def validate(
    config: RunConfig,
    weights: str | Path,
    *,
    split: str = "validate",
    device: str = "auto",
) -> ValidationReport:
    """Validate weights on a configuration's data.

    Args:
        config: A training configuration.
        weights: File with weights of that kind of network.
        split: `validate` or `test`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        PoseFlowError: If the split has no data, or the weights do not fit.
    """
    if isinstance(config, DetectionConfig):
        return validate_detector(config, weights, split=split, device=device)
    assert isinstance(config, TrainConfig)
    return validate_pose_network(config, weights, split=split, device=device)

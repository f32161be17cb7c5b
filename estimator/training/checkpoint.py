"""Checkpoints: the state from which a run resumes exactly."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator.training.config import RunConfig, to_json
from poseflow.storage.atomic import atomic_path

NAME = "checkpoint.pt"
VERSION = 1

# May change when a run resumes: they do not affect the meaning of its figures.
FREE = (
    "out",
    "epochs",
    "threads",
    "compile",
    "validate_every",
    "flip_test",
    "checkpoint_minutes",
)


@dataclass
class Progress:
    """Progress of a run.

    Attributes:
        epoch: Epochs done.
        step: Steps done of the current epoch.
        loss_sum: Of these steps.
        seconds: Spent on the current epoch so far.
        best: Best validation score so far.
        rows: The log, one mapping an epoch.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    best: float = -math.inf
    rows: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(
    folder: Path,
    config: RunConfig,
    progress: Progress,
    model: dict[str, Tensor],
    optimizer: dict[str, Any],
    average: tuple[dict[str, Tensor], int] | None,
) -> None:
    """Save the state of a run atomically: if killed, the previous one is kept."""
    content = {
        "version": VERSION,
        "config": to_json(config),
        "progress": asdict(progress),
        "model": model,
        "optimizer": optimizer,
        "average": average,
        "torch_rng": torch.get_rng_state(),
    }
    with atomic_path(folder / NAME) as beside:
        torch.save(content, beside)


def load_checkpoint(
    folder: Path, config: RunConfig
) -> tuple[Progress, dict[str, Any]] | None:
    """Load the state of a run, or None if there is none.

    Raises:
        PoseFlowError: If it belongs to another configuration, or is broken.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        progress = Progress(**content["progress"])
        # Fields added after the checkpoint was written take their defaults.
        previous = msgspec.to_builtins(
            msgspec.json.decode(content["config"], type=type(config))
        )
    except Exception as error:  # of a broken pickle, whatever its bytes ask for
        raise FormatError(
            f"{path}: not a checkpoint of this version; start again with --fresh, or "
            "choose another folder with --set out=..."
        ) from error
    now = msgspec.to_builtins(config)
    for values in (previous, now):
        for name in FREE:
            values.pop(name, None)
        for name in ("workers", "root", "validate", "test"):
            values["data"].pop(name, None)
        for dataset in values["data"]["train"]:
            dataset.pop("root")
    different = sorted(k for k in {*previous, *now} if previous.get(k) != now.get(k))
    if different:
        raise PoseFlowError(
            f"{path}: this run was started with another {', '.join(different)}; start "
            "again with --fresh, or choose another folder with --set out=..."
        )
    return progress, content

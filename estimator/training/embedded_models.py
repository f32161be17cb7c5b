"""`make models`: the embedded detector and pose network, from the data folder.

Trains both by their configurations, or goes on where they were, exports them in half
precision with everything needed to use them, and writes figures and model cards.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from poseflow.errors import PoseFlowError
from poseflow.estimator.embedded import DETECTOR, POSE
from poseflow.estimator.training.any_config import load_any_config, validate
from poseflow.estimator.training.cards import NOTE, card
from poseflow.estimator.training.checkpoint import load_checkpoint
from poseflow.estimator.training.config import (
    LspetConfig,
    RunConfig,
    SyntheticConfig,
    TrainConfig,
)
from poseflow.estimator.training.detection.config import (
    DetectionConfig,
    LspetBoxesConfig,
)
from poseflow.estimator.training.detection.metrics import DetectionReport
from poseflow.estimator.training.detection.refinement import learn_refinement
from poseflow.estimator.training.loop import train
from poseflow.estimator.training.pose.calibration import (
    fit_calibration,
    joint_reliability,
)
from poseflow.estimator.training.pose.validation import predict_split
from poseflow.estimator.training.task import ValidationReport
from poseflow.estimator.weights import (
    Description,
    load_detector,
    load_network,
    save_weights,
    state_on_cpu,
)
from poseflow.formats.atomic import write_atomically

LEAST_THRESHOLD = 0.1
"""A few held-back images without mistakes do not prove that there are none."""

CAUTION = 2 / 3
"""Share of the allowed false positives that the validation split may have: it is small,
and other images bring more."""

COMMAND = "make models DATA=FOLDER"


@dataclass(frozen=True)
class Part:
    """One of the two models.

    Attributes:
        name: What its files are called.
        file: The weights' name.
        title: Of its card.
        runs: Its configurations in the order of training; the last one's weights ship.
    """

    name: str
    file: str
    title: str
    runs: tuple[str, ...]


PARTS = (
    Part("pose", POSE, "The embedded pose network", ("pose", "pose_taught")),
    Part("detector", DETECTOR, "The embedded person detector", ("detector",)),
)
"""In the order of training: each run begins with the weights of the one before."""


def make_models(
    data: Path,
    runs: Path,
    into: Path,
    *,
    configs: Path = Path("configs/embedded"),
    share: float = 1.0,
    device: str = "auto",
    on_epoch: Callable[[str, dict[str, Any]], None] | None = None,
) -> dict[str, dict[str, Any]]:
    """Train, evaluate and export both models.

    Args:
        data: Folder with the images and labels.
        runs: Folder for checkpoints and rendered scenes; a second call goes on there.
        into: Folder that gets `pose.safetensors`, `detector.safetensors`, a card each
            and `figures.json`, once everything is done.
        configs: Folder with the configurations of all runs.
        share: Of the images, scenes and epochs: a small one for a trial.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        on_epoch: Called after each epoch with the run's name and its row of the log.

    Returns:
        The figures of each model by split.

    Raises:
        PoseFlowError: If the share is out of (0, 1], or a configuration or the data
            cannot be used.
        KeyboardInterrupt: After a signal, once the checkpoint is written.
    """
    if not 0 < share <= 1:
        raise PoseFlowError(f"share: expected above 0 to 1, got {share:g}")
    done = runs / "exported"
    figures = {}
    before: Path | None = None
    for part in PARTS:
        for name in part.runs:
            root = f"data.root={json.dumps(str(data))}"
            config = load_any_config(configs / f"{name}.yaml", [root])
            config = _placed(config, runs, name, before)
            if share < 1:
                config = _reduced(config, share)
            tell = None if on_epoch is None else partial(on_epoch, name)
            train(config, device=device, on_epoch=tell)
            before = Path(config.out) / "best.safetensors"
        figures[part.name] = export(part, config, done, device)
    text = json.dumps(figures, indent=1) + "\n"
    write_atomically(done / "figures.json", text.encode())
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(done.iterdir()):
        write_atomically(into / path.name, path.read_bytes())
    return figures


def _placed(config: RunConfig, runs: Path, name: str, before: Path | None) -> RunConfig:
    """The run in its folder, and rendered scenes beside it: data may be read-only."""
    scenes = str((runs / "synthetic").resolve())

    def place(dataset: Any) -> Any:
        if isinstance(dataset, SyntheticConfig):
            return msgspec.structs.replace(dataset, root=scenes)
        return dataset

    replace = msgspec.structs.replace
    config = replace(config, out=str(runs / name))
    if config.initial_weights:
        config = replace(config, initial_weights=str(before))
    if isinstance(config, TrainConfig) and config.teacher:
        config = replace(config, teacher=replace(config.teacher, weights=str(before)))
    return _with_datasets(config, place)


def _reduced(config: RunConfig, share: float) -> RunConfig:
    """A share of the images, scenes and epochs, at least one of each."""

    def part(count: int) -> int:
        return max(math.ceil(share * count), 1)

    def thin(dataset: Any) -> Any:
        replace = msgspec.structs.replace
        if isinstance(dataset, SyntheticConfig):
            return replace(dataset, scenes=part(dataset.scenes))
        if isinstance(dataset, LspetConfig | LspetBoxesConfig) and dataset.last:
            count = dataset.last - dataset.first + 1
            return replace(dataset, last=dataset.first + part(count) - 1)
        return dataset

    config = msgspec.structs.replace(config, epochs=part(config.epochs))
    if isinstance(config, DetectionConfig):
        compose = msgspec.structs.replace(
            config.compose, scenes=part(config.compose.scenes)
        )
        config = msgspec.structs.replace(config, compose=compose)
    return _with_datasets(config, thin)


def _with_datasets(config: RunConfig, change: Callable[[Any], Any]) -> RunConfig:
    data: Any = config.data
    splits = {
        name: tuple(map(change, getattr(data, name)))
        for name in ("train", "validate", "test")
    }
    return msgspec.structs.replace(config, data=msgspec.structs.replace(data, **splits))


def _rounded_up(threshold: float, digits: int) -> float:
    """Threshold rounded up to `digits` decimals: never more false positives."""
    scale: int = 10**digits
    return math.ceil(threshold * scale) / scale


def export(part: Part, config: RunConfig, folder: Path, device: str) -> dict[str, Any]:
    """Write a run's best weights as they ship, their figures and their card.

    Args:
        part: Which model.
        config: Of its run.
        folder: Where the files go.
        device: Where figures are measured.

    Returns:
        Figures by split, measured on the written file.
    """
    best = Path(config.out) / "best.safetensors"
    path = folder / part.file
    description: Description
    if isinstance(config, DetectionConfig):
        module, description = load_detector(best)
        measured = validate(config, best, device=device)
        assert isinstance(measured, DetectionReport)
        threshold = min(max(measured.threshold, LEAST_THRESHOLD), 1.0)
        pose = folder / POSE
        description = msgspec.structs.replace(
            description,
            threshold=_rounded_up(threshold, 3),
            refinement=learn_refinement(config, pose, device),
            note=NOTE,
        )
        save_weights(path, state_on_cpu(module), description, half=True)
        cautious = msgspec.structs.replace(
            config,
            false_positives=CAUTION * config.false_positives,
            false_positives_empty=CAUTION * config.false_positives_empty,
        )
        together = validate(cautious, path, pose=pose, device=device)
        assert isinstance(together, DetectionReport)
        description = msgspec.structs.replace(
            description, verified=_rounded_up(together.threshold, 4)
        )
        save_weights(path, state_on_cpu(module), description, half=True)
    else:
        loaded = load_network(best)
        assert isinstance(config, TrainConfig)
        held_back, _, skeleton = predict_split(config, best, "validate", device)
        description = msgspec.structs.replace(
            loaded.description,
            calibration=fit_calibration(joint_reliability(held_back, skeleton)),
            note=NOTE,
        )
        save_weights(path, state_on_cpu(loaded.module), description, half=True)
    reports: dict[str, ValidationReport] = {
        split: validate(config, path, split=split, device=device)
        for split in ("validate", "test")
    }
    if isinstance(config, DetectionConfig):
        for split in ("validate", "test"):
            reports[f"{split}, with the pose network"] = validate(
                config, path, pose=pose, split=split, device=device
            )
    curve = None
    if isinstance(config, TrainConfig):
        found, _, skeleton = predict_split(config, path, "test", device)
        curve = joint_reliability(found, skeleton)
    state = load_checkpoint(Path(config.out), config)
    rows = state[0].rows if state is not None else []
    text = card(part.title, COMMAND, rows, reports, curve)
    write_atomically(folder / f"{part.name}.md", text.encode())
    return {split: report.to_dict() for split, report in reports.items()}

"""Training: `poseflow train`, `validate` and `tune-nms`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.say import say, show

SECONDS_BETWEEN_LINES = 30.0


def train(
    config: Annotated[Path, typer.Argument(help="YAML file; see docs/training.md.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value that replaces a field; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start again instead of resuming.")
    ] = False,
) -> None:
    """Train a pose network or a person detector, or resume a run that was stopped.

    On several GPUs: torchrun --nproc-per-node N --no-python poseflow train CONFIG.
    """
    from poseflow.estimator.training.any_config import load_any_config
    from poseflow.estimator.training.loop import train

    chosen = load_any_config(config, set_ or ())
    train(
        chosen,
        device=device,
        fresh=fresh,
        on_step=_StepLines(),
        on_epoch=lambda row: say(_line(row)),
    )
    say(str(Path(chosen.out) / "best.safetensors"))


def validate(
    config: Annotated[Path, typer.Argument(help="YAML file; see docs/training.md.")],
    weights: Annotated[Path, typer.Option(help="Weights file.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value that replaces a field; repeatable."),
    ] = None,
    split: Annotated[str, typer.Option(help="validate or test.")] = "validate",
    json_: Annotated[
        Path | None, typer.Option("--json", help="Also write the scores to a file.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Report PCK, PCKh and OKS AP of a pose network, or recall and AP of a detector."""
    from poseflow.estimator.training.any_config import load_any_config, validate
    from poseflow.storage.atomic import write_atomically

    found = validate(
        load_any_config(config, set_ or ()),
        weights,
        split=split,
        device=device,
    )
    show(found.table())
    if json_ is not None:
        text = json.dumps(found.to_dict(), indent=1) + "\n"
        json_.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(json_, text.encode())


def tune_nms(
    truth: Annotated[Path, typer.Argument(help="COCO keypoints JSON.")],
    poses: Annotated[
        Path, typer.Argument(help="Poses before suppression, any known format.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Also write the constants to a file."),
    ] = None,
    trials: Annotated[
        int, typer.Option(help="Largest number of sets of constants to try.")
    ] = 200,
    skeleton: SkeletonOption = None,
) -> None:
    """Learn the constants of parametric pose NMS from a development set."""
    from poseflow.estimator.training.tune_nms import read_for_tuning, tune_nms
    from poseflow.storage.atomic import write_atomically

    people, annotations = read_for_tuning(truth, poses, skeleton)
    found = tune_nms(people, annotations, most_trials=trials)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, found.to_json().encode())
    show(found.to_json().rstrip("\n"))
    say(
        f"OKS AP {100 * found.before:.2f} -> {100 * found.after:.2f} "
        f"after {found.trials} trials",
        err=True,
    )


class _StepLines:
    """Prints the training step on standard error every `SECONDS_BETWEEN_LINES`."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, epoch: int, step: int, steps: int) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            say(f"epoch {epoch + 1}, step {step} of {steps}", err=True)


def _line(row: dict[str, Any]) -> str:
    parts = [f"epoch {row['epoch']}", f"{row['seconds']:.0f} s"]
    parts.append(f"lr {row['lr']:.2g}  loss {row['loss']:.3g}")
    named = ("acc", "pck02", "pck05", "pckh", "recall", "ap", "ap50", "mirrored")
    parts += [f"{n} {100 * row[n]:.1f}" for n in named if row.get(n) is not None]
    return "  ".join(parts)

"""`poseflow train`: weights from labelled pictures."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

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
    """Train a pose network or a person detector, or go on with a run that was stopped.

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
        on_epoch=lambda row: typer.echo(_line(row)),
    )
    typer.echo(str(Path(chosen.out) / "best.safetensors"))


class _StepLines:
    """A line on standard error now and then."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, epoch: int, step: int, steps: int) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            print(f"epoch {epoch + 1}, step {step} of {steps}", file=sys.stderr)


def _line(row: dict[str, Any]) -> str:
    parts = [f"epoch {row['epoch']}", f"{row['seconds']:.0f} s"]
    parts.append(f"lr {row['lr']:.2g}  loss {row['loss']:.3g}")
    named = ("acc", "pck02", "pck05", "pckh", "recall", "ap", "ap50", "mirrored")
    parts += [f"{n} {100 * row[n]:.1f}" for n in named if row.get(n) is not None]
    return "  ".join(parts)

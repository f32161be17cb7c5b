"""`make models`: train, evaluate and export the embedded models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from poseflow.cli.guard import GuardedGroup

app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)


@app.callback()
def root() -> None:
    """The embedded models."""


@app.command()
def make(
    data: Annotated[Path, typer.Option(help="Folder with images and labels.")],
    runs: Annotated[Path, typer.Option(help="Folder for checkpoints and scenes.")],
    into: Annotated[Path, typer.Option(help="Folder for finished weights and cards.")],
    configs: Annotated[
        Path, typer.Option(help="Folder with the configurations of all runs.")
    ] = Path(__file__).parent.parent / "configs" / "embedded",
    share: Annotated[
        float, typer.Option(help="Of images, scenes and epochs, for a trial.")
    ] = 1.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Train both models, or resume; then evaluate, export and write model cards."""
    from poseflow.estimator.training.embedded_models import make_models

    def tell(name: str, row: dict[str, Any]) -> None:
        typer.echo(f"{name}: epoch {row['epoch']}  loss {row['loss']:.3g}", err=True)

    figures = make_models(
        data, runs, into, configs=configs, share=share, device=device, on_epoch=tell
    )
    typer.echo(json.dumps(figures, indent=1))


if __name__ == "__main__":
    app()

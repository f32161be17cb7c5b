"""`poseflow validate`: how good weights are on labelled pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def validate(
    config: Annotated[Path, typer.Argument(help="YAML file; see docs/training.md.")],
    weights: Annotated[Path, typer.Option(help="Weights file.")],
    pose_weights: Annotated[
        Path | None,
        typer.Option(help="Of a pose network, to validate a detector together with."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value that replaces a field; repeatable."),
    ] = None,
    split: Annotated[str, typer.Option(help="validate or test.")] = "validate",
    json_: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures there.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Report PCK, PCKh and OKS AP of a pose network, or recall and AP of a detector."""
    from poseflow.estimator.training.any_config import load_any_config, validate
    from poseflow.formats.atomic import write_atomically

    found = validate(
        load_any_config(config, set_ or ()),
        weights,
        pose=pose_weights,
        split=split,
        device=device,
    )
    typer.echo(found.table())
    if json_ is not None:
        text = json.dumps(found.to_dict(), indent=1) + "\n"
        json_.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(json_, text.encode())

"""`poseflow tune-nms`: pose NMS for your detector and data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def tune_nms(
    truth: Annotated[Path, typer.Argument(help="COCO keypoints JSON.")],
    poses: Annotated[
        Path, typer.Argument(help="Poses before suppression, any known format.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the constants there.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Most sets of constants to try.")] = 200,
) -> None:
    """Learn the constants of parametric pose NMS from a development set."""
    from poseflow.estimator.training.tune_nms import read_for_tuning, tune_nms
    from poseflow.formats.atomic import write_atomically

    people, annotations = read_for_tuning(truth, poses)
    found = tune_nms(people, annotations, most_trials=trials)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, found.to_json().encode())
    typer.echo(found.to_json(), nl=False)
    typer.echo(
        f"OKS AP {100 * found.before:.2f} -> {100 * found.after:.2f} "
        f"after {found.trials} trials",
        err=True,
    )

"""The command line's app: all commands by name."""

from __future__ import annotations

from typing import Annotated

import typer

import poseflow
from poseflow.cli.batch import batch
from poseflow.cli.benchmark import benchmark
from poseflow.cli.compare import compare
from poseflow.cli.convert import convert
from poseflow.cli.demo import demo
from poseflow.cli.edit import edit
from poseflow.cli.evaluate import (
    evaluate,
    evaluate_coco,
    evaluate_mot,
    evaluate_tracks,
)
from poseflow.cli.events import events
from poseflow.cli.examples import epilog
from poseflow.cli.guard import GuardedCommand, GuardedGroup
from poseflow.cli.info import info
from poseflow.cli.recover import recover
from poseflow.cli.render import render
from poseflow.cli.report import report
from poseflow.cli.track import estimate, track
from poseflow.cli.train import train, tune_nms, validate

COMMANDS = (
    track,
    estimate,
    batch,
    recover,
    render,
    report,
    events,
    edit,
    convert,
    evaluate,
    evaluate_coco,
    evaluate_mot,
    evaluate_tracks,
    compare,
    train,
    validate,
    tune_nms,
    demo,
    benchmark,
    info,
)

app = typer.Typer(
    name="poseflow",
    cls=GuardedGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"poseflow {poseflow.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Track people's poses in videos, online, and score the tracks."""


for _command in COMMANDS:
    _name = _command.__name__.replace("_", "-")
    app.command(name=_name, cls=GuardedCommand, epilog=epilog(_name))(_command)

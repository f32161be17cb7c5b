"""The command line's app, with all commands or only the one that is called.

Importing all commands takes longer than many of them run.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

import typer

import poseflow
from poseflow.cli.guard import GuardedGroup
from poseflow.cli.help import HelpfulCommand, command_group, epilog
from poseflow.cli.say import say

HOMES: Mapping[str, str] = {
    "track": "track",
    "estimate": "track",
    "batch": "batch",
    "recover": "recover",
    "refine": "refine",
    "render": "render",
    "report": "report",
    "events": "events",
    "stats": "stats",
    "edit": "edit",
    "convert": "convert",
    "evaluate": "scoring.evaluate",
    "evaluate-coco": "scoring.coco",
    "evaluate-mot": "scoring.mot",
    "evaluate-tracks": "scoring.tracks",
    "compare": "scoring.compare",
    "models": "models",
    "train": "train",
    "validate": "train",
    "tune-nms": "train",
    "demo": "demo",
    "benchmark": "benchmark",
    "info": "info",
}
"""Command -> the module in `poseflow.cli` that has it, in the order of the help."""


def load_command(name: str) -> Callable[..., None]:
    """The function of a command; its name is the command's with underscores."""
    module = importlib.import_module(f"poseflow.cli.{HOMES[name]}")
    command: Callable[..., None] = getattr(module, name.replace("-", "_"))
    return command


def make_app(names: Iterable[str] = HOMES) -> typer.Typer:
    """The app with some of the commands."""
    app = typer.Typer(
        name="poseflow",
        cls=GuardedGroup,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in names:
        register = app.command(
            name=name,
            cls=HelpfulCommand,
            epilog=epilog(name),
            rich_help_panel=command_group(name),
        )
        register(load_command(name))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        say(f"poseflow {poseflow.__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Track people's poses in videos, online, and score the tracks."""

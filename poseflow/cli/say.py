"""Printing of all commands: what comes from files and names cannot move the cursor."""

from __future__ import annotations

import typer

from poseflow.safety.terminal import one_line, printable


def say(line: str = "", *, err: bool = False) -> None:
    """Print one line, control characters and line feeds escaped.

    Args:
        line: Without a line feed at its end.
        err: On standard error instead of standard output.
    """
    typer.echo(one_line(line), err=err)


def show(text: str) -> None:
    """Print a table or another text of several lines on standard output."""
    typer.echo(printable(text))

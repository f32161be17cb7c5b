"""Errors of commands: one-line messages and exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import typer
from typer.core import TyperGroup

from poseflow.errors import PoseFlowError

BAD_INPUT = 1
INTERRUPTED = 130


class GuardedGroup(TyperGroup):
    """Commands that turn expected failures into one line and an exit code.

    Any other exception still gives a traceback: it is a bug, and worth reporting.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command under guard."""
        with _guarded():
            return super().invoke(ctx)


@contextmanager
def _guarded() -> Iterator[None]:
    show, warnings.showwarning = warnings.showwarning, _show_warning
    try:
        yield
    except PoseFlowError as error:
        _fail(str(error), BAD_INPUT)
    except BrokenPipeError:
        # The reader of standard output has closed it (`| head`): print no message.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BAD_INPUT) from None
    except OSError as error:
        _fail(_describe(error), BAD_INPUT)
    except UserWarning as warning:  # under python -W error
        _fail(str(warning), BAD_INPUT)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)
    finally:
        warnings.showwarning = show


def _fail(message: str, code: int) -> None:
    typer.echo(f"poseflow: {' '.join(message.split())}", err=True)
    raise typer.Exit(code) from None


def _describe(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return where + (error.strerror or str(error) or type(error).__name__).lower()


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print poseflow's warnings as one line; leave out those of other packages."""
    if issubclass(category, UserWarning):
        typer.echo(f"poseflow: warning: {' '.join(str(message).split())}", err=True)

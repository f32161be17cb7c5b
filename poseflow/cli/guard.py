"""Errors of commands: one-line messages and exit codes."""

from __future__ import annotations

import glob
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from poseflow.cli.say import say
from poseflow.errors import PoseFlowError
from poseflow.safety.redaction import redact
from poseflow.safety.terminal import one_line

BAD_INPUT = 1
INTERRUPTED = 130


UsageError: Any = typer.BadParameter.__mro__[1]
"""Click's, or that of the copy of click in newer versions of typer."""


class GuardedGroup(TyperGroup):
    """Commands that turn expected failures into one line and an exit code.

    Any other exception still gives a traceback: it is a bug, and worth reporting.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what comes before the command."""
        with _usage_printable():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command under guard."""
        with _guarded(), _usage_printable():
            return super().invoke(ctx)


@contextmanager
def _usage_printable() -> Iterator[None]:
    """Escape control characters of arguments, which may be names of files."""
    try:
        yield
    except UsageError as error:
        error.message = one_line(error.message)
        raise


INPUTS = frozenset(
    [
        *("source", "sources", "poses", "weights", "detector_weights", "video"),
        "model",
        *(
            "correspondences",
            "tracked",
            "result",
            "results",
            "apply",
            "partial",
            "manifest",
        ),
        *("gt", "pred", "truth", "config", "pose_weights", "path"),
        *("skeleton", "from_skeleton", "compare"),
    ]
)
"""Parameters that name what a command reads."""

OUTPUTS = frozenset(
    [
        *("output", "out", "render", "json", "json_", "json_file"),
        *("per_sequence", "plots", "pictures", "sheet", "timeline", "rerun", "events"),
    ]
)
"""Parameters that name what a command writes."""


class GuardedCommand(TyperCommand):
    """A command that writes over none of the files that it reads."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command with its inputs protected."""
        from poseflow.storage.inputs import protect_inputs, refuse_inputs

        inputs = {
            # What does not exist is a name, such as that of a skeleton.
            name: [p for p in _paths(ctx.params.get(name)) if _exists(p)]
            for name in INPUTS
        }
        if ctx.params.get("in_place"):
            del inputs["result"]
        inputs["source"] += inputs.pop("sources")
        outputs = [text for name in OUTPUTS for text in _paths(ctx.params.get(name))]
        with protect_inputs(**inputs):
            for output in outputs:
                if not Path(output).is_dir():
                    refuse_inputs(output)
            return super().invoke(ctx)


def _exists(path: str) -> bool:
    return os.path.lexists(path) or glob.has_magic(path)


def _paths(value: Any) -> list[str]:
    """The paths that a parameter names."""
    values = value if isinstance(value, list | tuple) else [value]
    texts = [os.fspath(v) for v in values if isinstance(v, str | os.PathLike)]
    return [text for text in texts if "\0" not in text]


@contextmanager
def _guarded() -> Iterator[None]:
    show, warnings.showwarning = warnings.showwarning, _show_warning
    log, handler = logging.getLogger("poseflow"), _Messages()
    level = log.level
    log.addHandler(handler)
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
    except MemoryError as error:
        _fail(f"out of memory{_detail(error)}", BAD_INPUT)
    except ImportError as error:  # a broken installation, or too little memory for it
        _fail(f"a package cannot be loaded: {error}", BAD_INPUT)
    except UserWarning as warning:  # under python -W error
        _fail(str(warning), BAD_INPUT)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)
    finally:
        warnings.showwarning = show
        log.removeHandler(handler)
        log.setLevel(level)


class _Messages(logging.Handler):
    """Prints what the library logs as one line each."""

    def emit(self, record: logging.LogRecord) -> None:
        _say(record.getMessage())


def _say(message: str) -> None:
    say(f"poseflow: {' '.join(redact(message).split())}", err=True)


def _fail(message: str, code: int) -> None:
    _say(message)
    raise typer.Exit(code) from None


def _detail(error: Exception) -> str:
    return f": {error}" if str(error) else ""


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
        _say(f"warning: {message}")

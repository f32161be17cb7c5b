"""`poseflow recover`: the result of a run that was killed, from its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.options import OutputOption
from poseflow.cli.say import say


def recover(
    partial: Annotated[
        Path,
        typer.Argument(help="Journal of the run, which is beside its result."),
    ],
    output: OutputOption,
    format: Annotated[
        str | None,
        typer.Option(help="Format of the result; default: that of the run."),
    ] = None,
) -> None:
    """Turn the journal of a run that was killed, or still goes on, into a result."""
    from poseflow.formats import Journal, ResultWriter

    journal = Journal(partial)
    with ResultWriter(
        output, format or journal.format, hints=journal.hints, on_interrupt="discard"
    ) as writer:
        for frame in journal:
            writer.write(frame)
    left = journal.left_out_bytes
    rest = f", {left} bytes of an unfinished frame left out" if left else ""
    say(f"{output}: {writer.frames} frames{rest}", err=True)

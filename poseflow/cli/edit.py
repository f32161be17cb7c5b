"""`poseflow edit`: correct the identities of a result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.say import say

Texts = list[str]


def edit(
    result: Annotated[Path, typer.Argument(help="Result of track, any known format.")],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="File to write; - for standard output."),
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option(help="Corrections that the page of `poseflow report` downloads."),
    ] = None,
    merge: Annotated[
        Texts | None, typer.Option(help="3,7: track 7 becomes 3; repeatable.")
    ] = None,
    split: Annotated[
        Texts | None,
        typer.Option(help="4@300: track 4 has a new id from frame 300 on; repeatable."),
    ] = None,
    swap: Annotated[
        Texts | None,
        typer.Option(
            help="2,5@120: ids 2 and 5 are exchanged from frame 120 on; repeatable."
        ),
    ] = None,
    delete: Annotated[
        Texts | None, typer.Option(help="9: remove track 9; repeatable.")
    ] = None,
    name: Annotated[
        Texts | None, typer.Option(help="3=Anna: name a person; repeatable.")
    ] = None,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place", help="Change RESULT itself; a copy is kept as RESULT.bak."
        ),
    ] = False,
    format: Annotated[
        str | None, typer.Option(help="Format of the file; default that of RESULT.")
    ] = None,
    skeleton: SkeletonOption = None,
) -> None:
    """Correct the tracks of RESULT: merge, split, swap, delete and name them.

    Corrections of a file come first. The options all name ids of RESULT as it was, or
    as the file left it; splits are made first, then swaps, deletions, merges, names.
    """
    from poseflow.edit.corrections import parse_corrections
    from poseflow.formats.result_writer import format_as_input
    from poseflow.pipeline.edit_file import edit_file

    made = parse_corrections(
        merge or (), split or (), swap or (), delete or (), name or ()
    )
    if not made and apply is None:
        raise typer.BadParameter(
            "there is nothing to correct: give --apply, --merge, --split, --swap, "
            "--delete or --name"
        )
    if (output is None) == (not in_place):
        raise typer.BadParameter("give either -o OUT or --in-place")
    target = result if output is None else output
    done = edit_file(
        result,
        target,
        made,
        file=apply,
        format=format or format_as_input(result, target),
        in_place=in_place,
        skeleton=skeleton,
    )
    kept = "" if done.backup is None else f"; {done.backup} is the file as it was"
    say(
        f"{done.path}: {done.corrections} correction"
        f"{'' if done.corrections == 1 else 's'}, {done.tracks_before} tracks "
        f"before, {done.tracks_after} now{kept}",
        err=True,
    )

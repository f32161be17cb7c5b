"""`poseflow refine`: stitch the tracks of a result, fill gaps, smooth joints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poseflow.cli.options import OutputOption, SkeletonOption
from poseflow.cli.progress import progress
from poseflow.cli.say import say


def refine(
    result: Annotated[Path, typer.Argument(help="Result of track, any known format.")],
    output: OutputOption,
    *,
    video: Annotated[
        str | None,
        typer.Option(
            help="Video or folder of images of RESULT: links people who come back, "
            "and none who wear other colours."
        ),
    ] = None,
    max_tracks: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Known number of people or animals; default: estimated, if it is "
            "stable.",
        ),
    ] = None,
    maximum_gap: Annotated[
        int, typer.Option(min=1, help="Longest gap in frames that is stitched.")
    ] = 90,
    fill: Annotated[
        int, typer.Option(min=0, help="Longest gap in frames that is interpolated.")
    ] = 15,
    smooth: Annotated[
        bool,
        typer.Option("--smooth", help="Smooth the joints of every track, without lag."),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(help="Format of OUT; default RESULT's, or that of OUT's suffix."),
    ] = None,
    skeleton: SkeletonOption = None,
) -> None:
    """Stitch the tracks of RESULT over all of its frames, and fill short gaps.

    Tracks are joined, never split: where one ends and another begins that may be the
    same person, both have the id of the earlier one. With --video, people who come back
    after an absence of any length are found by their colours. RESULT keeps the joints
    as they were before smoothing. It gains for animals, at low frame rates, and, with
    --video, where people leave and come back; elsewhere little changes.
    """
    from poseflow.formats import check_writable, protect_inputs, read, write
    from poseflow.formats.result_writer import format_as_input
    from poseflow.pipeline.appearances import track_appearances
    from poseflow.tracker import RefineOptions
    from poseflow.tracker import refine as stitch
    from poseflow.tracker import smooth as smooth_joints

    with protect_inputs(result=result, video=video):
        check_writable(output)
    sequence = read(result, skeleton=skeleton)
    options = RefineOptions(max_tracks, maximum_gap, fill_frames=fill)
    appearances = None
    if video is not None:
        appearances = track_appearances(video, sequence, progress=progress)
        if not appearances.ready:
            say(
                f"poseflow: note: {video}: too few people beside each other to learn "
                "what distinguishes them, so only motion is used",
                err=True,
            )
    refined = stitch(sequence, options, appearances=appearances)
    if smooth:
        refined = smooth_joints(refined)
    write(refined, output, format or format_as_input(result, output))
    filled = sum(len(frame.poses) for frame in refined)
    filled -= sum(len(frame.poses) for frame in sequence)
    say(
        f"{output}: {len(sequence.track_ids)} tracks before, "
        f"{len(refined.track_ids)} now, {filled} poses interpolated",
        err=True,
    )

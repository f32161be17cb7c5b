"""`poseflow events`: births, deaths, re-identifications and switches of a result."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.say import say

if TYPE_CHECKING:
    from poseflow.events import Event


class Order(StrEnum):
    """Orders of events."""

    frame = "frame"
    suspicion = "suspicion"


class Layout(StrEnum):
    """Layouts of events."""

    table = "table"
    json = "json"
    csv = "csv"


def events(
    result: Annotated[Path, typer.Argument(help="Result of track, any known format.")],
    gt: Annotated[
        Path | None,
        typer.Option(help="Ground truth with ids: also list the real errors."),
    ] = None,
    sort: Annotated[
        Order, typer.Option(help="By frame, or the most suspicious first.")
    ] = Order.frame,
    top: Annotated[
        int | None, typer.Option(min=1, help="Only so many of them.")
    ] = None,
    layout: Annotated[
        Layout, typer.Option("--format", help="Layout of the list.")
    ] = Layout.table,
    output: Annotated[str, typer.Option("-o", "--output", help="File to write.")] = "-",
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second, where the result does not say."),
    ] = None,
    skeleton: SkeletonOption = None,
) -> None:
    """List births, deaths, re-identifications and possible identity switches.

    A suspicion is the estimated probability, from the poses alone, that an identity
    changes person there: check the highest first.
    """
    from poseflow.events import events_as_csv, events_as_json, find_events
    from poseflow.formats import check_apart, check_writable, read
    from poseflow.safety.terminal import printable
    from poseflow.storage.atomic import write_atomically

    check_apart(output, result=result, ground_truth=gt)
    check_writable(output)
    sequence = read(result, fps=fps, skeleton=skeleton)
    found: Sequence[Event] = find_events(sequence)
    note = ""
    if gt is not None:
        from poseflow.events import find_errors, found_switches, places

        errors = find_errors(read(gt, fps=sequence.fps, skeleton=skeleton), sequence)
        most = max(len(sequence) // 10, 1)
        shown = found_switches(places(found, most), errors.switches)
        note = (
            f"{len(errors.switches)} switches, {len(shown)} of them shown by the "
            f"{most} most suspicious places (10 % of the frames); "
            f"{len(errors.missed)} gaps with missed people, "
            f"{len(errors.false_positives)} runs of false positives"
        )
        found = sorted((*found, *errors.all()), key=lambda event: event.frame)
    if sort is Order.suspicion:
        found = sorted(found, key=_by_suspicion)
    found = found[:top]
    if layout is Layout.json:
        text = events_as_json(found)
    elif layout is Layout.csv:
        text = events_as_csv(found)
    else:
        text = printable(_table(found))
    if text or layout is not Layout.table:
        write_atomically(output, text.encode() + b"\n")
    if note:
        say(note, err=True)


def _by_suspicion(event: Event) -> tuple[float, bool, int]:
    """Highest first; of the real errors the switches first."""
    return -event.suspicion, event.kind != "switch", event.frame


def _table(events: Sequence[Event]) -> str:
    """Aligned columns: frame, time, kind, tracks, suspicion, note."""
    if not events:
        return ""
    timed = any(event.time for event in events)
    rows = [("frame", "time" if timed else "", "event", "track", "suspicion", "")]
    for event in events:
        track = " → " if event.kind == "switch" else ", "
        ids = track.join(
            map(str, event.tracks[:2] if event.kind in _TWO else event.tracks[:1])
        )
        doubt = f"{event.suspicion:.2f}" if event.suspicion else ""
        rows.append(
            (
                str(event.frame),
                f"{event.time:.2f} s" if timed else "",
                event.kind,
                ids,
                doubt,
                _note(event),
            )
        )
    widths = [max(len(row[k]) for row in rows) for k in range(5)]
    return "\n".join(
        f"{row[0]:>{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:<{widths[2]}}  "
        f"{row[3]:<{widths[3]}}  {row[4]:>{widths[4]}}  {row[5]}".rstrip()
        for row in rows
    )


_TWO = ("switch", "possible switch")


def _note(event: Event) -> str:
    if event.kind == "birth" and len(event.tracks) > 1 and event.suspicion >= 0.02:
        return f"may continue track {event.tracks[1]}"
    if event.kind == "re-identification" and len(event.tracks) > 1:
        return f"next best: track {event.tracks[1]}"
    person = f"person {event.person}" if event.person is not None else ""
    if event.last_frame is not None:
        return f"{person} to frame {event.last_frame}".strip()
    return person

"""`Event`: what happened to a track in a frame, and its rows in JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "birth",
    "death",
    "re-identification",
    "possible switch",
    "switch",
    "missed",
    "false positive",
]

FIELDS = ("frame", "time", "kind", "tracks", "suspicion", "last_frame", "person")


@dataclass(frozen=True)
class Event:
    """What happened to one or two tracks in a frame.

    Attributes:
        frame: `Frame.index`.
        time: Seconds since the start of the source.
        kind: `"birth"`, `"death"`, `"re-identification"` (a track returns after a gap)
            or `"possible switch"`; against ground truth `"switch"`, `"missed"` or
            `"false positive"`.
        tracks: Ids of the result. Of a possible switch: the track, and the one that may
            be the same person. Of a switch: the old id and the new one.
        suspicion: Estimated probability of an identity error, 0 to 1; 1 for errors
            against ground truth.
        last_frame: Where it ends, of what lasts longer than a frame.
        person: Id in the ground truth.
    """

    frame: int
    time: float
    kind: Kind
    tracks: tuple[int, ...]
    suspicion: float = 0.0
    last_frame: int | None = None
    person: int | None = None


def _row(event: Event) -> dict[str, Any]:
    values = asdict(event)
    values["time"] = round(event.time, 3)
    values["suspicion"] = round(event.suspicion, 4)
    return {name: values[name] for name in FIELDS}


def events_as_json(events: Iterable[Event]) -> str:
    """The events as a JSON list of objects with `FIELDS`."""
    rows = ",\n ".join(json.dumps(_row(event)) for event in events)
    return f"[\n {rows}\n]" if rows else "[]"


def events_as_csv(events: Iterable[Event]) -> str:
    """The events as CSV with a header; ids of tracks have a space between."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for event in events:
        row = _row(event)
        row["tracks"] = " ".join(map(str, event.tracks))
        writer.writerow(["" if value is None else value for value in row.values()])
    return out.getvalue().rstrip("\n")

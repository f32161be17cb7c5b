"""Events of a result alone: births, deaths, returns, and possible switches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poseflow.events.event import Event, Kind
from poseflow.events.people import People
from poseflow.events.suspicion import Suspicion, suspicion
from poseflow.sequence import PoseSequence

DEFAULT_FPS = 25.0
"""Frames per second where a result does not say."""

RETURN_SECONDS = 0.4
"""A track that is back after a longer gap was re-identified."""

LEAST_SUSPICION = 0.02
"""Possible switches with less are left out: two in a hundred are real."""

NEIGHBOUR_FRAMES = 5
"""Possible switches of a track within so many frames are one; the strongest stays."""


def find_events(
    sequence: PoseSequence, *, least_suspicion: float = LEAST_SUSPICION
) -> tuple[Event, ...]:
    """Births, deaths, re-identifications and possible switches, by frame.

    Args:
        sequence: A tracking result.
        least_suspicion: Possible switches with a lower suspicion are left out.
    """
    people = People.of(sequence)
    fps = sequence.fps or DEFAULT_FPS
    found = suspicion(people, fps)
    events = [*_ends(people, found), *_returns(people, found, fps)]
    taken = [(event.frame, event.tracks[0]) for event in events if event.suspicion]
    events += _switches(people, found, taken, least_suspicion)
    order = {"birth": 0, "death": 2}
    return tuple(
        sorted(events, key=lambda e: (e.frame, order.get(e.kind, 1), e.tracks))
    )


def _ends(people: People, found: Suspicion) -> Iterator[Event]:
    for track, (first, last) in people.spans.items():
        rival = int(found.rivals[first])
        tracks = (track, rival) if rival >= 0 else (track,)
        doubt = float(found.values[first])
        yield _event(people, first, "birth", tracks, doubt)
        yield _event(people, last, "death", (track,))


def _returns(people: People, found: Suspicion, fps: float) -> Iterator[Event]:
    gap = people.frame - people.frame[people.previous]
    back = (people.previous >= 0) & (gap > max(RETURN_SECONDS * fps, 1))
    for row in np.flatnonzero(back).tolist():
        rival = int(found.rivals[row])
        track = int(people.ids[row])
        tracks = (track, rival) if rival >= 0 else (track,)
        yield _event(people, row, "re-identification", tracks, float(found.values[row]))


def _switches(
    people: People, found: Suspicion, taken: list[tuple[int, int]], least: float
) -> Iterator[Event]:
    """Rows of high suspicion, without those near a stronger one of the same track."""
    busy: dict[int, list[int]] = {}
    for frame, track in taken:
        busy.setdefault(track, []).append(frame)

    def free(track: int, frame: int) -> bool:
        near = busy.get(track, ())
        return all(abs(frame - other) > NEIGHBOUR_FRAMES for other in near)

    rows = np.flatnonzero((found.values >= least) & (found.values > 0))
    for row in rows[np.argsort(-found.values[rows], kind="stable")].tolist():
        track, rival = int(people.ids[row]), int(found.rivals[row])
        frame = int(people.frame[row])
        if not free(track, frame):
            continue
        tracks = (track, rival) if rival >= 0 else (track,)
        # A switch of two tracks is one event, of the stronger suspicion.
        for each in tracks:
            busy.setdefault(each, []).append(frame)
        yield _event(people, row, "possible switch", tracks, float(found.values[row]))


def _event(
    people: People, row: int, kind: Kind, tracks: tuple[int, ...], doubt: float = 0.0
) -> Event:
    frame, time = int(people.frame[row]), float(people.times[people.position[row]])
    return Event(frame, time, kind, tracks, doubt)

"""How many of the real switches a list of suspicious places contains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from poseflow.events.event import Event

NEAR_FRAMES = 5
"""A place shows a switch that is at most so many frames away."""


def places(events: Iterable[Event], most: int) -> list[Event]:
    """The most suspicious events, in at most so many different frames."""
    ranked = sorted(
        (event for event in events if event.suspicion > 0),
        key=lambda event: (-event.suspicion, event.frame),
    )
    frames: set[int] = set()
    kept = []
    for event in ranked:
        if event.frame in frames or len(frames) < most:
            frames.add(event.frame)
            kept.append(event)
    return kept


def found_switches(
    shown: Sequence[Event], switches: Iterable[Event]
) -> tuple[Event, ...]:
    """The real switches that some place shows: near its frame, with one of its tracks.

    Args:
        shown: Suspicious events, such as `places` gives.
        switches: Real switches, such as `find_errors` gives.
    """
    return tuple(
        switch
        for switch in switches
        if any(
            abs(event.frame - switch.frame) <= NEAR_FRAMES
            and not set(event.tracks).isdisjoint(switch.tracks)
            for event in shown
        )
    )

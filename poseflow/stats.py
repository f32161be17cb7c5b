"""Statistics of a result: people, tracks, lengths, presence, speeds, suspicion."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from poseflow.events import find_events
from poseflow.safety.terminal import one_line
from poseflow.sequence import PoseSequence

SUSPICIOUS = 0.02
"""Suspicion from which an event counts as suspicious."""


@dataclass(frozen=True)
class TrackStatistics:
    """Statistics of one track; what cannot be computed is NaN.

    Attributes:
        track: Its id.
        name: Name of the person; empty if there is none.
        first: Index of its first frame.
        last: Index of its last frame.
        poses: Number of frames that it is in.
        presence: That number over the frames from first to last, percent.
        gaps: Number of interruptions.
        longest_gap: Frames of the longest one.
        score: Mean score.
        body_length: Median of the longer side of the box, pixels.
        distance: Path of the box centre, body lengths.
        speed: Median speed, body lengths per second.
        suspicion: Highest suspicion of an identity error, 0 to 1.
    """

    track: int
    name: str
    first: int
    last: int
    poses: int
    presence: float
    gaps: int
    longest_gap: int
    score: float
    body_length: float
    distance: float
    speed: float
    suspicion: float


@dataclass(frozen=True)
class Statistics:
    """Statistics of a result.

    Attributes:
        name: Name of the sequence.
        frames: Number of frames, those included that its file leaves out.
        seconds: Duration; NaN without times.
        people: Mean number of people in a frame.
        most_people: Largest number of people in a frame.
        empty_frames: Number of frames without people.
        without_id: Number of poses without an id.
        suspicious: Number of suspicious events.
        tracks: Statistics of every track, by id.
    """

    name: str
    frames: int
    seconds: float
    people: float
    most_people: int
    empty_frames: int
    without_id: int
    suspicious: int
    tracks: tuple[TrackStatistics, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON; NaN becomes None."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: plain(each) for name, each in value.items()}
            if isinstance(value, list | tuple):
                return [plain(each) for each in value]
            return None if isinstance(value, float) and math.isnan(value) else value

        return {name: plain(value) for name, value in asdict(self).items()}

    def to_csv(self) -> str:
        """The tracks as CSV with a header."""
        out = io.StringIO()
        rows = [asdict(track) for track in self.tracks]
        names = list(TrackStatistics.__dataclass_fields__)
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().rstrip("\n")

    def table(self) -> str:
        """The summary, and a line for each track."""
        poses = [track.poses for track in self.tracks]
        median = f", {np.median(poses):.0f} frames long (median)" if poses else ""
        length = "" if math.isnan(self.seconds) else f", {self.seconds:.1f} s"
        lines = [
            f"{one_line(self.name) or 'sequence'}: {self.frames} frames{length}",
            f"people: {self.people:.1f} a frame, at most {self.most_people}; "
            f"{self.empty_frames} frames without people; "
            f"{self.without_id} poses without an id",
            f"tracks: {len(self.tracks)}{median}; {self.suspicious} suspicious events",
        ]
        if self.tracks:
            lines += ["", *_aligned([_HEADER, *map(_cells, self.tracks)])]
        return "\n".join(lines)


_HEADER = (
    *("track", "first", "last", "frames", "present", "gaps", "score"),
    *("size px", "distance", "speed /s", "suspicion", "name"),
)


def _cells(track: TrackStatistics) -> tuple[str, ...]:
    def number(value: float, digits: int) -> str:
        return "-" if math.isnan(value) else f"{value:.{digits}f}"

    return (
        *map(str, (track.track, track.first, track.last, track.poses)),
        f"{track.presence:.0f} %",
        str(track.gaps),
        number(track.score, 2),
        number(track.body_length, 0),
        number(track.distance, 1),
        number(track.speed, 2),
        number(track.suspicion, 2),
        one_line(track.name),
    )


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(cell.rjust(w) for cell, w in zip(row[:-1], widths, strict=False))
        + f"  {row[-1]}".rstrip()
        for row in rows
    ]


def statistics(sequence: PoseSequence) -> Statistics:
    """Statistics of a result; distances and speeds are in body lengths.

    Args:
        sequence: A tracking result. Speeds and the duration need times: read it with
            `fps` where it does not say.

    Examples:
        >>> from poseflow import Frame, PoseSequence, Poses
        >>> joints = np.resize([[0, 0], [30, 40]], (17, 2))
        >>> frames = [
        ...     Frame(t, t / 10, Poses(joints[None] + [4 * t, 0], track_ids=[3]))
        ...     for t in range(11)
        ... ]
        >>> found = statistics(PoseSequence.collect(frames, fps=10)).tracks[0]
        >>> found.track, found.poses, round(found.speed, 6), round(found.distance, 6)
        (3, 11, 1.0, 1.0)
    """
    events = find_events(sequence)
    suspicion: dict[int, float] = {}
    for event in events:
        for track in event.tracks[:1]:
            suspicion[track] = max(suspicion.get(track, 0.0), event.suspicion)
    indices = np.array([frame.index for frame in sequence], np.int64)
    counts = np.array([len(frame.poses) for frame in sequence], np.int64)
    frames = int(np.ptp(indices)) + 1 if len(indices) else 0
    timed = len(sequence) > 1 and sequence[-1].time > sequence[0].time
    seconds = float("nan")
    if timed:
        seconds = (sequence[-1].time - sequence[0].time) * frames / (frames - 1)
    ids = sequence.columns.poses.track_ids
    return Statistics(
        sequence.name,
        frames,
        seconds,
        float(counts.sum() / max(frames, 1)),
        int(counts.max(initial=0)),
        frames - int((counts > 0).sum()),
        int((ids < 0).sum()),
        sum(event.suspicion >= SUSPICIOUS for event in events),
        tuple(
            _of_track(sequence, track, timed, suspicion.get(track, 0.0))
            for track in sequence.track_ids.tolist()
        ),
    )


def _of_track(
    sequence: PoseSequence, track: int, timed: bool, suspicion: float
) -> TrackStatistics:
    person = sequence.person(track)
    steps = np.diff(person.indices)
    first, last = person.indices[[0, -1]].tolist()
    length = person.body_length
    path = np.linalg.norm(np.diff(person.centre(), axis=0), axis=1).sum()
    speed = float("nan")
    if timed and len(person) > 1:
        speed = float(np.median(person.relative_speed()))
    return TrackStatistics(
        track,
        sequence.names.get(track, ""),
        first,
        last,
        len(person),
        100 * len(person) / (last - first + 1),
        int((steps > 1).sum()),
        int(steps.max(initial=1)) - 1,
        float(person.poses.scores.mean()),
        length,
        float(path / length) if length > 0 else float("nan"),
        speed,
        suspicion,
    )

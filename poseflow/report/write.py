"""Write the results page: `write_report`."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import poseflow
from poseflow import edit
from poseflow.drawing.palette import COLORS, identity_colors
from poseflow.errors import PoseFlowError
from poseflow.eval.frame_matching import match_frames
from poseflow.eval.tracks import score_tracks
from poseflow.events import Event, find_errors, find_events
from poseflow.events.people import People
from poseflow.formats import check_apart, check_writable, read
from poseflow.report.columns import box_columns, packed, pose_columns
from poseflow.report.frames import PageFrames, Progress, with_video, without_video
from poseflow.report.media import Media
from poseflow.sequence import PoseSequence
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import PathLike, write_atomically
from poseflow.video import open_source

_PAGE = Path(__file__).resolve().parent / "page"

SCRIPTS = (
    "data.js",
    "edits.js",
    "tracks.js",
    "player.js",
    "overlay.js",
    "timeline.js",
    "panels.js",
    "dialogs.js",
    "main.js",
)
"""In the order in which they build on each other."""


SHORT = {"precision": "Prec", "recall": "Rec"}
SCORES = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "precision", "recall", "IDs")


@dataclass(frozen=True)
class Report:
    """Summary of `write_report`.

    Attributes:
        path: The page.
        megabytes: Its size.
        frames: Number of frames that it shows.
        tracks: Number of ids.
        notes: What the reader of the page should know, a sentence each.
    """

    path: Path
    megabytes: float
    frames: int
    tracks: int
    notes: tuple[str, ...]


def write_report(
    result: PathLike | PoseSequence,
    out: PathLike = "report.html",
    *,
    video: Any = None,
    gt: PathLike | PoseSequence | None = None,
    embed: bool = False,
    fps: float | None = None,
    skeleton: Skeleton | PathLike | None = None,
    progress: Progress | None = None,
) -> Report:
    """Write a page to watch, check and correct a tracking result.

    The page is one file that opens from disk without a network.

    Args:
        result: A result, in any format that `poseflow.read` reads.
        out: The page, `.html`.
        video: The video or folder of images of the result; None shows the poses alone.
        gt: Ground truth with ids: errors and scores are shown.
        embed: Put the video into the page, encoded anew if browsers do not play it;
            otherwise the page has a link to it.
        fps: Frames per second, where neither the video nor the result says.
        skeleton: The joints, where the files do not say; see `poseflow.read`.
        progress: Wraps the frames of the video as they go by.

    Raises:
        PoseFlowError: If a file cannot be read or written, the video is not that of the
            result, or the ground truth does not fit.
    """
    if embed and video is None:
        raise PoseFlowError("a video to embed is missing: name it with video=, --video")
    path = Path(out)
    if path.suffix.lower() not in (".html", ".htm"):
        raise PoseFlowError(f"{path}: expected the name of a page, such as report.html")
    inputs = {"result": result, "ground truth": gt, "video": video}
    files = {
        role: value
        for role, value in inputs.items()
        if isinstance(value, str | os.PathLike)
    }
    check_apart(path, **files)
    check_writable(path)
    sequence = _loaded(result, fps, skeleton)
    truth = None if gt is None else _loaded(gt, fps, skeleton)
    label = os.fspath(result) if isinstance(result, str | os.PathLike) else "the result"
    if video is None:
        frames = without_video(sequence)
    else:
        with open_source(video, fps=fps) as source:
            frames = with_video(
                sequence,
                source,
                os.fspath(out),
                embed=embed,
                label=label,
                progress=progress,
            )
    info, columns = _content(sequence, frames, truth, label)
    text = _page(info, columns, frames.media)
    data = text.encode("utf-8", "replace")
    write_atomically(path, data)
    return Report(
        path,
        len(data) / 1e6,
        len(frames.sequence),
        len(sequence.track_ids),
        tuple(info["notes"]),
    )


def _loaded(
    given: PathLike | PoseSequence,
    fps: float | None,
    skeleton: Skeleton | PathLike | None,
) -> PoseSequence:
    if isinstance(given, PoseSequence):
        return given
    return read(given, fps=fps, skeleton=skeleton)


def _content(
    sequence: PoseSequence,
    frames: PageFrames,
    truth: PoseSequence | None,
    label: str,
) -> tuple[dict[str, Any], str]:
    """What the page knows: facts as JSON, and columns in base64."""
    shown, media = frames.sequence, frames.media
    people = People.of(shown)
    step, columns = pose_columns(people)
    columns["numbers"] = people.frames.astype(np.int32)
    columns["indices"] = frames.result_index.astype(np.int32)
    skeleton = shown.skeleton
    notes = [media.note] if media.note else []
    info: dict[str, Any] = {
        "version": poseflow.__version__,
        "result": Path(label).name,
        "title": sequence.name or Path(label).stem,
        "fingerprint": edit.fingerprint(sequence),
        "skeleton": {
            "joints": skeleton.joints,
            "limbs": skeleton.limb_indices.tolist(),
        },
        "size": shown.size or _extent(people),
        "fps": shown.fps,
        "timed": bool(people.times[-1:].any()),
        "step": step,
        "names": {str(track): name for track, name in sequence.names.items()},
        "palette": [_css(color) for color in identity_colors(np.arange(COLORS))],
        "thumbnails": {str(track): url for track, url in frames.thumbnails.items()},
        "media": {"kind": media.kind, "sources": media.sources, "type": media.type},
        "events": [],
        "scores": None,
        "notes": notes,
    }
    timed = (
        sequence
        if sequence.fps
        else PoseSequence(
            sequence.frames, sequence.skeleton, sequence.name, shown.size, shown.fps
        )
    )
    position = {
        index: k for k, index in reversed([*enumerate(frames.result_index.tolist())])
    }
    events = [event for event in find_events(timed) if event.kind != "death"]
    if truth is not None:
        events += find_errors(truth, sequence).all()
        info["scores"] = _scores(truth, sequence)
        columns |= box_columns("truth_", _on_page(truth, sequence, shown), step)
    info["events"] = [
        row for event in events if (row := _event(event, position)) is not None
    ]
    info["columns"], block = packed(columns)
    return info, block


def _event(event: Event, position: dict[int, int]) -> dict[str, Any] | None:
    """An event with positions of the page; None if the page lacks its frame."""
    at = position.get(event.frame)
    if at is None:
        return None
    last = event.frame if event.last_frame is None else event.last_frame
    return {
        "at": at,
        "to": position.get(last, at),
        "kind": event.kind,
        "tracks": event.tracks,
        "suspicion": round(event.suspicion, 3),
        "person": event.person,
    }


def _on_page(truth: PoseSequence, result: PoseSequence, shown: PoseSequence) -> People:
    """The annotated people of every frame of the page."""
    sides, _ = match_frames(truth, result)
    moment_of = dict(zip((f.index for f in result), sides[1].tolist(), strict=True))
    at = dict(zip(sides[0].tolist(), truth, strict=True))
    by_index = {frame.index: frame for frame in truth}
    empty = truth[0].poses[:0] if len(truth) else poseflow.Poses.empty(truth.skeleton)
    frames = []
    for frame in shown:
        moment = moment_of.get(frame.index)
        match = by_index.get(frame.index) if moment is None else at.get(moment)
        frames.append(
            poseflow.Frame(
                frame.index, frame.time, empty if match is None else match.poses
            )
        )
    return People.of(PoseSequence(tuple(frames), truth.skeleton))


def _scores(truth: PoseSequence, result: PoseSequence) -> dict[str, Any]:
    """Tracking scores of people and joints as rows of texts."""
    scores = score_tracks(truth, result)
    rows = [("people", scores.total), *scores.joints.items()]
    if scores.all_joints is not None:
        rows.append(("all joints", scores.all_joints))
    return {
        "columns": [SHORT.get(name, name) for name in SCORES],
        "rows": [
            [name, *(each.row()[column] for column in SCORES)] for name, each in rows
        ],
        "notes": [*map(str, scores.matchings), *scores.notes],
    }


def _extent(people: People) -> tuple[int, int]:
    """A size that holds all joints, where the size of the source is unknown."""
    points = people.keypoints[people.present]
    if not len(points):
        return 640, 480
    width, height = np.clip(points.max(axis=0) * 1.05, 64, 1e5).round().tolist()
    return int(width), int(height)


def _css(color: Any) -> str:
    blue, green, red = color.tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"


def _page(info: dict[str, Any], columns: str, media: Media) -> str:
    """The page as text: the template with style, scripts and data in their places."""
    video = "" if media.embedded is None else base64.b64encode(media.embedded).decode()
    parts = {
        "title": html.escape(f"{info['title']} · PoseFlow"),
        "style": (_PAGE / "style.css").read_text("utf-8"),
        "script": _bundle(),
        # No text of the data can end its element: < is written as an escape.
        "info": json.dumps(info).replace("<", "\\u003c"),
        "columns": columns,
        "video": video,
    }
    template = (_PAGE / "index.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def _bundle() -> str:
    """The modules of the page as one: without `import` lines and `export` words."""
    modules = [(_PAGE / name).read_text("utf-8") for name in SCRIPTS]
    text = "\n".join(modules)
    text = re.sub(r"^import [^;]*;\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^export ", "", text, flags=re.MULTILINE)

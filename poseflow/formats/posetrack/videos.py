"""The frames of one video in a file that may hold several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from poseflow.errors import FormatError

SHOWN = 3
"""Videos that the error names."""


def frames_of_video(
    videos: Iterable[Any],
    image_names: Iterable[str],
    label: str,
    wanted: str | None = None,
    field: str = "vid_id",
) -> Sequence[bool] | None:
    """Which frames of a file are those of the video asked for.

    Identities and motion do not continue from one video to the next, so that their
    frames must not become one sequence.

    Args:
        videos: Each frame's `vid_id`; None where the file has none.
        image_names: Each frame's file name; where no frame has a `vid_id`, the folders
            tell the videos apart.
        label: Name of the file in messages.
        wanted: The `vid_id` or folder asked for, or the last part of the folder.
        field: Name of what tells the videos apart, in messages.

    Returns:
        Whether to keep each frame; None for all of a file with one video.

    Raises:
        FormatError: If there are several videos and none was asked for, or the file
            does not have the one asked for.
    """
    videos = list(videos)
    keys = [None if video is None else _key(video) for video in videos]
    found = {
        key: video for key, video in zip(keys, videos, strict=True) if key is not None
    }
    if not found:
        field = "folders of the image names"
        names = [name.replace("\\", "/") for name in image_names]
        keys = [name.rpartition("/")[0] if "/" in name else None for name in names]
        found = {key: key for key in keys if key is not None}
    names_of = list(found.values())
    if wanted is not None:
        chosen = [
            key
            for key, name in found.items()
            if wanted in (str(name), str(name).rpartition("/")[2])
            or key == _key(wanted)
        ]
        if len(chosen) != 1:
            raise FormatError(
                f"{label}: expected one video {wanted!r}, found {len(chosen)}; the "
                f"file has {_listed(names_of, field)}"
            )
        return [key == chosen[0] for key in keys]
    if len(found) > 1:
        raise FormatError(
            f"{label}: expected the frames of one video, found those of {len(found)} "
            f"({_listed(names_of, field)}); write one file for each video (poseflow "
            "convert FILE OUT --video NAME), or read one with video='NAME'"
        )
    return None


def _listed(videos: list[Any], field: str) -> str:
    shown = ", ".join(map(repr, videos[:SHOWN]))
    more = f", ... {len(videos)} in all" if len(videos) > SHOWN else ""
    return f"{field} {shown or 'none'}{more}"


def _key(video: Any) -> str:
    """An id as text; `1`, `1.0` and `"000001"` are one video."""
    text = str(video).removesuffix(".0")
    return text.lstrip("0") or "0" if text.isdigit() else text

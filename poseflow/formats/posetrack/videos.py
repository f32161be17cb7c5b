"""Check that a PoseTrack file holds the frames of one video."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from poseflow.errors import FormatError

SHOWN = 3
"""Videos that the error names."""


def require_one_video(
    videos: Iterable[Any], image_names: Iterable[str], label: str
) -> None:
    """Refuse a file with frames of several videos.

    Identities and motion do not continue from one video to the next, so that their
    frames must not become one sequence.

    Args:
        videos: Each frame's `vid_id`; None where the file has none.
        image_names: Each frame's file name; where no frame has a `vid_id`, the folders
            tell the videos apart.
        label: Name of the file in messages.

    Raises:
        FormatError: If there is more than one video.
    """
    field = "vid_id"
    found = {_key(video): video for video in videos if video is not None}
    if not found:
        field = "folders of the image names"
        names = [name.replace("\\", "/") for name in image_names]
        folders = [name.rpartition("/")[0] for name in names if "/" in name]
        found = dict(zip(folders, folders, strict=True))
    if len(found) > 1:
        shown = ", ".join(repr(video) for video in [*found.values()][:SHOWN])
        more = f", ... {len(found)} in all" if len(found) > SHOWN else ""
        raise FormatError(
            f"{label}: expected the frames of one video, found those of {len(found)} "
            f"({field} {shown}{more}); write one file for each video"
        )


def _key(video: Any) -> str:
    """An id as text; `1`, `1.0` and `"000001"` are one video."""
    text = str(video).removesuffix(".0")
    return text.lstrip("0") or "0" if text.isdigit() else text

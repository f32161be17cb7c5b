"""Recordings for the Rerun viewer: images, poses and ids over time."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np

from poseflow.drawing import Privacy, identity_colors
from poseflow.errors import FormatError, MissingExtraError
from poseflow.poses import NO_TRACK
from poseflow.sequence import Frame
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import atomic_path, check_writable

JPEG_QUALITY = 75


class RerunSink:
    """Writes tracked frames to a recording of Rerun, an entity for each track.

    Use it in a `with` statement. The file appears under its name at the end; if the
    block raises, a previous file stays.

    Args:
        path: The recording, `.rrd`.
        privacy: Hides faces or people in the images.

    Raises:
        MissingExtraError: If rerun-sdk is not installed.
        FormatError: If the file cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], privacy: Privacy | None = None
    ) -> None:
        if Path(path).suffix.lower() != ".rrd":
            raise FormatError(
                f"{os.fspath(path)}: expected the name of a recording, such as "
                "tracked.rrd"
            )
        check_writable(path)
        try:
            import rerun
        except ImportError as error:
            raise MissingExtraError("rerun-sdk", "rerun", "--rerun") from error
        self.path = Path(path)
        self._privacy = privacy
        self._rerun: Any = rerun
        self._stack = ExitStack()
        self._recording: Any = None
        self._skeleton: Skeleton | None = None
        self._shown: set[str] = set()

    def write(self, frame: Frame) -> None:
        """Append a frame; its image, if it has one, as a JPEG."""
        rr, log = self._rerun, self._recording
        log.set_time("frame", sequence=frame.index)
        log.set_time("time", duration=frame.time)
        if frame.image is not None:
            pixels = frame.image
            if self._privacy is not None:
                pixels = self._privacy.apply(pixels, frame.poses)
            image = rr.Image(pixels, color_model="BGR")
            log.log("video", image.compress(jpeg_quality=JPEG_QUALITY))
        if self._skeleton is None:
            self._skeleton = frame.poses.skeleton
            log.log("video", self._annotations(self._skeleton), static=True)
        now: set[str] = set()
        poses = frame.poses
        colors = identity_colors(poses.track_ids)[:, ::-1]
        for person, track in enumerate(poses.track_ids.tolist()):
            name = f"track_{track}" if track != NO_TRACK else f"without_id_{person}"
            entity = f"video/people/{name}"
            there = np.flatnonzero(poses.present[person])
            points = rr.Points2D(
                poses.keypoints[person, there],
                colors=np.tile(colors[person], (len(there), 1)),
                class_ids=1,
                keypoint_ids=there,
            )
            log.log(entity, points)
            now.add(entity)
        for entity in self._shown - now:
            log.log(entity, rr.Clear(recursive=False))
        self._shown = now

    def _annotations(self, skeleton: Skeleton) -> Any:
        """The names of joints, and the limbs that connect them."""
        rr = self._rerun
        return rr.AnnotationContext(
            rr.ClassDescription(
                info=rr.AnnotationInfo(id=1, label="person"),
                keypoint_annotations=[
                    rr.AnnotationInfo(id=k, label=joint)
                    for k, joint in enumerate(skeleton.joints)
                ],
                keypoint_connections=skeleton.limb_indices.tolist(),
            )
        )

    def __enter__(self) -> Self:
        self._recording = self._rerun.RecordingStream("poseflow")
        part = self._stack.enter_context(atomic_path(self.path))
        self._recording.save(str(part))
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        self._recording.flush()
        self._recording.disconnect()
        # As of other results: what was done until Ctrl-C is kept.
        kept = kind is not None and issubclass(kind, KeyboardInterrupt)
        self._stack.__exit__(None if kept else kind, *((None, None) if kept else rest))

"""`Tracker`: the door to all trackers, and their registry."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.registry import Registry
from poseflow.skeleton import Skeleton
from poseflow.tracker.base import (
    TrackerBackend,
    TrackerFactory,
    View,
    options_from,
)
from poseflow.tracker.baselines import (
    IouOptions,
    IouTracker,
    OksOptions,
    OksTracker,
)
from poseflow.tracker.default.options import DefaultOptions
from poseflow.tracker.default.tracker import DefaultTracker
from poseflow.tracker.matchers.correspondences import Correspondences
from poseflow.tracker.motion.predicted_boxes import expected_boxes, still
from poseflow.tracker.pose_flow.pose_flow import PoseFlowOptions
from poseflow.tracker.pose_flow.tracker import PoseFlowTracker
from poseflow.tracker.released.tracker import ReleasedOptions, ReleasedTracker
from poseflow.tracker.track_store import Track


def _released(**options: Any) -> TrackerBackend:
    return ReleasedTracker(options_from(ReleasedOptions, "released", options))


def _iou(**options: Any) -> TrackerBackend:
    return IouTracker(options_from(IouOptions, "iou", options))


def _oks(**options: Any) -> TrackerBackend:
    return OksTracker(options_from(OksOptions, "oks", options))


def _default(**options: Any) -> TrackerBackend:
    return DefaultTracker(options_from(DefaultOptions, "default", options))


def _poseflow(**options: Any) -> TrackerBackend:
    return PoseFlowTracker(options_from(PoseFlowOptions, "poseflow", options))


TRACKERS: Registry[TrackerFactory] = Registry(
    "tracker",
    {
        "default": _default,
        "poseflow": _poseflow,
        "released": _released,
        "iou": _iou,
        "oks": _oks,
    },
    group="poseflow.trackers",
)
"""Trackers by name; other packages offer theirs as entry points of the group."""


def register(name: str, factory: TrackerFactory, *, replace: bool = False) -> None:
    """Make a tracker known by name, to `Tracker` and the command line.

    Args:
        name: What to call it.
        factory: Takes the options as keywords, gives a `TrackerBackend`.
        replace: Replace a tracker of that name.

    Raises:
        PoseFlowError: If the name is taken and `replace` is not set.
    """
    TRACKERS.register(name, factory, replace=replace)


def names() -> tuple[str, ...]:
    """Names of all trackers, those of installed packages included."""
    return TRACKERS.names()


class Tracker:
    """Gives identities to the people of one frame after another.

    Ids count from 1 and belong to the instance: two trackers never share any state.

    Args:
        name: `"default"`, which measured best (docs/tracking.md): log odds of motion,
            pose, size and looks; `"poseflow"`, the paper; `"released"`, what its
            authors released; `"iou"`, `"oks"`, or a registered name.
        **options: Fields of that tracker's options, see `DefaultOptions`,
            `PoseFlowOptions`, `ReleasedOptions`, `IouOptions` and `OksOptions`.

    Raises:
        PoseFlowError: If the name or an option is unknown, or a value out of range.

    Examples:
        >>> import numpy as np
        >>> from poseflow import Poses, Tracker
        >>> tracker = Tracker("oks")
        >>> pose = np.random.default_rng(0).uniform(100, 200, (1, 17, 2))
        >>> tracker.update(Poses(pose)).track_ids.tolist()
        [1]
        >>> both = Poses(np.concatenate([pose + 400, pose + 2]))
        >>> tracker.update(both).track_ids.tolist()
        [2, 1]
        >>> [(track.track_id, track.appearances) for track in tracker.finish()]
        [(1, 2), (2, 1)]
    """

    def __init__(self, name: str = "default", **options: Any) -> None:
        self.name = name
        self._backend = TRACKERS[name](**options)
        self._skeleton: Skeleton | None = None
        self._frames = 0
        self._latest: Poses | None = None
        self._rest: tuple[tuple[int, Poses], ...] = ()

    def update(
        self,
        poses: Poses,
        image: Image | None = None,
        *,
        name: str = "",
        time: float | None = None,
        correspondences: Correspondences | npt.ArrayLike | None = None,
        embeddings: npt.ArrayLike | None = None,
    ) -> Poses:
        """Take the next frame.

        Args:
            poses: The people of the frame; nobody is ordinary.
            image: `(H, W, 3)` uint8 BGR or `(H, W)` grey, for matchers and, in
                `default`, colours; without one, geometry decides alone.
            name: Name of the frame, needed where correspondences come from files.
            time: Seconds since the start.
            correspondences: `(M, 4)` matches x1, y1, x2, y2 of the previous frame to
                this one; given, no matcher is asked.
            embeddings: `(P, D)` features of what each person looks like, of any
                re-identification model, rows of NaN for people without; `default`
                uses them in place of colours.

        Returns:
            The same people in the same order, with `track_ids` set (-1 for a person
            below a tracker's `minimum_score`; `default` gives -1 to doubles, and to
            people of whom it is not convinced yet).

        Raises:
            PoseFlowError: If the skeleton differs from that of earlier frames, or the
                image is none.
        """
        if not isinstance(poses, Poses):
            raise PoseFlowError(
                f"frame {self._frames}: expected Poses, got {type(poses).__name__}; "
                "wrap an array as poseflow.Poses(keypoints, keypoint_scores)"
            )
        if self._skeleton is None:
            self._skeleton = poses.skeleton
        elif poses.skeleton != self._skeleton:
            raise PoseFlowError(
                f"frame {self._frames}: the people have the skeleton "
                f"{poses.skeleton.name!r}, those before had {self._skeleton.name!r}; "
                "convert them, or call reset() to start a new sequence"
            )
        size = None if image is None else _size(image, self._frames)
        view = View(
            self._frames,
            image,
            name,
            time,
            size,
            correspondences,  # type: ignore[arg-type]
            _embeddings(embeddings, len(poses), self._frames),
        )
        self._rest = ()
        tracked = self._backend.update(poses, view)
        self._frames += 1
        self._latest = tracked
        return tracked

    def expected_boxes(self) -> Floats:
        """Where to look for the people of the latest frame in the next one.

        Trackers that follow motion add it; others expect people where they are.

        Returns:
            `(P, 4)` xyxy pixels, a box such as detectors give for each person of the
            latest frame; NaN for those whom the tracker does not follow.
        """
        latest = self._latest
        if latest is None:
            return np.zeros((0, 4))
        motion = getattr(self._backend, "expected_motion", None)
        return expected_boxes(latest, still(latest) if motion is None else motion)

    def reset(self) -> None:
        """Forget everything; the next frame is a first frame and ids start at 1."""
        self._backend.reset()
        self._skeleton = None
        self._frames = 0
        self._latest = None

    def finish(self) -> tuple[Track, ...]:
        """End the sequence: the tracks still held, by id; then the tracker is as new.

        Memory is bounded: identities that the tracker has forgotten, such as those
        gone for longer than `max_age_frames`, are not among them.
        """
        tracks = self._backend.finish()
        rest = self.final_frames
        self.reset()
        self._rest = rest
        return tracks

    @property
    def final_frames(self) -> tuple[tuple[int, Poses], ...]:
        """Frames whose ids became final with the latest call, for those that delay.

        `default` and `poseflow` give a frame's number and people, with the ids that
        their window has settled on, `delay_frames` later; after `finish`, the rest. An
        id in here never changes again. Other trackers' ids are final at once: empty.
        """
        if self._rest:
            return self._rest
        frames: tuple[tuple[int, Poses], ...] = getattr(
            self._backend, "final_frames", ()
        )
        return frames

    @property
    def delay_frames(self) -> int:
        """Frames after which ids are final; 0 where they are at once."""
        return getattr(self._backend, "delay_frames", 0)

    @property
    def last_step(self) -> Any:
        """What the tracker decided in the latest frame, for those that tell; or None.

        `Step` for `released`: candidates, grades, pairs, boxes and match scores.
        """
        return getattr(self._backend, "last_step", None)

    def __repr__(self) -> str:
        return f"<Tracker {self.name!r}, {self._frames} frames>"


def _embeddings(given: npt.ArrayLike | None, people: int, frame: int) -> Floats | None:
    """Features of the people, one row each; infinities count as unknown."""
    if given is None:
        return None
    try:
        array = np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise PoseFlowError(
            f"frame {frame}: embeddings: expected an array of numbers ({error})"
        ) from error
    if array.ndim != 2 or len(array) != people:
        raise PoseFlowError(
            f"frame {frame}: embeddings: expected shape ({people}, features), one row "
            f"per person, got {array.shape}"
        )
    array[~np.isfinite(array)] = np.nan
    return array


def _size(image: Any, frame: int) -> tuple[int, int]:
    """Width and height; refuses what is no picture."""
    shape = getattr(image, "shape", None)
    good = (
        isinstance(image, np.ndarray)
        and image.dtype == np.uint8
        and image.size > 0
        and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3)))
    )
    if not good:
        raise PoseFlowError(
            f"frame {frame}: expected an image of shape (H, W, 3) or (H, W), uint8, "
            f"got {type(image).__name__} of shape {shape} and type "
            f"{getattr(image, 'dtype', None)}"
        )
    return int(image.shape[1]), int(image.shape[0])

"""`Tracker`: online multi-person tracking by name, and the registry of trackers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.registry import Registry
from poseflow.skeletons.skeleton import Skeleton
from poseflow.tracker.base import (
    FrameContext,
    TrackerBackend,
    TrackerFactory,
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
from poseflow.tracker.matchers.correspondences import (
    Correspondences,
    PixelIdentity,
    as_correspondences,
)
from poseflow.tracker.motion.expected_boxes import expected_boxes, no_motion
from poseflow.tracker.observations import person_boxes
from poseflow.tracker.pose_flow.options import PoseFlowOptions
from poseflow.tracker.pose_flow.tracker import PoseFlowTracker
from poseflow.tracker.released.tracker import ReleasedOptions, ReleasedTracker
from poseflow.tracker.track_store import Track

_BUILT_IN: dict[str, tuple[Callable[[Any], TrackerBackend], type[Any]]] = {
    "default": (DefaultTracker, DefaultOptions),
    "poseflow": (PoseFlowTracker, PoseFlowOptions),
    "released": (ReleasedTracker, ReleasedOptions),
    "iou": (IouTracker, IouOptions),
    "oks": (OksTracker, OksOptions),
}


def _factory(name: str) -> TrackerFactory:
    """A built-in tracker made of its options as keywords."""
    tracker, kind = _BUILT_IN[name]

    def make(**options: Any) -> TrackerBackend:
        if not _takes_matcher(kind) and options.pop("matcher", "none") != "none":
            takers = [each for each in _BUILT_IN if _takes_matcher(_BUILT_IN[each][1])]
            raise PoseFlowError(
                f"tracker {name!r} uses no matcher: leave out matcher (--matcher), or "
                f"choose one of the trackers that take one: {', '.join(takers)}"
            )
        return tracker(options_from(kind, name, options))

    return make


def _takes_matcher(kind: type[Any]) -> bool:
    return any(field.name == "matcher" for field in dataclasses.fields(kind))


TRACKERS: Registry[TrackerFactory] = Registry(
    "tracker",
    {name: _factory(name) for name in _BUILT_IN},
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


def options_type(name: str) -> type[Any] | None:
    """The dataclass of a tracker's options; None for those of other packages."""
    return _BUILT_IN[name][1] if name in _BUILT_IN else None


def names() -> tuple[str, ...]:
    """Names of all trackers, those of installed packages included."""
    return TRACKERS.names()


class Tracker:
    """Assigns track ids to the people of successive frames.

    Ids count from 1 and belong to the instance: two trackers never share any state. A
    tracker follows one video, in one thread at a time; a second one that calls it
    meanwhile gets an error.

    Args:
        name: `"default"`, the most accurate of them (docs/tracking.md); `"poseflow"`,
            the algorithm of the paper; `"released"`, the association that the paper's
            authors released; `"iou"` and `"oks"`, baselines; or a registered name.
        **options: Fields of that tracker's options: `DefaultOptions`,
            `PoseFlowOptions`, `ReleasedOptions`, `IouOptions`, `OksOptions`.

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
        if not isinstance(self._backend, TrackerBackend):
            raise PoseFlowError(
                f"tracker {name!r}: expected a TrackerBackend, got "
                f"{type(self._backend).__name__}; subclass "
                "poseflow.tracker.TrackerBackend"
            )
        self._start()
        self._busy = threading.Lock()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads out, which would mix their frames with these."""
        if not self._busy.acquire(blocking=False):
            raise PoseFlowError(
                f"{self!r}: used by two threads at once; a tracker follows one video, "
                "make one for each thread"
            )
        try:
            yield
        finally:
            self._busy.release()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "_busy"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _busy=threading.Lock())

    def _start(self) -> None:
        self._skeleton: Skeleton | None = None
        self._frames = 0
        self._only_points = True
        self._latest: Poses | None = None
        self._final: tuple[tuple[int, Poses], ...] = ()

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
        """Track the people of the next frame.

        Args:
            poses: The people of the frame, possibly none.
            image: `(H, W, 3)` uint8 BGR or `(H, W)` grey, for matchers and for the
                appearance features of `default`; without one, association is by
                geometry alone.
            name: Name of the frame, needed where correspondences come from files.
            time: Seconds since the start.
            correspondences: `(M, 4)` matches x1, y1, x2, y2 of the previous frame to
                this one; if given, no matcher is called.
            embeddings: `(P, D)` appearance embeddings of any re-identification model,
                rows of NaN for people without; `default` uses them in place of the
                mean limb colours.

        Returns:
            The same people in the same order, with `track_ids` set; -1 for a person
            without an id: below a tracker's `minimum_score`, or, with `default`, a
            duplicate or a tentative track.

        Raises:
            PoseFlowError: If the skeleton differs from that of earlier frames, or
                an argument has the wrong type or shape.
        """
        with self._alone():
            if not isinstance(poses, Poses):
                raise PoseFlowError(
                    f"frame {self._frames}: expected Poses, got "
                    f"{type(poses).__name__}; wrap an array as "
                    "poseflow.Poses(keypoints, keypoint_scores)"
                )
            if self._skeleton is None:
                self._skeleton = poses.skeleton
            elif poses.skeleton != self._skeleton:
                raise PoseFlowError(
                    f"frame {self._frames}: the poses have the skeleton "
                    f"{poses.skeleton.name!r}, those before had "
                    f"{self._skeleton.name!r}; convert them, or call reset() to start "
                    "a new sequence"
                )
            if self._only_points and (poses.present.sum(axis=1) > 1).any():
                self._only_points = False
            frame = FrameContext(
                self._frames,
                image,
                name,
                time,
                None if image is None else _size(image, self._frames),
                _correspondences(correspondences, self._frames),
                _embeddings(embeddings, len(poses), self._frames),
                person_boxes(poses, self._only_points),
            )
            tracked = self._backend.update(poses, frame)
            self._frames += 1
            self._latest = tracked
            self._final = self._backend.final_frames
            return tracked

    def expected_boxes(self) -> Floats:
        """Predicted boxes of the latest frame's people in the next frame.

        Trackers with a motion model predict; others expect no motion.

        Returns:
            `(P, 4)` xyxy pixels, a box such as detectors give for each person of the
            latest frame; NaN for people who are not tracked.
        """
        if self._latest is None:
            return np.zeros((0, 4))
        motion = self._backend.expected_motion
        if motion is None:
            motion = no_motion(self._latest)
        return expected_boxes(self._latest, motion)

    def reset(self) -> None:
        """Start a new sequence: drop all tracks; ids start at 1 again."""
        with self._alone():
            self._reset()

    def _reset(self) -> None:
        self._backend.reset()
        self._start()

    def finish(self) -> tuple[Track, ...]:
        """End the sequence: the tracks still held, by id; then reset.

        Memory is bounded: tracks that ended earlier, such as those not seen for longer
        than `max_age_frames`, are not included. `final_frames` then has the frames
        whose ids were not final yet.
        """
        with self._alone():
            tracks = self._backend.finish()
            rest = self._backend.final_frames
            self._reset()
            self._final = rest
        return tracks

    @property
    def final_frames(self) -> tuple[tuple[int, Poses], ...]:
        """Frames whose ids became final with the latest `update` or `finish`.

        Pairs of a frame's index and its people. With `default` and `poseflow` a frame
        appears here once, in order, `delay_frames` after its `update` at the latest;
        `finish` gives the rest. These ids never change again. Empty for trackers
        whose ids are final at once, and after `reset`.
        """
        return self._final

    @property
    def delay_frames(self) -> int:
        """Frames after which ids are final; 0 for trackers without delayed output."""
        return self._backend.delay_frames

    @property
    def last_step(self) -> Any:
        """Record of the latest association, for trackers that keep one; else None.

        `Step` for `released`: candidates, grades, pairs, boxes and match scores.
        """
        return self._backend.last_step

    def __repr__(self) -> str:
        return f"<Tracker {self.name!r}, {self._frames} frames>"


def _correspondences(
    given: Correspondences | npt.ArrayLike | None, frame: int
) -> Correspondences | None:
    """Check correspondences; rows that are not finite are left out."""
    if given is None or isinstance(given, PixelIdentity):
        return given
    return as_correspondences(given, f"frame {frame}: correspondences")


def _embeddings(given: npt.ArrayLike | None, people: int, frame: int) -> Floats | None:
    """Check embeddings, `(P, D)`; infinities count as unknown."""
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
    """Width and height of a checked image."""
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

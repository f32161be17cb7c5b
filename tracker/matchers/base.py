"""Matchers: correspondences between successive frames, by name or from files."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Protocol, runtime_checkable

import numpy as np

from poseflow.arrays import Floats
from poseflow.errors import FormatError, PoseFlowError
from poseflow.poses import Poses
from poseflow.registry import Registry
from poseflow.safety.npz import read_npz
from poseflow.tracker.base import FrameContext
from poseflow.tracker.matchers.correspondences import (
    Correspondences,
    as_correspondences,
)
from poseflow.tracker.matchers.optical_flow import OpticalFlowMatcher
from poseflow.tracker.matchers.orb import OrbMatcher


@runtime_checkable
class Matcher(Protocol):
    """Finds the correspondences of the previous frame to the given one.

    A matcher keeps what it needs of the previous frame (features or image), so that
    nothing is computed twice. Trackers call it once per frame, in order.
    """

    def match(self, frame: FrameContext, poses: Poses) -> Correspondences | None:
        """Correspondences, or None if they cannot be computed.

        Args:
            frame: The frame.
            poses: Its people; trackers use no points far from people.
        """
        ...

    def reset(self) -> None:
        """Start a new sequence."""
        ...


class NoMatcher:
    """No correspondences (`none`): association by geometry alone."""

    def match(self, frame: FrameContext, poses: Poses) -> Correspondences | None:
        """None."""
        return None

    def reset(self) -> None:
        """No state."""


@dataclass
class FileMatcher:
    """Correspondences read from files.

    For the frames A and B (names without folder and extension) one of these is read:
    `A_B_orb.txt` (rows x1 y1 x2 y2, more columns ignored), `A_B_orb.npz`, `A_B.npz`
    (one array each), or the array `A_B` of a `correspondences.npz`.

    Attributes:
        place: The folder, or a `.npz` file with one array per pair.
        smallest_text_bytes: Smaller text files count as absent; 1000 in the released
            tracker.

    Raises:
        FormatError: If `place` does not exist.
    """

    place: Path
    smallest_text_bytes: int = 0
    _before: str | None = field(default=None, init=False, repr=False)
    _warned: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        """Check that the place exists."""
        self.place = Path(self.place)
        if not self.place.exists():
            raise FormatError(
                f"{self.place}: no such folder of correspondences; expected one with "
                "files NAME_NAME_orb.txt or .npz"
            )

    def reset(self) -> None:
        """Start a new sequence."""
        self._before = None

    def match(self, frame: FrameContext, poses: Poses) -> Correspondences | None:
        """Read the correspondences of the previous frame and this one; None without."""
        if not frame.name:
            raise PoseFlowError(
                f"frame {frame.index}: correspondences are looked up by name; pass "
                "name=... to update"
            )
        before, self._before = self._before, PurePath(frame.name).stem
        if before is None:
            return None
        pair = f"{before}_{self._before}"
        found = self._read(pair)
        if found is None and not self._warned:
            self._warned = True
            warnings.warn(
                f"{self.place}: no correspondences for {pair} (and perhaps others); "
                "such pairs are treated as having none",
                stacklevel=4,
            )
        return found

    def _read(self, pair: str) -> Floats | None:
        if self.place.is_file():
            return _from_npz(self.place, pair)
        text = self.place / f"{pair}_orb.txt"
        if text.is_file() and text.stat().st_size >= self.smallest_text_bytes:
            return _from_text(text)
        for name in (f"{pair}_orb.npz", f"{pair}.npz"):
            if (self.place / name).is_file():
                return _from_npz(self.place / name, None)
        together = self.place / "correspondences.npz"
        return _from_npz(together, pair) if together.is_file() else None


def _from_text(path: Path) -> Floats:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty file is no matches
            rows = np.loadtxt(path, dtype=np.float64, ndmin=2, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError, OSError) as error:
        raise FormatError(
            f"{path}: expected rows of numbers x1 y1 x2 y2 ({error})"
        ) from error
    return as_correspondences(rows, str(path))


def _from_npz(path: Path, key: str | None) -> Floats | None:
    try:
        arrays = read_npz(path, None if key is None else [key])
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error}") from error
    if key is None and len(arrays) != 1:
        raise FormatError(f"{path}: expected one array, got {len(arrays)}")
    rows = next(iter(arrays.values())) if key is None else arrays.get(key)
    return None if rows is None else as_correspondences(rows, str(path))


MATCHERS: Registry[Callable[[], Matcher]] = Registry(
    "matcher",
    {"none": NoMatcher, "orb": OrbMatcher, "flow": OpticalFlowMatcher},
    hint="; correspondences=FOLDER reads matches from files",
)
"""Matchers by name, with their default options."""


def make_matcher(choice: str | Matcher) -> Matcher:
    """A matcher by name, or the object itself.

    Raises:
        PoseFlowError: If there is no matcher of that name.
    """
    return MATCHERS[choice]() if isinstance(choice, str) else choice

"""Imports from a checkout, where estimator/, tracker/ and eval/ lie beside poseflow/.

An installed package has these folders inside. In a checkout they are found here, so
that `import poseflow` also works from a clone that is the working directory and hides
the installed package. Appending the checkout's root to `poseflow.__path__` would be
shorter, but would make `poseflow.tests` and `poseflow.poseflow` importable as well.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

SIBLINGS = ("estimator", "eval", "tracker")


class SiblingFinder:
    """Finds `poseflow.tracker` and the other siblings in the root of a checkout."""

    def __init__(self, root: Path) -> None:
        self._path = [str(root)]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: object = None
    ) -> ModuleSpec | None:
        """The module's spec, or None if it is not one of the siblings."""
        package, _, folder = fullname.rpartition(".")
        if package == "poseflow" and folder in SIBLINGS:
            return PathFinder.find_spec(fullname, self._path)
        return None


def find_siblings(package_path: list[str]) -> None:
    """Import the siblings from the checkout, if the package runs from one.

    A strict editable install links to each file of the checkout. Such links are
    followed, so that files added after the installation are found too.

    Args:
        package_path: `poseflow.__path__`; changed in place.
    """
    folder = Path(__file__).resolve().parent
    if (folder / "tracker").is_dir() or not (folder.parent / "tracker").is_dir():
        return
    package_path[:] = [str(folder)]
    # In front: an editable install of another checkout has a finder of its own, and
    # the two must not mix.
    sys.meta_path.insert(0, SiblingFinder(folder.parent))

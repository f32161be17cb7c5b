"""Protection of inputs: no file that a run reads is replaced by one that it writes."""

from __future__ import annotations

import contextlib
import glob
import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from poseflow.errors import FormatError
from poseflow.frame_names import IMAGE_SUFFIXES

PathLike = str | os.PathLike[str]

_Identity = tuple[int, int]
"""Device and number of a file: the same for all its links and ways of writing."""

_active: list[_Inputs] = []


@contextlib.contextmanager
def protect_inputs(
    **inputs: PathLike | Iterable[PathLike] | None,
) -> Iterator[None]:
    """Refuse, until the block ends, to write over the files that are read.

    Every writer of poseflow asks `refuse_inputs`, so the protection does not depend on
    how an output is named: relative paths, links, hard links and the case of letters on
    file systems that ignore it are seen through, as are outputs within a folder that is
    read. It holds for the whole process.

    Args:
        inputs: By their role in messages: files, folders, globs, several of them, or
            None. Urls, `-` and camera numbers are no files and are skipped.
    """
    entry = _Inputs(inputs)
    _active.append(entry)
    try:
        yield
    finally:
        _active.remove(entry)


def role_of(output: PathLike) -> str | None:
    """The role of a protected input that writing a file or folder would replace."""
    if os.fspath(output) == "-":
        return None
    target = Path(os.path.realpath(output))
    return next((r for i in tuple(_active) if (r := i.role_of(target))), None)


def refuse_inputs(output: PathLike) -> None:
    """Check that a file or folder of images to be written is no protected input.

    Raises:
        FormatError: If it is one.
    """
    role = role_of(output)
    if role is not None:
        raise FormatError(
            f"cannot write {os.fspath(output)}: this is the {role} itself; give the "
            "output another name"
        )


class _Inputs:
    """Files and folders that a run reads."""

    def __init__(self, inputs: dict[str, PathLike | Iterable[PathLike] | None]) -> None:
        self._files: dict[_Identity, str] = {}
        self._folders: dict[_Identity, tuple[str, Path]] = {}
        self._by_path: dict[str, str] = {}
        self._missing: dict[str, str] = {}
        self._inside: dict[_Identity, str] | None = None
        for role, given in inputs.items():
            if given is None:
                continue
            paths = [given] if isinstance(given, str | os.PathLike) else given
            for path in paths:
                self._add(role.replace("_", " "), os.fspath(path))

    def _add(self, role: str, text: str, *, expand: bool = True) -> None:
        text = text.removeprefix("file://")
        if not text or text == "-" or "://" in text or "\0" in text:
            return
        path = Path(os.path.realpath(text))
        try:
            status = path.stat()
        except OSError:
            if expand and glob.has_magic(text):
                for found in glob.glob(text, recursive=True):  # noqa: PTH207
                    self._add(role, found, expand=False)
                return
            # Perhaps made later, under a name that differs in case only.
            self._missing[folded(path)] = role
            return
        identity = status.st_dev, status.st_ino
        self._by_path[str(path)] = role
        if path.is_dir():
            self._folders[identity] = role, path
        else:
            self._files[identity] = role

    def role_of(self, target: Path) -> str | None:
        """The role of a resolved path that is an input."""
        role = self._by_path.get(str(target))
        if role is not None:
            return role
        try:
            status = target.stat()
        except OSError:
            return self._missing.get(folded(target))
        return self._role(target, status)

    def _role(self, target: Path, status: os.stat_result) -> str | None:
        """The role of a file or folder that exists, if it is an input."""
        identity = status.st_dev, status.st_ino
        if identity in self._files:
            return self._files[identity]
        if identity in self._folders:
            return self._folders[identity][0]
        if not self._folders or target.is_dir():
            return None
        for parent in target.parents:
            with contextlib.suppress(OSError):
                found = parent.stat()
                entry = self._folders.get((found.st_dev, found.st_ino))
                if entry is not None and _is_read(target, entry[1]):
                    return f"{entry[0]}, or one of its files,"
        if status.st_nlink > 1:
            return self._files_inside().get(identity)
        return None

    def _files_inside(self) -> dict[_Identity, str]:
        """All files in the folders, by identity: another link may lead to one."""
        if self._inside is None:
            self._inside = {}
            for role, folder in self._folders.values():
                for top, _, names in os.walk(folder):
                    for name in names:
                        with contextlib.suppress(OSError):
                            status = os.stat(os.path.join(top, name))  # noqa: PTH116,PTH118
                            self._inside[status.st_dev, status.st_ino] = role
        return self._inside


def _is_read(target: Path, folder: Path) -> bool:
    """Whether a file in a folder that is read is one of those that are read."""
    names = [name.lower() for name in os.listdir(folder)]  # noqa: PTH208
    if any(name.endswith(tuple(IMAGE_SUFFIXES)) for name in names):
        return target.suffix.lower() in IMAGE_SUFFIXES
    if any(name.endswith("_keypoints.json") for name in names):  # OpenPose's
        return target.name.lower().endswith("_keypoints.json")
    return True


def folded(path: Path) -> str:
    """The path as file systems compare it that ignore case and composed accents."""
    return unicodedata.normalize("NFC", str(path)).casefold()

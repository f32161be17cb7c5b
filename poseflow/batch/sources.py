"""Sources of a batch: what identifies one, its name, and its state on disk."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from poseflow.batch.folder import is_remote, remote_state
from poseflow.frame_names import text_of, without_suffix
from poseflow.safety.redaction import redact, url_name


def key_of(source: str) -> str:
    """A source's key: its absolute path, which no working directory changes.

    Urls are redacted: the record of a batch holds no passwords.
    """
    if "://" in source or (source.isdigit() and not Path(source).exists()):
        return redact(source)
    return text_of(str(Path(source).absolute()))


def name_of(source: str) -> str:
    """The name of a source's result, if no other source has it.

    Examples:
        >>> [name_of(s) for s in ("a/b.mp4", "a/*.png", "rtsp://x/live?k=1", "0")]
        ['b', 'a', 'live', 'camera0']
    """
    path = Path(source)
    if "://" in source:
        name = url_name(source)
    elif path.exists():
        name = path.absolute().name if path.is_dir() else path.stem
        if source.lower().endswith(".gz"):
            name = without_suffix(name, ".json")
    elif source.isdigit():
        name = f"camera{source}"
    elif glob.has_magic(source):
        name = path.absolute().parent.name
        name = "images" if glob.has_magic(name) else name
    else:
        name = path.stem
    # Bytes that are no text cannot be written down in the record.
    text = os.fsencode(name).decode("utf-8", "replace").replace("\ufffd", "_")
    name = os.fsdecode(text.encode())
    # A name that starts with a dot would be hidden, or no name at all.
    return name.lstrip(".") or "source"


def state_of(source: str) -> list[int] | None:
    """Number of files behind a source, their bytes, and their latest change in ns.

    None where that cannot be known: streams, cameras, missing files.
    """
    path = Path(source)
    try:
        if is_remote(source):
            return remote_state(source)
        if path.is_dir():
            files = [file for file in path.iterdir() if file.is_file()]
        elif path.exists():
            files = [path]
        elif "://" not in source and glob.has_magic(source):
            files = [Path(f) for f in glob.glob(source, recursive=True)]  # noqa: PTH207
        else:
            return None
        states = [file.stat() for file in files]
    except (OSError, ValueError):
        return None
    if not states:
        return None
    latest = max(state.st_mtime_ns for state in states)
    return [len(states), sum(state.st_size for state in states), latest]

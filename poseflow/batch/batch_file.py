"""The record of a batch, `batch.json`: each source's result, options and state."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from poseflow.batch.worker import BatchItem, Outcome
from poseflow.errors import FormatError
from poseflow.formats.atomic import explain, write_atomically
from poseflow.formats.frame_names import without_suffix

FILE = "batch.json"

Entry = dict[str, Any]


class BatchFile:
    """The record of a folder's results; read at the start, written after each source.

    Names: a source keeps the name that it has in the record. A new one is named after
    its file (without suffix), its folder or its glob's folder; where another source of
    the record or of this batch has that name (in upper or lower case), it becomes
    `NAME_2`, `NAME_3` and so on, in the order of the sources. So no source's result
    ever replaces another's.

    Args:
        folder: Folder of the results.
        suffix: Suffix of result files.

    Raises:
        FormatError: If the folder has a `batch.json` that is not such a record.
    """

    def __init__(self, folder: Path, suffix: str = ".json") -> None:
        self.path = folder / FILE
        self._folder, self._suffix = folder, suffix
        self.entries: dict[str, Entry] = {}
        if not self.path.exists():
            return
        try:
            entries = json.loads(self.path.read_bytes())["sources"]
            self.entries = {entry["source"]: entry for entry in entries}
        except OSError as error:
            raise explain(error, self.path, "read") from error
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"{self.path}: expected the record of an earlier batch, found "
                "something else; move it away or choose another folder with --out"
            ) from error

    def items(self, sources: Iterable[str]) -> list[BatchItem]:
        """An item for each source; a source that is named twice gives one."""
        taken = {Path(e["result"]).stem.lower() for e in self.entries.values()}
        taken.add(Path(FILE).stem)
        items: dict[str, BatchItem] = {}
        for source in sources:
            key = key_of(source)
            if key in items:
                continue
            if key in self.entries:
                result = Path(self.entries[key]["result"]).stem + self._suffix
            else:
                base = name = name_of(source)
                number = 1
                while name.lower() in taken:
                    number += 1
                    name = f"{base}_{number}"
                taken.add(name.lower())
                result = name + self._suffix
            items[key] = BatchItem(source, self._folder / result)
        return list(items.values())

    def is_done(self, item: BatchItem, digest: str) -> bool:
        """Whether a result is complete, of these options and of the present source.

        Streams and cameras are never done.
        """
        entry = self.entries.get(key_of(item.source))
        state = state_of(item.source)
        if entry is None or entry.get("error") is not None or state is None:
            return False
        try:
            size = item.result.stat().st_size
        except OSError:
            return False
        return (entry.get("options"), entry.get("state"), entry.get("bytes")) == (
            digest,
            state,
            size,
        )

    def note(self, item: BatchItem, outcome: Outcome, digest: str, state: Any) -> None:
        """Record the outcome of a source, and write the file.

        Args:
            item: The source and its result.
            outcome: What became of it.
            digest: `TrackOptions.digest` of the options.
            state: `state_of` the source before it was tracked.
        """
        done = outcome.error is None
        self.entries[key_of(item.source)] = {
            "source": key_of(item.source),
            "result": item.result.name,
            "frames": outcome.frames,
            "identities": outcome.identities,
            "seconds": round(outcome.seconds, 3),
            "error": outcome.error,
            "warnings": list(outcome.warnings),
            "options": digest,
            "state": state,
            "bytes": item.result.stat().st_size if done else None,
        }
        text = json.dumps({"sources": list(self.entries.values())}, indent=1)
        write_atomically(self.path, text.encode())


def key_of(source: str) -> str:
    """A source's key: its absolute path, which no working directory changes."""
    if "://" in source or (source.isdigit() and not Path(source).exists()):
        return source
    return str(Path(source).absolute())


def name_of(source: str) -> str:
    """The name of a source's result, if no other source has it.

    Examples:
        >>> [name_of(s) for s in ("a/b.mp4", "a/*.png", "rtsp://x/live?k=1", "0")]
        ['b', 'a', 'live', 'camera0']
    """
    path = Path(source)
    if "://" in source:
        name = Path(source.split("://", 1)[1].split("?")[0]).stem
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
    # A name that starts with a dot would be hidden, or no name at all.
    return name.lstrip(".") or "source"


def state_of(source: str) -> list[int] | None:
    """Number of files behind a source, their bytes, and their latest change in ns.

    None where that cannot be known: streams, cameras, missing files.
    """
    path = Path(source)
    try:
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

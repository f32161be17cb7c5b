"""The record of a batch, `batch.json`: each source's result, options and state."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import msgspec

from poseflow.batch.folder import ResultFolder
from poseflow.batch.item import BatchItem, Outcome, stem_of, subfolder
from poseflow.batch.manifest import Row
from poseflow.batch.sources import key_of, name_of, state_of
from poseflow.errors import FormatError
from poseflow.formats import base
from poseflow.formats.result_writer import folder_suffix
from poseflow.frame_names import file_name, text_of
from poseflow.storage.inputs import role_of

FILE, FAILURES = "batch.json", "failures.jsonl"

UNFINISHED = "not finished"
"""The error of a source whose result has not been written yet."""

WRITING_SHARE = 0.05
"""Largest share of the time that goes into writing the record."""


class Entry(msgspec.Struct):
    """A source in the record.

    Attributes:
        source: Its key: absolute path, or url without credentials.
        result: Name of the result in the folder.
        frames: As in `Outcome`, and so are the next ones.
        options: `TrackOptions.digest` of its options.
        state: `state_of` the source before it was tracked.
        bytes: Size of the result.
        outputs: SHA-256 of each output by name; empty while it is not finished. Files
            of these names were made by this batch.
    """

    source: str
    result: str
    frames: int = 0
    identities: int = 0
    seconds: float = 0.0
    error: str | None = None
    warnings: list[str] = []
    options: str | None = None
    state: list[int] | None = None
    bytes: int | None = None
    attempts: int = 1
    outputs: dict[str, str] = {}


class _Record(msgspec.Struct):
    sources: list[Entry]
    failures: bool = False


class BatchFile:
    """The record of a folder's results; read at the start, written as sources finish.

    Names: a source keeps the name that it has in the record. A new one is named after
    its file (without suffix), its folder or its glob's folder; where another source of
    the record or of this batch has that name (in upper or lower case), or a file that
    the batch reads, it becomes `NAME_2`, `NAME_3` and so on, in the order of the
    sources. So no source's result ever replaces another's, or a source.

    Args:
        folder: Folder of the results.

    Raises:
        FormatError: If the folder has a `batch.json` that is not such a record.
    """

    def __init__(self, folder: ResultFolder) -> None:
        self.label = folder.label(FILE)
        self._folder = folder
        self.entries: dict[str, Entry] = {}
        self._failures = False
        self._due = 0.0
        if not folder.exists(FILE):
            return
        try:
            record = msgspec.json.decode(folder.read(FILE), type=_Record)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise FormatError(
                f"{self.label}: expected the record of an earlier batch, found "
                f"something else ({error}); move it away or choose another folder "
                "with --out"
            ) from error
        self._failures = record.failures
        taken: set[str] = set()
        for number, entry in enumerate(record.sources):
            names = {entry.result, *entry.outputs}
            bad = next((name for name in names if not _is_inside(name)), None)
            if bad is not None:
                raise FormatError(
                    f"{self.label}: sources[{number}].result: expected the name of a "
                    f"file in the folder, found {bad!r}"
                )
            if entry.result.lower() in taken or entry.source in self.entries:
                raise FormatError(
                    f"{self.label}: sources[{number}]: another source has this name or "
                    f"this result, {entry.result!r}"
                )
            taken.add(entry.result.lower())
            self.entries[entry.source] = _renamed(entry, file_name)

    def items(self, rows: Sequence[Row]) -> list[BatchItem]:
        """An item for each source; a source that is named twice gives one."""
        taken = {stem_of(e.result).lower() for e in self.entries.values()}
        taken |= {Path(FILE).stem, Path(FAILURES).stem}
        items: dict[str, BatchItem] = {}
        for row in rows:
            key = key_of(row.source)
            if key in items:
                continue
            suffix = result_suffix(row.options.format)
            if key in self.entries:
                stem = stem_of(self.entries[key].result)
            else:
                stem = self._free_name(row, suffix, taken)
                taken.add(stem.lower())
            inner = subfolder(row.options.format)
            result = self._folder.path / inner / (stem + suffix)
            items[key] = BatchItem(row.source, result, row.options, self._folder.url)
        return list(items.values())

    def _free_name(self, row: Row, suffix: str, taken: set[str]) -> str:
        wanted = name = row.name or name_of(row.source)
        number = 1
        while name.lower() in taken or any(
            role_of(self._folder.path / (name + end)) for end in (suffix, ".mp4")
        ):
            number += 1
            name = f"{wanted}_{number}"
        return name

    def claim(self, items: Sequence[BatchItem], *, overwrite: bool) -> None:
        """Enter the items into the record before any of their results is written.

        Args:
            items: What is about to be tracked.
            overwrite: Allow results to replace files that no batch has made.

        Raises:
            FormatError: If a result would replace such a file, a link or a source.
        """
        for item in items:
            entry = self.entries.get(key_of(item.source))
            made = set() if entry is None else {entry.result, *entry.outputs}
            for name in item.outputs:
                fault = self._folder.fault(name)
                if fault is not None:
                    raise FormatError(
                        f"cannot write {self._folder.label(name)}: {fault}; "
                        "choose another folder with --out"
                    )
                there = self._folder.exists(name)
                if there and name not in made and not overwrite:
                    raise self._refusal(name)
        there = self._folder.exists(FAILURES)
        if there and not self._failures and not overwrite:
            raise self._refusal(FAILURES)
        for item in items:
            key = key_of(item.source)
            names = set(item.outputs)
            if key in self.entries:
                known = self.entries[key].outputs
                self.entries[key].outputs = dict.fromkeys(names, "") | known
                continue
            self.entries[key] = Entry(
                key,
                item.name,
                error=UNFINISHED,
                outputs=dict.fromkeys(names, ""),
            )
        self._failures = there
        self.write()

    def _refusal(self, name: str) -> FormatError:
        return FormatError(
            f"cannot write {self._folder.label(name)}: it is there already, and no "
            f"batch of this folder made it ({FILE} does not list it); move it away, "
            "choose another folder with --out, or replace it with --overwrite"
        )

    def is_done(self, item: BatchItem, digest: str) -> bool:
        """Whether all outputs are there, of these options and of the present source.

        Their content counts. Streams and cameras are never done.
        """
        entry = self.entries.get(key_of(item.source))
        state = state_of(item.source)
        if entry is None or entry.error is not None or state is None:
            return False
        if (entry.options, entry.state) != (digest, state):
            return False
        return all(
            (known := entry.outputs.get(name)) and known == self._folder.digest(name)
            for name in item.outputs
        )

    def note(self, item: BatchItem, outcome: Outcome, digest: str, state: Any) -> None:
        """Record the outcome of a source, and write the file where that is due.

        Args:
            item: The source and its result.
            outcome: What became of it.
            digest: `TrackOptions.digest` of the options.
            state: `state_of` the source before it was tracked.
        """
        key = key_of(item.source)
        claimed = self.entries[key].outputs if key in self.entries else {}
        done = outcome.error is None
        size = self._folder.size(item.name) if done else None
        self.entries[key] = Entry(
            key,
            item.name,
            outcome.frames,
            outcome.identities,
            round(outcome.seconds, 3),
            outcome.error,
            list(outcome.warnings),
            digest,
            state,
            size,
            outcome.attempts,
            {**claimed, **outcome.digests},
        )
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Write the record, and `failures.jsonl` where a source has failed."""
        start = time.monotonic()
        entries = [_renamed(entry, text_of) for entry in self.entries.values()]
        failed = [e for e in entries if e.error not in (None, UNFINISHED)]
        if failed:
            lines = [
                {"source": e.source, "error": e.error, "attempts": e.attempts}
                for e in failed
            ]
            text = "".join(json.dumps(line) + "\n" for line in lines)
            self._folder.write(FAILURES, text.encode())
        elif self._failures:
            self._folder.remove(FAILURES)
        data = msgspec.json.encode(_Record(entries, failures=bool(failed)))
        self._folder.write(FILE, msgspec.json.format(data, indent=1))
        self._failures = bool(failed)
        end = time.monotonic()
        self._due = end + (end - start) * (1 / WRITING_SHARE - 1)


def result_suffix(format: str) -> str:
    """The suffix of results in a format; none where they are folders."""
    entry = base.get(format)
    if folder_suffix(entry) is not None:
        return ""
    suffixes: tuple[str, ...] = getattr(entry, "suffixes", (".json",))
    return suffixes[0]


def _is_inside(name: str) -> bool:
    """Whether it names a file of the folder, or of a format's folder inside it."""
    inner, slash, file = name.rpartition("/")
    known = {getattr(format, "batch_subfolder", None) for format in base.FORMATS}
    return _is_plain(file) and (not slash or inner in known - {None})


def _renamed(entry: Entry, name: Callable[[str], str]) -> Entry:
    """The entry with its outputs by the names of this system, or those of the file."""
    outputs = {name(output): digest for output, digest in entry.outputs.items()}
    return msgspec.structs.replace(entry, result=name(entry.result), outputs=outputs)


def _is_plain(name: str) -> bool:
    """Whether it names a file of the folder itself, on any system."""
    return (
        name not in ("", ".", "..")
        and "\0" not in name
        and ":" not in name
        and PurePosixPath(name).name == name
        and PureWindowsPath(name).name == name
    )

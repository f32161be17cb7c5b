"""Files of corrections: `corrections.json`, which the results page downloads.

{"poseflow": "corrections", "version": 1, "result": "tracked.json",
"fingerprint": "0123456789abcdef",
"corrections": [{"action": "merge", "track": 3, "others": [7]},
{"action": "split", "track": 4, "frame": 300, "new": 12},
{"action": "swap", "track": 2, "other": 5, "frame": 120},
{"action": "delete", "track": 9},
{"action": "name", "track": 3, "name": "Anna"}]}
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from poseflow.edit import changes
from poseflow.errors import FormatError
from poseflow.formats.input_file import read_text
from poseflow.storage.atomic import PathLike, write_atomically

VERSION = 1

_LARGEST_BYTES = 100_000_000

_KINDS: dict[str, type[changes.Correction]] = {
    "merge": changes.Merge,
    "split": changes.Split,
    "swap": changes.Swap,
    "delete": changes.Delete,
    "name": changes.Name,
}


class _File(msgspec.Struct):
    poseflow: str
    version: int
    corrections: list[dict[str, Any]]
    fingerprint: str = ""
    result: str = ""


@dataclass(frozen=True)
class Corrections:
    """The content of a file of corrections.

    Attributes:
        corrections: In the order in which they are made.
        fingerprint: `edit.fingerprint` of the result that they are for; empty if
            unknown.
        result: Name of that result's file, for messages.
    """

    corrections: tuple[changes.Correction, ...]
    fingerprint: str = ""
    result: str = ""


def read_corrections(path: PathLike) -> Corrections:
    """Read a file of corrections.

    Raises:
        FormatError: If it is none, or one of its corrections is incomplete; the message
            has the number of the correction.
    """
    where = os.fspath(path)
    try:
        content = msgspec.json.decode(read_text(path, _LARGEST_BYTES), type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(
            f"{where}: expected a file of corrections, as the page of `poseflow "
            f"report` downloads it: {error}"
        ) from error
    if content.poseflow != "corrections" or content.version != VERSION:
        raise FormatError(
            f"{where}: expected corrections of version {VERSION}, found "
            f"{content.poseflow[:40]!r} of version {content.version}"
        )
    return Corrections(
        tuple(
            _correction(entry, f"{where}: correction {number}")
            for number, entry in enumerate(content.corrections, start=1)
        ),
        content.fingerprint,
        content.result,
    )


def write_corrections(path: PathLike, corrections: Corrections) -> None:
    """Write a file of corrections, atomically.

    Raises:
        FormatError: If it cannot be written.
    """
    names = {kind: name for name, kind in _KINDS.items()}
    content = {
        "poseflow": "corrections",
        "version": VERSION,
        "result": corrections.result,
        "fingerprint": corrections.fingerprint,
        "corrections": [
            {"action": names[type(each)], **asdict(each)}
            for each in corrections.corrections
        ],
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    write_atomically(path, text.encode("utf-8", "backslashreplace") + b"\n")


def check_fingerprint(corrections: Corrections, actual: str, where: str) -> None:
    """Check that corrections are for the result that they are applied to.

    Args:
        corrections: The corrections.
        actual: `edit.fingerprint` of the result.
        where: Name of their file, for the message.

    Raises:
        FormatError: If they carry the fingerprint of another result.
    """
    if corrections.fingerprint and corrections.fingerprint != actual:
        of = f" ({corrections.result})" if corrections.result else ""
        raise FormatError(
            f"{where}: these corrections were made for another result{of} with the "
            f"fingerprint {corrections.fingerprint}, this one has {actual}; apply them "
            "to the file that the page was made of, before other edits"
        )


def _correction(entry: dict[str, Any], place: str) -> changes.Correction:
    action = entry.get("action")
    kind = _KINDS.get(action) if isinstance(action, str) else None
    if kind is None:
        raise FormatError(
            f"{place}: action: expected {', '.join(_KINDS)}, found {action!r}"
        )
    values = {name: value for name, value in entry.items() if name != "action"}
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise FormatError(f"{place} ({action}): {error}") from error


def parse_corrections(
    merge: Iterable[str] = (),
    split: Iterable[str] = (),
    swap: Iterable[str] = (),
    delete: Iterable[str] = (),
    name: Iterable[str] = (),
) -> list[changes.Correction]:
    """Corrections as the command line writes them.

    All of them name the ids of the file that is edited: splits come first, then swaps,
    deletions, merges and names.

    Args:
        merge: `3,7` or more ids: all become 3.
        split: `4@300`: a new id from frame 300 on.
        swap: `2,5@120`: exchanged from frame 120 on.
        delete: `9`.
        name: `3=Anna`.

    Raises:
        FormatError: If one cannot be read.

    Examples:
        >>> parse_corrections(merge=["3,7"], swap=["2,5@120"])
        [Swap(track=2, other=5, frame=120), Merge(track=3, others=(7,))]
    """
    made: list[changes.Correction] = []
    for text in split:
        ids, frame = _at(text, "--split", "4@300", 1)
        made.append(changes.Split(ids[0], frame))
    for text in swap:
        ids, frame = _at(text, "--swap", "2,5@120", 2)
        made.append(changes.Swap(ids[0], ids[1], frame))
    made += [changes.Delete(_ids(text, "--delete", "9", text, 1)[0]) for text in delete]
    for text in merge:
        first, *others = _ids(text, "--merge", "3,7", text)
        made.append(changes.Merge(first, tuple(others)))
    for text in name:
        track, equals, called = text.partition("=")
        if not equals:
            raise _unreadable("--name", "3=Anna", text)
        made.append(changes.Name(_ids(track, "--name", "3=Anna", text, 1)[0], called))
    return made


def _at(text: str, option: str, example: str, count: int) -> tuple[Sequence[int], int]:
    before, sign, frame = text.partition("@")
    if not sign or not _is_number(frame):
        raise _unreadable(option, example, text)
    return _ids(before, option, example, text, count), int(frame)


def _ids(
    part: str, option: str, example: str, text: str, count: int | None = None
) -> list[int]:
    pieces = [piece.strip() for piece in part.split(",")]
    if not all(map(_is_number, pieces)) or (count and len(pieces) != count):
        raise _unreadable(option, example, text)
    return [int(piece) for piece in pieces]


def _is_number(text: str) -> bool:
    text = text.strip()
    return text.isascii() and text.isdigit() and len(text) <= 18


def _unreadable(option: str, example: str, text: str) -> FormatError:
    return FormatError(f"{option}: expected such as {example}, got {text!r}")

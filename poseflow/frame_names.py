"""Names of frames, the frame index that a name means, and natural sort order."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_DIGITS = re.compile(r"(\d+)", re.ASCII)
LONGEST_GAP = 1000
"""Most frames in a row that a file may leave out and that count as empty frames; a
longer gap is taken for another way to number frames."""

_LONGEST = 18
"""More digits than that are no frame number (and would not fit 64 bits)."""


def frame_name(index: int) -> str:
    """Name of a video's frame in results: zero-padded, with .jpg.

    Examples:
        >>> frame_name(41)
        '000041.jpg'
    """
    return f"{index:06d}.jpg"


def text_of(name: str) -> str:
    r"""A file's name as text that JSON can hold.

    Bytes that are no UTF-8 come out as `\xe9`, so that different names stay different.

    Examples:
        >>> import os
        >>> print(text_of(os.fsdecode(b"caf\xe9.jpg")), text_of("café.jpg"))
        caf\xe9.jpg café.jpg
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def file_name(text: str) -> str:
    """A name that a file has in UTF-8, as this system's locale writes it.

    The reverse of `text_of`: in a locale of ASCII, other letters are bytes.
    """
    return os.fsdecode(text.encode("utf-8", "surrogateescape"))


def without_suffix(name: str, *suffixes: str) -> str:
    """The name without these suffixes, one after the other, in any case.

    Examples:
        >>> without_suffix("Walk.JSON.gz", ".gz", ".json")
        'Walk'
    """
    for suffix in suffixes:
        if name.lower().endswith(suffix):
            name = name[: -len(suffix)]
    return name


IMAGE_SUFFIXES = frozenset(
    [
        *(".bmp", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm"),
        *(".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"),
    ]
)


def name_tails(name: str) -> list[str]:
    """The name without its image suffix, then without one folder after the other.

    Examples:
        >>> name_tails("data/seq/IMG_1.JPG")
        ['data/seq/IMG_1', 'seq/IMG_1', 'IMG_1']
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.suffix.lower() in IMAGE_SUFFIXES:
        path = path.with_suffix("")
    parts = [part for part in path.parts if part not in ("/", ".", "..")] or [""]
    return ["/".join(parts[k:]) for k in range(len(parts))]


def frame_number(name: str) -> int | None:
    """The number that a name consists of, or None if it is a name of another kind.

    Examples:
        >>> frame_number("000041.jpg"), frame_number("41"), frame_number("img41.jpg")
        (41, 41, None)
    """
    stem = PurePosixPath(name.replace("\\", "/")).stem
    if stem.isascii() and stem.isdigit() and len(stem) <= _LONGEST:
        return int(stem)
    return None


_NUMBERED = re.compile(r"(.*)_(\d{12})", re.ASCII | re.DOTALL)


def numbered_name(stem: str) -> tuple[str, int] | None:
    """Prefix and number of a name as OpenPose gives it to a video's frames, or None.

    Examples:
        >>> numbered_name("street_000000000041"), numbered_name("street_41")
        (('street', 41), None)
    """
    found = _NUMBERED.fullmatch(stem)
    return None if found is None else (found[1], int(found[2]))


def natural_key(name: str) -> tuple[tuple[int, int, str, str], ...]:
    """Sort key under which `img2` comes before `img10`; the order of image folders.

    Case counts only between names that are otherwise equal.

    Examples:
        >>> sorted(["img10.jpg", "img2.jpg", "IMG1.jpg"], key=natural_key)
        ['IMG1.jpg', 'img2.jpg', 'img10.jpg']
    """
    key = []
    for k, part in enumerate(_DIGITS.split(name)):
        digits = part.lstrip("0")
        # By length and digits: int() refuses numbers of thousands of digits.
        number = (0, len(digits), digits, part)
        key.append(number if k % 2 else (1, 0, part.casefold(), ""))
    return (*key, (2, 0, name, ""))


def frame_indices(names: Iterable[str]) -> dict[str, int]:
    """Frame index of every name.

    Where all names are numbers, padded or not, that number; `0.jpg` and `000000.jpg`
    are one frame. Otherwise (or where a number alone does not say which frame, as with
    several folders) the position in natural order.

    Returns:
        Index of every name, in the order of the names given.

    Examples:
        >>> frame_indices(["7.jpg", "000002.jpg"])
        {'7.jpg': 7, '000002.jpg': 2}
        >>> frame_indices(["b2.png", "b10.png"])
        {'b2.png': 0, 'b10.png': 1}
        >>> frame_indices(["b10.png", "b2.png"])
        {'b10.png': 1, 'b2.png': 0}
    """
    unique = list(dict.fromkeys(names))
    known = [n for name in unique if (n := frame_number(name)) is not None]
    if len(known) == len(unique):
        paths = [PurePosixPath(name.replace("\\", "/")) for name in unique]
        one_kind = len({(path.parent, path.suffix) for path in paths}) <= 1
        if one_kind or len(set(known)) == len(known):
            return dict(zip(unique, known, strict=True))
    ordered = sorted(unique, key=natural_key)
    position = {name: place for place, name in enumerate(ordered)}
    return {name: position[name] for name in unique}

"""Which files of MOTChallenge text are a sequence's ground truth and its result."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from poseflow.errors import FormatError
from poseflow.formats.mot import sequence_name

Missing = Literal["error", "empty"]
"""What a sequence without a result is: an error, or one without predictions."""


def paired_files(
    truth: Path, result: Path, missing: Missing
) -> list[tuple[Path, Path | None]]:
    """Every sequence's ground truth with its result, None where that is missing.

    Raises:
        FormatError: If there is no ground truth, or a result is missing and `missing`
            is not `"empty"`.
    """
    files = _truth_files(truth)
    if not result.is_dir():
        if len(files) > 1:
            raise FormatError(
                f"{result}: expected a folder with a file for each of the "
                f"{len(files)} sequences of {truth}"
            )
        return [(files[0], result)]
    pairs: list[tuple[Path, Path | None]] = []
    for file in files:
        name = sequence_name(file)
        places = [f"{name}.txt", f"data/{name}.txt", f"{name}/{name}.txt"]
        places += [f"{name}/gt/gt.txt", f"{name}/det/det.txt"]
        if len(files) == 1:
            places += [file.name, "gt/gt.txt", "det/det.txt"]
        found = [result / place for place in places if (result / place).is_file()]
        pairs.append((file, found[0] if found else None))
    used = {other for _, other in pairs}
    lacking = [sequence_name(file) for file, other in pairs if other is None]
    folders = [result, result / "data"]
    unknown = sorted(
        {
            file.name
            for folder in folders
            for file in folder.glob("[!.]*.txt")
            if file not in used
        }
    )
    if lacking and missing != "empty":
        found_text = _shorten(unknown) if unknown else "no other .txt file"
        raise FormatError(
            f"{result}: no result for {len(lacking)} of {len(pairs)} sequences, "
            f"{_shorten(lacking)}: expected {lacking[0]}.txt, found {found_text}; name "
            "the files like the sequences, or score them as empty with --missing empty "
            '(missing="empty")'
        )
    if unknown:
        warnings.warn(
            f"{result}: {', '.join(unknown)}: no such file among the ground "
            f"truth in {truth}; not scored",
            stacklevel=3,
        )
    return pairs


def _truth_files(truth: Path) -> list[Path]:
    """The ground truth of every sequence in a file, a folder or MOTChallenge's layout.

    Raises:
        FormatError: If a folder has none.
    """
    if not truth.is_dir():
        return [truth]
    own = truth / "gt" / "gt.txt"
    if own.is_file():
        return [own]
    files = sorted(truth.glob("*/gt/gt.txt")) or sorted(truth.glob("[!.]*.txt"))
    if not files:
        raise FormatError(
            f"{truth}: holds no .txt file; expected NAME.txt or NAME/gt/gt.txt for "
            "each sequence"
        )
    return files


def _shorten(names: Sequence[str], most: int = 3) -> str:
    more = f", ... {len(names)} in all" if len(names) > most else ""
    return ", ".join(names[:most]) + more

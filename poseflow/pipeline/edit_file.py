"""Correct the tracks of a result file: `edit_file`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from poseflow import edit
from poseflow.edit.corrections import check_fingerprint, read_corrections
from poseflow.formats import Format, check_writable, protect_inputs, read, write
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import PathLike, explain


@dataclass(frozen=True)
class Edited:
    """Summary of `edit_file`.

    Attributes:
        path: The file written.
        corrections: How many corrections were made.
        tracks_before: Number of ids before.
        tracks_after: Number of ids now.
        backup: Copy of the input that was replaced, if it was.
    """

    path: str
    corrections: int
    tracks_before: int
    tracks_after: int
    backup: Path | None


def edit_file(
    result: PathLike,
    output: PathLike,
    corrections: Sequence[edit.Correction] = (),
    *,
    file: PathLike | None = None,
    format: str | Format | None = None,
    in_place: bool = False,
    skeleton: Skeleton | PathLike | None = None,
) -> Edited:
    """Correct the tracks of a result file.

    Args:
        result: The file.
        output: File to write; must not be one of the inputs, unless `in_place` is set.
        corrections: Made after those of `file`.
        file: A file of corrections; it must be for this result.
        format: Of the output; None goes by its suffix.
        in_place: Replace `result`, after a copy was made beside it.
        skeleton: The joints, where the file does not say; see `poseflow.read`.

    Raises:
        PoseFlowError: If a file cannot be read or written, or a correction cannot be
            made. Every file is then as it was.
    """
    with protect_inputs(corrections=file, result=None if in_place else result):
        check_writable(output)
    sequence = read(result, skeleton=skeleton)
    before = len(sequence.track_ids)
    made = len(corrections)
    if file is not None:
        found = read_corrections(file)
        check_fingerprint(found, edit.fingerprint(sequence), os.fspath(file))
        sequence = edit.apply(
            sequence, found.corrections, f"{os.fspath(file)}: correction"
        )
        made += len(found.corrections)
    sequence = edit.apply(sequence, corrections)
    backup = _back_up(Path(result)) if in_place else None
    write(sequence, output, format)
    after = len(sequence.track_ids)
    return Edited(os.fspath(output), made, before, after, backup)


def _back_up(path: Path) -> Path:
    """Copy a file beside itself, under a name that is free."""
    number = 1
    while True:
        copy = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        try:
            with path.open("rb") as source, copy.open("xb") as target:
                shutil.copyfileobj(source, target)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise explain(error, copy) from error
        else:
            return copy

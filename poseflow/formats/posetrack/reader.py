"""Reader of PoseTrack files of any year into `Annotations`."""

from __future__ import annotations

from pathlib import Path

from poseflow.formats.posetrack.annotations import Annotations, Problem
from poseflow.formats.posetrack.posetrack17 import annotations17
from poseflow.formats.posetrack.posetrack18 import annotations18
from poseflow.formats.posetrack.records import (
    Document,
    decode,
    decode_repaired,
    paused_gc,
)
from poseflow.formats.posetrack.submission import (
    SequenceFile,
    find_sequence_files,
    sequence_name,
)


def parse_annotations(
    data: bytes, name: str = "", label: str = "<bytes>", *, video: str | None = None
) -> Annotations:
    """One sequence from the content of its file.

    Args:
        data: JSON text.
        name: Name of the sequence.
        label: Name of the file in messages.
        video: Name of the video to read, of a file with several.

    Raises:
        FormatError: If the text is not JSON, not a PoseTrack file, or holds the frames
            of several videos and none is chosen. Damage inside goes into
            `Annotations.problems` instead.

    Examples:
        >>> parse_annotations(b'{"annolist": [{"annorect": []}]}', "seq")
        <Annotations 'seq': 1 frames, 0 poses, 0 regions, posetrack17>
    """
    with paused_gc():
        # The records are freed in there: the collector does not traverse them.
        return _annotations(data, name, label, video)


def _annotations(data: bytes, name: str, label: str, video: str | None) -> Annotations:
    problems: list[Problem] = []
    try:
        document = decode(data, label, problems)
        return _columns(document, name, label, problems, video)
    except OverflowError:
        problems = []
        document = decode_repaired(data, label, problems)
        return _columns(document, name, label, problems, video)


def _columns(
    document: Document,
    name: str,
    label: str,
    problems: list[Problem],
    video: str | None,
) -> Annotations:
    if document.annolist is not None:
        return annotations17(
            document.annolist, name, label, problems, document.poseflow, video
        )
    return annotations18(document, name, label, problems, video)


def read_annotations(
    file: SequenceFile | str | Path, *, video: str | None = None
) -> Annotations:
    """One sequence from its file: PoseTrack17, 18 or 21, `.json` or `.json.gz`.

    Args:
        file: The file.
        video: Name of the video to read, of a file with several.

    Raises:
        FormatError: As `parse_annotations`, and if the file cannot be read.
    """
    if not isinstance(file, SequenceFile):
        path = Path(file)
        file = SequenceFile(sequence_name(path.name), path)
    return parse_annotations(file.read_bytes(), file.name, file.label, video=video)


def read_posetrack(path: str | Path) -> dict[str, Annotations]:
    """All sequences of a folder, a zip archive or a single file, by name, sorted.

    Raises:
        FormatError: If the path holds no sequence file, or one cannot be read.
    """
    return {file.name: read_annotations(file) for file in find_sequence_files(path)}

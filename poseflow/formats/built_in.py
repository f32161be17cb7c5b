"""The formats of poseflow by name, in the order in which a file is compared with them.

Imported when a format is asked for (`poseflow.formats.base.FORMATS`); scoring of
PoseTrack's files needs none.
"""

from __future__ import annotations

from poseflow.formats.alphapose import FORMATS as ALPHAPOSE_FORMATS
from poseflow.formats.base import Format
from poseflow.formats.external import FORMATS as EXTERNAL_FORMATS
from poseflow.formats.journal import JournalFormat
from poseflow.formats.posetrack.writer import FORMATS as POSETRACK_FORMATS
from poseflow.formats.tables.formats import FORMATS as TABLE_FORMATS

ENTRIES: dict[str, Format] = {
    entry.name: entry
    for entry in (
        *ALPHAPOSE_FORMATS,
        *TABLE_FORMATS,
        *POSETRACK_FORMATS,
        *EXTERNAL_FORMATS,
        JournalFormat(),
    )
}

"""Parquet: one long table, a row a joint, through pyarrow (extra `parquet`)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from poseflow.columns import Columns, long_table
from poseflow.errors import FormatError, MissingExtraError
from poseflow.formats.base import Encoder, Hints
from poseflow.formats.frame_builder import Problems
from poseflow.formats.json.numbers import shortest
from poseflow.formats.metadata import metadata
from poseflow.formats.tables.data_frame import (
    TEXT_COLUMNS,
    TableRows,
    number_columns,
    sequence_of_rows,
)
from poseflow.formats.tables.npz import ArraysEncoder
from poseflow.safety.limits import MB, most_expanded
from poseflow.sequence import PoseSequence
from poseflow.skeletons import get
from poseflow.storage.atomic import explain

if TYPE_CHECKING:
    import pandas as pd

_MAGIC = b"PAR1"
MAX_ROWS = 200_000_000
"""Limit against files that claim more rows than a result has."""

_METADATA = b"poseflow"
_VIDEO = "video"
"""The column with the name of the sequence, for files that are read together."""


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet", "the format parquet") from error
    return pyarrow


class ParquetEncoder(ArraysEncoder):
    """Keeps the frames' arrays, and writes the table at the end."""

    def __init__(self, hints: Hints) -> None:
        super().__init__(hints)
        self._pyarrow = _pyarrow()

    def end(self) -> bytes:
        """The table."""
        pa = self._pyarrow
        skeleton = self._hints.skeleton or get("coco17")
        if self._frames:
            skeleton = self._frames[0].poses.skeleton
        sequence = PoseSequence(tuple(self._frames), skeleton)
        table = table_with_empty_frames(sequence)
        video = np.full(len(table["frame"]), self._hints.name or "", dtype=object)
        arrays, names = [], []
        for name, column in {_VIDEO: video, **table}.items():
            array = pa.array(column, from_pandas=True)
            if column.dtype == object:
                array = array.cast(pa.string()).dictionary_encode()
            arrays.append(array)
            names.append(name)
        known = msgspec.json.encode(metadata(skeleton, self._hints))
        made = pa.table(arrays, names=names).replace_schema_metadata({_METADATA: known})
        file = io.BytesIO()
        pa.parquet.write_table(made, file)
        return file.getvalue()


def table_with_empty_frames(sequence: PoseSequence) -> Columns:
    """The long table, with a row for each frame without people.

    There `person` and `id` are -1, `joint` is None and the numbers are NaN.
    """
    columns = sequence.columns
    table = long_table(columns)
    empty = np.setdiff1d(np.arange(len(columns.indices)), columns.rows)
    if not len(empty):
        return table
    joints = len(sequence.skeleton)
    place = np.concatenate([np.repeat(columns.rows, joints), empty])
    order = np.argsort(place, kind="stable")
    names = np.array(list(columns.names), dtype=object)
    more: Columns = {
        "frame": columns.indices[empty],
        "time": columns.times[empty],
        "name": names[empty],
        "person": np.full(len(empty), -1),
        "id": np.full(len(empty), -1),
        "interpolated": np.zeros(len(empty), np.bool_),
        "joint": np.full(len(empty), None, dtype=object),
    }
    nothing = np.full(len(empty), np.nan, np.float32)
    return {
        name: np.concatenate([column, more.get(name, nothing)])[order]
        for name, column in table.items()
    }


class ParquetFormat:
    """One long table of Apache Parquet."""

    name = "parquet"
    summary = "Parquet, one row a joint (extra parquet)"
    suffixes = (".parquet",)
    lacks = ("hidden joints",)
    several_videos = True
    batch_subfolder = "poses"  # the files of a batch are one dataset

    def sniff(self, path: Path, head: bytes) -> bool:
        """By the first four bytes."""
        return head.startswith(_MAGIC)

    def read(self, path: Path, hints: Hints) -> PoseSequence:
        """See `poseflow.formats.base.Format.read`; wide tables are read as well."""
        pa = _pyarrow()
        try:
            table, known = _data_frame(path, hints.video)
        except (pa.ArrowException, UnicodeDecodeError) as error:  # within a column
            text = " ".join(str(error).split())[:200]
            raise FormatError(f"{path}: damaged Parquet file ({text})") from error
        places = np.arange(len(table)) + 1
        problems = Problems(path, "rows")
        rows = TableRows(table, places, "row", path, problems, known)
        return sequence_of_rows(rows, hints)

    def encoder(self, hints: Hints) -> Encoder:
        """See `poseflow.formats.base.Format.encoder`."""
        return ParquetEncoder(hints)


def _data_frame(path: Path, video: str | None) -> tuple[pd.DataFrame, bytes | None]:
    """The columns that are read, and the metadata."""
    import pandas as pd

    pa = _pyarrow()
    try:
        with pa.parquet.ParquetFile(path) as file:
            rows = file.metadata.num_rows
            if rows > MAX_ROWS:
                raise FormatError(
                    f"{path}: expected at most {MAX_ROWS} rows, found {rows}"
                )
            columns = file.schema_arrow.names
            numbers = number_columns(columns, str(path))
            texts = [column for column in columns if column in TEXT_COLUMNS]
            videos = [column for column in columns if column == _VIDEO]
            columns = [*numbers, *texts, *videos]
            claimed = rows * len(columns) * 8
            if claimed > (most := most_expanded(path.stat().st_size)):
                raise FormatError(
                    f"{path}: its {rows} rows claim {claimed // MB} MB, expected at "
                    f"most {most // MB} MB of a file of this size"
                )
            table = file.read(columns=columns)
            known = (file.schema_arrow.metadata or {}).get(_METADATA)
    except FormatError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise explain(error, path, "read") from error
        text = " ".join(str(error).split())[:200]
        raise FormatError(f"{path}: damaged Parquet file ({text})") from error
    if videos:
        found = table.column(_VIDEO).unique().to_pylist()
        if len(found) > 1 if video is None else video not in found:
            wanted = "one video" if video is None else f"video {video!r}"
            raise FormatError(
                f"{path}: expected the rows of {wanted}, found those of {len(found)} "
                f"({', '.join(map(repr, found[:3]))}, ...); write one file for each "
                "(poseflow convert FILE OUT --video NAME), or read one with "
                "video='NAME'"
            )
        if video is not None:
            same = pa.compute.equal(table.column(_VIDEO).cast(pa.string()), video)
            table = table.filter(same)
    frame: dict[str, Any] = {}
    for name in numbers:
        column = table.column(name)
        kind = column.type
        good = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        good = good or (pa.types.is_boolean(kind) and name == "interpolated")
        if not good:
            raise FormatError(f"{path}: column {name}: expected numbers, found {kind}")
        values = column.to_numpy()
        if not (name == "id" and values.dtype.kind in "iu"):
            single = values.dtype == np.float32
            values = shortest(values) if single else values.astype(np.float64)
        frame[name] = values
    for name in texts:
        column = table.column(name)
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        series = column.to_pandas()
        frame[name] = series.astype("category")
    return pd.DataFrame(frame, copy=False), known

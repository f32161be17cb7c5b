"""Manifests: many sources with options of their own, in CSV or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.input_file import read_text
from poseflow.pipeline.options import TrackOptions
from poseflow.storage.atomic import PathLike


@dataclass(frozen=True)
class Row:
    """A source of a batch.

    Attributes:
        source: As `poseflow track` takes it.
        options: How it is tracked.
        name: Name of its result, without suffix; default by the source.
    """

    source: str
    options: TrackOptions
    name: str | None = None


_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Fields(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    source: _Text
    name: _Text | None = None
    estimator: _Text | None = None
    weights: _Text | None = None
    quality: _Text | None = None
    detector: _Text | None = None
    detector_weights: _Text | None = None
    detect_every: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tracker: _Text | None = None
    matcher: Literal["orb", "flow", "none"] | None = None
    format: _Text | None = None
    render: bool | None = None


def read_manifest(path: PathLike, options: TrackOptions) -> list[Row]:
    """The sources that a manifest lists, with their options.

    Args:
        path: A CSV file whose first line names the columns, or JSON Lines with an
            object a line, told by the content. `source` is required; `name`,
            `estimator`, `weights`, `quality`, `detector`, `detector_weights`,
            `detect_every`, `tracker`, `matcher`, `format` and `render` stand for the
            options of `poseflow batch`. Empty cells count as left out.
        options: Those that the manifest does not say.

    Raises:
        FormatError: If it cannot be read, or a row is no source with known options; the
            message names the line.
    """
    try:
        text = read_text(path, empty=True).decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: expected text in UTF-8 or UTF-16") from error
    reader = _json_lines if text.lstrip().startswith("{") else _csv_rows
    rows = []
    try:
        for line, values in reader(text):
            place = f"{path}, line {line}"
            rows.append(_row(values, options, place))
    except csv.Error as error:
        raise FormatError(f"{path}: not a CSV file: {error}") from error
    if not rows:
        raise FormatError(f"{path}: expected at least one source, found none")
    return rows


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, error


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = [name.strip().lower().replace("-", "_") for name in next(rows, [])]
    if "source" not in header:
        yield 1, ValueError("expected a column source in the first line")
        return
    if len(set(header)) < len(header):
        yield 1, ValueError("expected every column once")
        return
    for cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            yield (
                rows.line_num,
                ValueError(f"expected {len(header)} cells, found {len(cells)}"),
            )
            return
        pairs = zip(header, cells, strict=False)
        values = {name: cell.strip() for name, cell in pairs if cell.strip()}
        yield rows.line_num, values


def _row(values: Any, options: TrackOptions, place: str) -> Row:
    if isinstance(values, Exception):
        raise FormatError(f"{place}: {values}") from values
    try:
        found = msgspec.convert(values, _Fields, strict=False)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise FormatError(f"{place}: {error}") from error
    given = msgspec.to_builtins(found)
    source, name = given.pop("source"), given.pop("name", None)
    if name is not None and (Path(name).name != name or name.startswith(".")):
        raise FormatError(
            f"{place}: name: expected the name of a file without folders, found "
            f"{name!r}"
        )
    if "matcher" in given:
        matcher = given.pop("matcher")
        given["tracker_options"] = {**options.tracker_options, "matcher": matcher}
    try:
        return Row(source, replace(options, **given), name)
    except PoseFlowError as error:
        raise FormatError(f"{place}: {error}") from error

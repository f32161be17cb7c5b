"""Tables that pandas wrote as HDF5, read without running what their pickles ask for.

pandas and PyTables unpickle attributes of a file as they open it, and a pickle can run
any code. Here h5py reads the numbers, and of pickles only lists, tuples, dictionaries,
text and numbers: one that names a function or class is refused. Source: pandas 2.2,
`pandas/io/pytables.py` (layouts `table` and `fixed`).
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from poseflow.errors import MissingExtraError

Labels = list[tuple[str, ...]]


class _Plain(pickle._Unpickler):  # the one in C reserves memory as the file asks
    """Reads a pickle of plain values; it has no access to functions and classes."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"a pickle that asks for {module}.{name}, which is not loaded")

    def persistent_load(self, pid: Any) -> Any:
        raise ValueError("a pickle that refers to other objects")


def read_pandas_hdf5(path: Path) -> Any:
    """The only table of a file as a `DataFrame`, with its levels of columns.

    Raises:
        MissingExtraError: If h5py is missing.
        Exception: Of many kinds, if the file is damaged or holds something else.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "formats", f"{path}: HDF5") from error
    import pandas

    with h5py.File(path, "r") as file:
        groups = [g for g in file.values() if "pandas_type" in g.attrs]
        if len(groups) != 1:
            raise ValueError(f"expected one table of pandas, found {len(groups)}")
        read = _table if "table" in groups[0] else _fixed
        rows, columns, names, values = read(groups[0])
    table = pandas.DataFrame(values, rows)
    table.columns = pandas.MultiIndex.from_tuples(columns, names=names)
    return table


def _table(group: Any) -> tuple[Any, Labels, list[str], Any]:
    """Layout `table`: one record a row, with the numbers in blocks."""
    table = group["table"]
    records = table[()]
    fields = records.dtype.names
    info = _unpickled(group.attrs["info"])
    blocks = [name for name in fields if name.startswith("values_block_")]
    labels: Labels = []
    for name in blocks:
        labels += [tuple(map(str, c)) for c in _unpickled(table.attrs[f"{name}_kind"])]
    values = [
        np.asarray(records[b], np.float64).reshape(len(records), -1) for b in blocks
    ]
    rows = _plain(records["index"].ravel())
    names = [str(name) for name in info[1]["names"]]
    return rows, labels, names, np.concatenate(values, axis=1)


def _fixed(group: Any) -> tuple[Any, Labels, list[str], Any]:
    """Layout `fixed`: an array for each axis, level and block of numbers."""
    columns, names = _axis(group, "axis0")
    rows, _ = _axis(group, "axis1")
    number = {label: k for k, label in enumerate(columns)}
    values = np.full((len(rows), len(columns)), np.nan)
    for k in range(int(group.attrs["nblocks"])):
        items, _ = _axis(group, f"block{k}_items")
        block = np.asarray(group[f"block{k}_values"][()], np.float64)
        values[:, [number[label] for label in items]] = block
    index = [row[0] for row in rows] if rows and len(rows[0]) == 1 else None
    return (
        ["/".join(map(str, row)) for row in rows] if index is None else index,
        [tuple(map(str, label)) for label in columns],
        names,
        values,
    )


def _axis(group: Any, name: str) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Labels of an axis, and the names of its levels."""
    if _text(group.attrs[f"{name}_variety"]) != "multi":
        return [(label,) for label in _plain(group[name][()])], []
    parts, names = [], []
    for level in range(int(group.attrs[f"{name}_nlevels"])):
        stored = group[f"{name}_level{level}"]
        known = np.array(_plain(stored[()]), object)
        parts.append(known[group[f"{name}_label{level}"][()]].tolist())
        names.append(_text(stored.attrs["name"]))
    return list(zip(*parts, strict=True)), names


def _plain(array: Any) -> list[Any]:
    """Labels as numbers or text."""
    return [_text(c) if isinstance(c, bytes) else c for c in np.asarray(array).tolist()]


def _text(cell: Any) -> str:
    return cell.decode() if isinstance(cell, bytes) else str(cell)


def _unpickled(attribute: bytes) -> Any:
    return _Plain(io.BytesIO(bytes(attribute))).load()

"""Damage to valid files: of their bytes, and of the structure that they hold."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import yaml

Damage = Callable[[bytes, random.Random], bytes]

ODD = (
    *(0, -1, 1, 2**31, 2**63, 2**64, 10**30, 1e308, -1e308, 0.1, True, False, None),
    *("", "0", "nan", "\ud800", "a" * 3000, "\x00", "../../x", "1e999", "\x1b[31m"),
    *([], {}, [[]], {"": None}, [None] * 3, float("nan"), float("inf"), b"\xff\x00"),
)
"""Values put in the place of others."""

PIECES = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"[", b"]", b"{", b"}", b'"', b"\\u"),
    *(b",", b"NaN", b"1e999", b"-", b"\r", b"\n\n", b"9" * 400, b"[" * 3000),
    b"\xed\xa0\x80",
)
"""Bytes put between others."""

CELLS = (
    *("", "0", "-1", "nan", "inf", "1e999", "9" * 400, "9" * 5000, "x", "\x00"),
    *("2001-99-99", "2001-13-01T00:00:00Z", "!!int x", "!!binary '*'", "!!float y"),
    *("&a [*a]", "*b", "0x", "1_0", "1:60", '"\\ud800"', "'", '"', "{", "[[", "<<: 1"),
    *("null", "~", "true", "../../x", "\x1b[2J", "[red]", "NaN", "1" * 30, "-0"),
)
"""Text put in the place of a cell or scalar."""


def damage_bytes(data: bytes, rng: random.Random) -> bytes:
    """Change, remove, repeat or insert some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(changed) + 1)
        end = min(len(changed), at + rng.choice((1, 1, 4, 64, 4096)))
        kind = rng.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[at:end]
        elif kind == 2:
            changed[at:at] = changed[at:end]
        elif kind == 3:
            changed[at:at] = rng.choice(PIECES)
        else:
            del changed[rng.randrange(len(changed) + 1) :]
    return bytes(changed)


def or_bytes(damage: Damage) -> Damage:
    """Damage of structure half of the time, and where it fails, that of bytes."""

    def either(data: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.5:
            return damage_bytes(data, rng)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return damage(data, rng)
        except Exception:
            return damage_bytes(data, rng)

    return either


def damage_value(value: Any, rng: random.Random) -> Any:
    """Change one value of nested lists and dictionaries, somewhere."""
    if rng.random() < 0.08 or not isinstance(value, list | dict) or not value:
        return rng.choice(ODD)
    if isinstance(value, list):
        k = rng.randrange(len(value))
        kind = rng.randrange(6)
        if kind == 0:
            return value[:k] + value[k + 1 :]
        if kind == 1:
            return [*value[:k], value[k], value[k], *value[k + 1 :]]
        return [*value[:k], damage_value(value[k], rng), *value[k + 1 :]]
    key = rng.choice(list(value))
    kind = rng.randrange(6)
    if kind == 0:
        return {k: v for k, v in value.items() if k != key}
    if kind == 1:
        return {str(rng.choice(ODD))[:50]: value[key], **value}
    return {**value, key: damage_value(value[key], rng)}


def damage_values(value: Any, rng: random.Random) -> Any:
    """Change a few values."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = damage_value(value, rng)
    return value


@or_bytes
def damage_json(data: bytes, rng: random.Random) -> bytes:
    """Change the structure of a JSON text."""
    value = damage_values(json.loads(data), rng)
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5, default=repr)
    return text.encode("utf-8", "surrogatepass")


@or_bytes
def damage_json_lines(data: bytes, rng: random.Random) -> bytes:
    """Change the structure of some lines of JSON."""
    lines = data.splitlines()
    for _ in range(rng.choice((1, 1, 3))):
        k = rng.randrange(len(lines))
        value = damage_values(json.loads(lines[k]), rng)
        lines[k] = json.dumps(value, default=repr).encode()
    return b"\n".join(lines)


@or_bytes
def damage_yaml(data: bytes, rng: random.Random) -> bytes:
    """Change the structure of a YAML text, or a scalar in its text."""
    if rng.random() < 0.5:
        return damage_text(data, rng)
    value = damage_values(yaml.safe_load(data), rng)
    return yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "surrogatepass")


@or_bytes
def damage_text(data: bytes, rng: random.Random) -> bytes:
    """Change cells or lines of a text of tables, keys and values."""
    lines = data.decode("utf-8", "replace").split("\n")
    for _ in range(rng.choice((1, 1, 2, 5))):
        k = rng.randrange(len(lines))
        kind = rng.randrange(8)
        if kind == 0:
            del lines[k]
        elif kind == 1:
            lines.insert(k, lines[rng.randrange(len(lines))])
        elif kind == 2:
            lines[k] = lines[k].replace(",", rng.choice(";\t "))
        else:
            cells = re.split(r"([,;:\t =]+)", lines[k])
            at = rng.randrange((len(cells) + 1) // 2) * 2
            cells[at] = rng.choice(CELLS)
            lines[k] = "".join(cells)
        if not lines:
            return b""
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _members(data: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return out.getvalue()


def in_zip(damage: Damage) -> Damage:
    """Damage of one member of an archive."""

    @or_bytes
    def damage_zip(data: bytes, rng: random.Random) -> bytes:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            chosen = rng.choice(archive.namelist())
        return _members(
            data, lambda name, part: damage(part, rng) if name == chosen else part
        )

    return damage_zip


def damage_array(array: Any, rng: random.Random) -> Any:
    """Another shape, type or values of an array."""
    array = np.asarray(array)
    kind = rng.randrange(8)
    if kind == 0:
        return array[..., None] if rng.random() < 0.5 else array.reshape(-1)
    if kind == 1:
        return array[: rng.randrange(len(array) + 1)] if array.ndim else array[None]
    if kind == 2:
        types = ("<i8", "<f2", "<f8", "|S3", "<U4", "|b1", "<c8", "<M8[s]", "|u1")
        return array.astype(rng.choice(types))
    if kind == 3:
        odd = (np.nan, np.inf, -1, 2**31, 1e300, 2**63 - 1, "\x1b[31m", "")
        return np.full(array.shape, rng.choice(odd))
    if kind == 4:
        return np.array(rng.choice((0, 1.5, "x", b"{}", b"\xff", True)))
    if kind == 5:
        return np.zeros((0, *array.shape))
    if kind == 6:
        return np.concatenate([array, array]) if array.ndim else array
    flat = array.copy().reshape(-1)
    if flat.size:
        flat[rng.randrange(flat.size)] = flat.dtype.type(rng.choice((0, -1, 2**30)))
    return flat.reshape(array.shape)


@or_bytes
def damage_npz(data: bytes, rng: random.Random) -> bytes:
    """Change an array of an .npz file, or the bytes of a member."""
    if rng.random() < 0.5:
        return in_zip(damage_bytes)(data, rng)
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = dict(archive)
    for _ in range(rng.choice((1, 1, 2))):
        name = rng.choice(list(arrays))
        kind = rng.randrange(5)
        if kind == 0:
            del arrays[name]
        elif kind == 1:
            arrays[rng.choice(("x", "\udc80", "../y"))] = arrays[name]
        else:
            arrays[name] = damage_array(arrays[name], rng)
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


@or_bytes
def damage_parquet(data: bytes, rng: random.Random) -> bytes:
    """Change columns or metadata of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(data))
    for _ in range(rng.choice((1, 1, 2))):
        k = rng.randrange(table.num_columns)
        field, column = table.schema.field(k), table.column(k)
        kind = rng.randrange(8)
        if kind == 0:
            table = table.remove_column(k)
        elif kind == 1:
            table = table.append_column(field, column)
        elif kind == 2:
            table = table.set_column(k, field.name, column.cast(pa.string()))
        elif kind == 3:
            table = table.set_column(k, field.name, pa.nulls(len(table)))
        elif kind == 4:
            odd = rng.choice((-1, 2**62, 1e300, float("nan"), "\x1b[31m", b"\xff", [1]))
            table = table.set_column(k, field.name, pa.array([odd] * len(table)))
        elif kind == 5:
            table = pa.concat_tables([table, table]) if len(table) < 200 else table
        elif kind == 6:
            table = table.slice(0, rng.randrange(len(table) + 1))
        else:
            known = dict(table.schema.metadata or {b"a": b"b"})
            key = rng.choice(list(known))
            known[key] = damage_json(known[key], rng)
            table = table.replace_schema_metadata(known)
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


@or_bytes
def damage_journal(data: bytes, rng: random.Random) -> bytes:
    """Change a record of a journal, whose checksum stays right."""
    end = data.index(b"\n") + 1
    parts, at = [data[:end]], end
    while at < len(data):
        length, _ = struct.unpack_from("<II", data, at)
        parts.append(data[at + 8 : at + 8 + length])
        at += 8 + length
    k = rng.randrange(1, len(parts))
    value = damage_values(msgspec.msgpack.decode(parts[k]), rng)
    parts[k] = msgspec.msgpack.encode(value)
    return parts[0] + b"".join(
        struct.pack("<II", len(part), zlib.crc32(part)) + part for part in parts[1:]
    )


@or_bytes
def damage_hdf5(data: bytes, rng: random.Random) -> bytes:
    """Change a data set or an attribute of an HDF5 file."""
    import h5py

    out = io.BytesIO(data)
    with h5py.File(out, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = rng.choice(names)
        item = file[name]
        kind = rng.randrange(4)
        if kind == 0:
            del file[name]
        elif kind == 1 and item.attrs:
            key = rng.choice(list(item.attrs))
            item.attrs[key] = rng.choice((0, -1, "x", b"\xff", "{", 2**40))
        elif isinstance(item, h5py.Dataset):
            content = item[()]
            del file[name]
            file[name] = damage_array(content, rng)
        else:
            item.attrs["n"] = -1
            file[f"{name}/{rng.randrange(9)}"] = np.zeros(2)
    return out.getvalue()


@or_bytes
def damage_safetensors(data: bytes, rng: random.Random) -> bytes:
    """Change the header of a safetensors file, whose length stays right."""
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    if rng.random() < 0.5 and "__metadata__" in header:
        about = header["__metadata__"]
        key = rng.choice(list(about))
        about[key] = damage_json(about[key].encode(), rng).decode("utf-8", "replace")
    else:
        header = damage_values(header, rng)
    text = json.dumps(header, default=repr).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


@or_bytes
def damage_checkpoint(data: bytes, rng: random.Random) -> bytes:
    """Change what a file of torch holds, or the bytes of a member."""
    import torch

    if rng.random() < 0.6:
        return in_zip(damage_bytes)(data, rng)
    content = torch.load(io.BytesIO(data), weights_only=True)
    out = io.BytesIO()
    torch.save(damage_values(content, rng), out)
    return out.getvalue()


@or_bytes
def damage_onnx(data: bytes, rng: random.Random) -> bytes:
    """Change shapes, nodes, constants or metadata of an ONNX model."""
    import onnx

    model = onnx.load_from_string(data)
    graph = model.graph
    kind = rng.randrange(6)
    if kind == 0:
        shape = rng.choice([*graph.input, *graph.output]).type.tensor_type.shape
        dim = rng.choice(list(shape.dim))
        dim.dim_value = rng.choice((0, -1, 1, 7, 2**20, 2**31, 2**62))
    elif kind == 1:
        node = rng.choice(list(graph.node))
        node.op_type = rng.choice(("", "Nothing", "Add", "Reshape"))
    elif kind == 2:
        node = rng.choice([n for n in graph.node if n.attribute])
        entry = rng.choice(list(node.attribute))
        entry.i, entry.f = rng.choice((-1, 0, 2**40)), float("nan")
        entry.ints[:] = [rng.choice((-1, 0, 2**31))] * len(entry.ints)
    elif kind == 3:
        entry = model.metadata_props.add()
        entry.key = rng.choice(("task", "kpt_shape", "names", "imgsz"))
        entry.value = rng.choice(("pose", "detect", "[-1, 3]", "[" * 999, "{}", "9**9"))
    elif kind == 4:
        del graph.node[rng.randrange(len(graph.node))]
    else:
        model.opset_import[0].version = rng.choice((0, -1, 1, 2**31))
    return model.SerializeToString()


def damage_video(data: bytes, rng: random.Random) -> bytes:
    """Change bytes of a video; often those that state its length, rate and size."""
    if rng.random() < 0.5:
        return damage_bytes(data, rng)
    changed = bytearray(data)
    boxes = (b"mvhd", b"mdhd", b"tkhd", b"stts", b"stsz", b"stco", b"elst", b"stsd")
    heads = (*boxes, b"avih", b"strh", b"strf", b"idx1", b"\x2a\xd7\xb1", b"\x44\x89")
    found = [m.end() for head in heads for m in re.finditer(re.escape(head), data)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.choice(found or [0]) + rng.randrange(48)
        number = rng.choice((0, 1, 2, 2**31 - 1, 2**31, 2**32 - 1, 90_000, 10**9))
        with contextlib.suppress(struct.error):
            struct.pack_into(rng.choice((">I", "<I")), changed, at, number)
    return bytes(changed)

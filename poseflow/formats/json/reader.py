"""Reading of JSON files and their entries, with errors that name the place."""

from __future__ import annotations

import json
import os
import re
from typing import Any, TypeVar

import msgspec

from poseflow.errors import FormatError
from poseflow.storage.atomic import PathLike

Entry = TypeVar("Entry")


def parse(data: bytes, kind: Any, path: PathLike) -> Any:
    """Decode JSON into `kind` where possible, otherwise into plain Python objects.

    Args:
        data: The text.
        kind: Type for msgspec, such as `list[msgspec.Raw]`, which copies no content.
        path: Named in errors.

    Returns:
        A `kind`, or plain Python objects where the text is only JSON to Python (`NaN`,
        `Infinity`, numbers too large) or of another shape.

    Raises:
        FormatError: If the text is no JSON.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise _too_deep(path) from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return _lenient(data, path)


def _too_deep(path: PathLike) -> FormatError:
    return FormatError(f"{os.fspath(path)}: nested too deeply to be a file of poses")


def _cut(data: bytes, path: PathLike) -> FormatError:
    return FormatError(
        f"{os.fspath(path)}: the JSON breaks off at byte {len(data)}; the file is "
        "truncated, write or download it again"
    )


def _lenient(data: bytes, path: PathLike) -> Any:
    where = os.fspath(path)
    try:
        text = data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise _cut(data, path) from error
        raise FormatError(
            f"{where}: expected JSON, found something that is not text "
            f"(byte {error.start})"
        ) from error
    try:
        return json.loads(text)
    except RecursionError:
        raise _too_deep(path) from None
    except json.JSONDecodeError as error:
        at = len(text[: error.pos].encode("utf-8", "surrogatepass"))
        if _is_cut(text, error):
            raise _cut(data, path) from error
        found = text[error.pos : error.pos + 20].split("\n")[0]
        raise FormatError(
            f"{where}: not valid JSON at byte {at} (line {error.lineno}): {error.msg}, "
            f"found {found!r}"
        ) from error
    except ValueError as error:  # a number of thousands of digits
        raise FormatError(f"{where}: not valid JSON: {error}") from error


_CUT_NUMBER = re.compile(r"-|\.|[eE][+-]?")
_WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Whether the text is truncated, rather than malformed."""
    if error.msg.startswith(("Unterminated string", "Invalid \\uXXXX")):
        return '"' not in text[error.pos + 1 :]
    rest = text[error.pos :].rstrip()
    cut_word = any(word.startswith(rest) for word in _WORDS)
    return cut_word or _CUT_NUMBER.fullmatch(rest) is not None


_PLACE = re.compile(r"^(.*?) - at `(?:key in )?\$\.?(.*?)`$", re.DOTALL)


def decode_entry(
    raw: Any, decoder: msgspec.json.Decoder[Entry] | None, kind: type[Entry]
) -> Entry:
    """One entry of a document, decoded, with errors that name the field.

    Numbers may be in quotes, and whole numbers may be written as 1.0.

    Args:
        raw: `msgspec.Raw`, or the plain objects of Python's JSON parser.
        decoder: Decoder of `kind`; may be None for plain objects.
        kind: Type of the result.

    Raises:
        ValueError: If the entry does not fit `kind`; the message names the field.
    """
    try:
        try:
            if decoder is None or not isinstance(raw, msgspec.Raw):
                return msgspec.convert(raw, kind)
            return decoder.decode(raw)
        except msgspec.ValidationError:
            # 1e999 is infinite to Python's parser: a missing joint, not a lost person.
            plain = json.loads(bytes(raw)) if isinstance(raw, msgspec.Raw) else raw
            try:
                return msgspec.convert(plain, kind, strict=False)
            except msgspec.ValidationError as error:
                raise error from None
    except UnicodeDecodeError as error:
        raise ValueError(f"no valid UTF-8 ({error.reason})") from error
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PLACE.match(text)
        message, field = found.groups() if found else (text, "")
        message = re.sub(r"\b(float|int)\b", "number", message)
        message = re.sub(r"\bnumber \| number\b", "number", message)
        message = re.sub(r"\barray\b", "list", message)
        message = message[:1].lower() + message[1:].replace("`", "")
        raise ValueError(f"{field}: {message}" if field else message) from error


def kind_of(value: object) -> str:
    """JSON's name of a value's type, with an article, for messages."""
    if value is None:
        return "null"
    names = {bool: "a boolean", dict: "an object", list: "a list", str: "a string"}
    return names.get(type(value), "a number")

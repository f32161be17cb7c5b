"""Text encoding of input files: byte order marks, UTF-16 and UTF-32 to UTF-8."""

from __future__ import annotations

import codecs
import json

from poseflow.errors import FormatError


def as_utf8(data: bytes, label: str, *, whole: bool = True) -> bytes:
    r"""The same text in UTF-8 without a byte order mark.

    Windows editors and shells write UTF-16 and marks in UTF-8. The encoding is found as
    RFC 4627 (section 3) tells: by the mark, or by the zero bytes of the first two
    characters. Data in UTF-8 is returned as it is; it is not checked.

    Args:
        data: Content of a text file.
        label: Name of the file in messages.
        whole: False for the first bytes of a file, which may end inside a character.

    Raises:
        FormatError: If the text has a mark of UTF-16 or UTF-32 and is damaged.

    Examples:
        >>> as_utf8(b"\xef\xbb\xbf[]", "a.json"), as_utf8(b"[\x00]\x00", "a.json")
        (b'[]', b'[]')
    """
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    marked = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not marked and b"\0" not in data[:4]:
        return data
    encoding = json.detect_encoding(data[:4])
    if encoding == "utf-8":  # zero bytes, but no text in UTF-16
        return data
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        return decoder.decode(data, final=whole).encode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        if not marked:  # no text at all, such as a video
            return data
        name = encoding.removesuffix("-le").removesuffix("-be").upper()
        raise FormatError(
            f"{label}: the text is in {name} and breaks at byte {error.start} of "
            f"{len(data)} ({error.reason}); write the file again, best in UTF-8"
        ) from error

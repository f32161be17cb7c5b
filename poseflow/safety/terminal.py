r"""Text from files and names, made safe to print on a terminal.

A name such as `\x1b]0;...` would otherwise move the cursor, set the title of the window
or hide the lines above.
"""

from __future__ import annotations

import re

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # but tab and line feed
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # direction, line separators
    "\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""The text with control characters written as escapes; lines and tabs stay.

    Also escaped are characters that turn the direction of text, and lone surrogates.

    Examples:
        >>> printable("a\x1b[31mb")
        'a\\x1b[31mb'
    """
    return _CONTROLS.sub(_escaped, text)


def one_line(text: str) -> str:
    r"""A name as `printable` gives it, with line feeds and tabs escaped, too.

    Examples:
        >>> one_line("a\nb")
        'a\\nb'
    """
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")

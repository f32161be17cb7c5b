"""Redaction of credentials: urls as they may appear in messages, files and names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_URL = re.compile(r"[A-Za-z][\w+.-]*://[^\s\"'<>]+")
_AUTHORITY = re.compile(r"[^/?#]*")
_SECRET = re.compile(
    r"((?:^|[?&;/,_])[\w.~-]*?"
    r"(?:pass(?:word|wd|phrase)?|pwd|psw|secret|token|key|auth|sig|signature|"
    r"credential|cred|user|username|login|account|session|sid|jwt)"
    r"[\w.~-]*(?:=|%3D))([^&;#]*)",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """The text with `***` in place of user names, passwords and tokens in its urls.

    Redacted are the part of a url before `@`, and the values of parameters whose name
    speaks of a user, password, token, key, signature or session, also where a camera
    has them in the path.

    Examples:
        >>> redact("rtsp://admin:pa:ss@10.0.0.7:554/live?channel=1: no answer")
        'rtsp://***@10.0.0.7:554/live?channel=1: no answer'
        >>> redact("http://cam/video.cgi?user=me&pwd=1234&fps=5")
        'http://cam/video.cgi?user=***&pwd=***&fps=5'
    """
    return _URL.sub(lambda found: _redacted(found[0]), text)


def _redacted(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host = _AUTHORITY.match(rest)
    authority = host[0] if host is not None else ""
    place = authority.rfind("@")
    _, colon, port = authority.partition(":")
    if place < 0 and colon and "@" in rest and not port.isdecimal():
        place = rest.rfind("@")  # a password with a slash in it
    if place >= 0:
        rest = "***" + rest[place:]
    return f"{scheme}://{_SECRET.sub(_starred, rest)}"


def _starred(found: re.Match[str]) -> str:
    return found[1] + "***"


def url_name(url: str) -> str:
    """Short name of what a url leads to, without credentials, fit for a file.

    Examples:
        >>> url_name("rtsp://me:secret@cam.local:554/live/1.sdp?a=b")
        '1'
        >>> url_name("rtsp://me:secret@cam.local")
        'cam.local'
    """
    rest = redact(url).partition("://")[2].partition("?")[0].rpartition("@")[2]
    host, _, path = rest.strip("/").partition("/")
    name = PurePosixPath(path).stem if path else host.partition(":")[0]
    return re.sub(r"[^\w.()+-]+", "_", name).strip("._") or "stream"

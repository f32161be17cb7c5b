"""Download of weights: on request, verified by checksum, cached."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from poseflow.errors import MissingExtraError, PoseFlowError

OFFLINE = "POSEFLOW_OFFLINE"
"""With this environment variable set, nothing is ever downloaded."""

CACHE = "POSEFLOW_CACHE"
"""Folder for downloads; default the user's cache folder."""

_SHA256 = re.compile(r"(?:sha256=)?([0-9a-f]{64})")


@dataclass(frozen=True)
class WeightsSource:
    """Checksum and URLs of a weights file.

    Attributes:
        sha256: Checksum of the file, 64 hexadecimal digits.
        urls: Mirrors, tried in order.
    """

    sha256: str
    urls: tuple[str, ...]


_KNOWN: dict[str, WeightsSource] = {}


def register_weights(name: str, sha256: str, urls: Sequence[str]) -> None:
    """Register a name for downloadable weights, for `Estimator(weights=name)`.

    Args:
        name: Of the weights; not a path or a url.
        sha256: Checksum of the file.
        urls: Mirrors, tried in order.

    Raises:
        PoseFlowError: If the checksum is malformed, or there is no url.
    """
    if not _SHA256.fullmatch(sha256) or not urls:
        raise PoseFlowError(
            f"weights {name!r}: expected a sha256 of 64 hexadecimal digits and at "
            f"least one url, got {sha256!r} and {len(urls)} urls"
        )
    _KNOWN[name] = WeightsSource(sha256.removeprefix("sha256="), tuple(urls))


def locate(weights: str | os.PathLike[str]) -> Path:
    """Path of a weights file, downloaded if necessary.

    Args:
        weights: A file; a registered name; or `https://HOST/FILE#sha256=DIGEST`.

    Returns:
        The file on this machine. A path that does not exist is returned as it is.

    Raises:
        PoseFlowError: If a url has no checksum, no mirror has the file, the file's
            checksum differs, or downloading is forbidden.
        MissingExtraError: If pooch is not installed.
    """
    # A `Path` has lost one of the slashes.
    text = re.sub(r"^(https?):/(?!/)", r"\1://", os.fspath(weights))
    if Path(text).exists():
        return Path(text)
    if text in _KNOWN:
        return _fetch(text, _KNOWN[text])
    if text.startswith(("https://", "http://")):
        url, _, checksum = text.partition("#")
        digest = _SHA256.fullmatch(checksum)
        if digest is None:
            raise PoseFlowError(
                f"{url}: expected a checksum behind the url, as in {url}#sha256=…, got "
                f"{checksum or 'none'}"
            )
        return _fetch(url, WeightsSource(digest[1], (url,)))
    return Path(text)


def _fetch(name: str, source: WeightsSource) -> Path:
    folder = os.environ.get(CACHE)
    try:
        import pooch
    except ImportError as error:
        raise MissingExtraError("pooch", "download", "downloading weights") from error
    cache = Path(folder) if folder else Path(pooch.os_cache("poseflow"))
    file = PurePosixPath(urlsplit(source.urls[0]).path).name or "weights"
    # Two files of one name differ in their checksums.
    target = cache / f"{source.sha256[:12]}-{file}"
    if target.exists() and pooch.file_hash(str(target)) == source.sha256:
        return target
    if os.environ.get(OFFLINE):
        raise PoseFlowError(
            f"{name}: not in {cache}, and {OFFLINE} is set; put the file there as "
            f"{target.name}"
        )
    failures = []
    for url in source.urls:
        try:
            pooch.retrieve(
                url, f"sha256:{source.sha256}", fname=target.name, path=str(cache)
            )
        except (OSError, ValueError) as error:  # requests' errors are OSErrors
            failures.append(f"{url}: {str(error).splitlines()[0]}")
        else:
            return target
    raise PoseFlowError(f"{name}: not downloaded: {'; '.join(failures)}")

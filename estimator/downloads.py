"""Download of weights: on request, verified by checksum, cached."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from poseflow.errors import MissingExtraError, PoseFlowError
from poseflow.estimator.known_models import KNOWN_MODELS

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
        archived: Whether they are zip archives with one `.onnx` file, whose checksum it
            is.
    """

    sha256: str
    urls: tuple[str, ...]
    archived: bool = False


_KNOWN: dict[str, WeightsSource] = {
    name: WeightsSource(model.sha256, model.urls, model.urls[0].endswith(".zip"))
    for name, model in KNOWN_MODELS.items()
}

LARGEST_BYTES = 2**31
"""Of a file that is taken from an archive."""


def register_weights(name: str, sha256: str, urls: Sequence[str]) -> None:
    """Register a name for downloadable weights, for `Estimator(weights=name)`.

    Those of `poseflow.estimator.known_models` are registered already.

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


def cached_path(name: str) -> Path:
    """Where the weights of a registered name are once they are downloaded.

    Raises:
        MissingExtraError: If pooch is not installed.
    """
    return _target(_KNOWN[name])


def _pooch() -> Any:
    try:
        import pooch
    except ImportError as error:
        raise MissingExtraError("pooch", "download", "downloading weights") from error
    return pooch


def _target(source: WeightsSource) -> Path:
    folder = os.environ.get(CACHE)
    cache = Path(folder) if folder else Path(_pooch().os_cache("poseflow"))
    file = PurePosixPath(urlsplit(source.urls[0]).path).name or "weights"
    if source.archived:
        file = PurePosixPath(file).stem + ".onnx"
    # Two files of one name differ in their checksums.
    return cache / f"{source.sha256[:12]}-{file}"


def _fetch(name: str, source: WeightsSource) -> Path:
    pooch = _pooch()
    target = _target(source)
    if target.exists() and pooch.file_hash(str(target)) == source.sha256:
        return target
    if os.environ.get(OFFLINE):
        raise PoseFlowError(
            f"{name}: not in {target.parent}, and {OFFLINE} is set; put the file there "
            f"as {target.name}"
        )
    failures = []
    for url in source.urls:
        try:
            if source.archived:
                _retrieve_from_archive(url, source.sha256, target)
            else:
                pooch.retrieve(
                    url,
                    f"sha256:{source.sha256}",
                    fname=target.name,
                    path=str(target.parent),
                )
        # requests' errors are OSErrors
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            failures.append(f"{url}: {str(error).splitlines()[0]}")
        else:
            return target
    raise PoseFlowError(f"{name}: not downloaded: {'; '.join(failures)}")


def _retrieve_from_archive(url: str, sha256: str, target: Path) -> None:
    """Download a zip archive, and keep the `.onnx` file in it.

    Raises:
        ValueError: If there is not one such file, or its checksum differs.
    """
    pooch = _pooch()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        archive = pooch.retrieve(url, None, fname="archive.zip", path=folder)
        part = Path(folder) / "weights.onnx"
        with zipfile.ZipFile(archive) as file:
            models = [m for m in file.infolist() if m.filename.endswith(".onnx")]
            if len(models) != 1 or models[0].file_size > LARGEST_BYTES:
                raise ValueError(
                    f"expected an archive with one .onnx file, got {len(models)}"
                )
            with file.open(models[0]) as packed, part.open("wb") as out:
                shutil.copyfileobj(packed, out)
        digest = pooch.file_hash(str(part))
        if digest != sha256:
            raise ValueError(
                f"expected sha256 {sha256} of the .onnx file, got {digest}"
            )
        part.replace(target)

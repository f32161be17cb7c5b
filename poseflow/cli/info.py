"""`poseflow info`: versions, hardware, and the names of all components."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from typing import Annotated

import typer

from poseflow.cli.options import SkeletonOption
from poseflow.cli.say import say
from poseflow.pipeline.options import as_poses_file

# Extras for developing poseflow itself, which a user does not miss.
DEVELOPMENT_EXTRAS = {"all", "benchmark", "docs", "lint", "test"}

PACKAGES = (
    "numpy",
    "scipy",
    "opencv-python",
    "av",
    "torch",
    "munkres",
    "pycocotools",
    "motmetrics",
    "onnxruntime",
)


def info(
    path: Annotated[
        str | None,
        typer.Argument(help="A source, or a file of poses, to describe instead."),
    ] = None,
    skeleton: SkeletonOption = None,
) -> None:
    """Show versions, hardware and the names of all components; or describe PATH."""
    rows = _installation() if path is None else _description(path, skeleton)
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        say(f"{name:<{width}}  {value}")


def _installation() -> dict[str, str]:
    import poseflow
    from poseflow import formats, skeletons, tracker
    from poseflow.estimator import detector_names, estimator_names
    from poseflow.estimator.movenet.files import summary

    rows = {
        "poseflow": poseflow.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    for package in PACKAGES:
        rows[package] = _version(package) or "not installed"
    rows["devices"] = _devices()
    rows["threads"] = _threads()
    rows["video encoders"] = _encoders()
    rows.update(_extras())
    rows["estimators"] = ", ".join(estimator_names())
    rows["detectors"] = ", ".join(detector_names())
    rows["embedded model"] = summary()
    rows["trackers"] = ", ".join(tracker.names())
    rows["formats"] = ", ".join(formats.names())
    rows["skeletons"] = ", ".join(skeletons.names())
    return rows


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _devices() -> str:
    """What `--device` may name on this machine."""
    import torch

    cards = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    names = [f"cuda:{card} ({torch.cuda.get_device_name(card)})" for card in cards]
    return ", ".join(["cpu", *names])


def _threads() -> str:
    import cv2
    import torch

    return f"torch {torch.get_num_threads()}, OpenCV {cv2.getNumThreads()}"


def _encoders() -> str:
    """The encoders of `--render`, by suffix: PyAV's, or OpenCV's where it has none."""
    import av

    from poseflow.video.writer import ENCODERS

    return ", ".join(
        f"{suffix} {encoder if encoder in av.codec.codecs_available else fallback}"
        for suffix, (encoder, fallback) in ENCODERS.items()
    )


def _extras() -> dict[str, str]:
    """Whether the packages of each extra are installed, and how to get them."""
    metadata = importlib.metadata.metadata("poseflow")
    rows = {}
    for extra in metadata.get_all("Provides-Extra") or ():
        if extra in DEVELOPMENT_EXTRAS:
            continue
        packages = [
            re.split(r"[ ;<>=!~\[]", needed, maxsplit=1)[0]
            for needed in metadata.get_all("Requires-Dist") or ()
            if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", needed)
        ]
        versions = {package: _version(package) for package in packages}
        rows[f"extra {extra}"] = (
            ", ".join(f"{package} {found}" for package, found in versions.items())
            if all(versions.values())
            else f"not installed: pip install 'poseflow[{extra}]'"
        )
    return rows


def _description(path: str, skeleton: str | None = None) -> dict[str, str]:
    import numpy as np

    from poseflow.formats import read
    from poseflow.video import open_source

    if not as_poses_file(path):
        with open_source(path) as source:
            return {"source": repr(source).strip("<>")}
    poses = read(path, skeleton=skeleton)
    people = np.array([len(frame.poses) for frame in poses], dtype=np.int64)
    known = {
        "name": poses.name,
        "size": "x".join(map(str, poses.size or ())),
        "fps": "" if poses.fps is None else f"{poses.fps:g}",
        "tracker": poses.tracker or "",
        "version": poses.version or "",
    }
    return {
        "frames": f"{len(poses)} in the file, {poses[0].name} to {poses[-1].name}"
        if len(poses)
        else "none",
        "people": f"{people.sum()} poses, at most {people.max(initial=0)} in a frame",
        "identities": str(len(poses.track_ids)),
        "skeleton": f"{poses.skeleton.name} ({len(poses.skeleton)} joints)",
        **{name: value for name, value in known.items() if value},
    }

"""`poseflow info`: versions, hardware, and the names of all components."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Annotated

import typer

from poseflow.pipeline.options import as_poses_file

PACKAGES = (
    "numpy",
    "scipy",
    "opencv-python",
    "av",
    "torch",
    "munkres",
    "pycocotools",
    "motmetrics",
)


def info(
    path: Annotated[
        str | None,
        typer.Argument(help="A source, or a file of poses, to describe instead."),
    ] = None,
) -> None:
    """Show versions, hardware and the names of all components; or describe PATH."""
    rows = _installation() if path is None else _description(path)
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        typer.echo(f"{name:<{width}}  {value}")


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
        try:
            rows[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            rows[package] = "not installed"
    rows["estimators"] = ", ".join(estimator_names())
    rows["detectors"] = ", ".join(detector_names())
    rows["embedded model"] = summary()
    rows["trackers"] = ", ".join(tracker.names())
    rows["formats"] = ", ".join(formats.names())
    rows["skeletons"] = ", ".join(skeletons.names())
    return rows


def _description(path: str) -> dict[str, str]:
    import numpy as np

    from poseflow.formats import read
    from poseflow.video import open_source

    if not as_poses_file(path):
        with open_source(path) as source:
            return {"source": repr(source).strip("<>")}
    poses = read(path)
    people = np.array([len(frame.poses) for frame in poses], dtype=np.int64)
    return {
        "frames": f"{len(poses)} in the file, {poses[0].name} to {poses[-1].name}"
        if len(poses)
        else "none",
        "people": f"{people.sum()} poses, at most {people.max(initial=0)} in a frame",
        "identities": str(len(poses.track_ids)),
        "skeleton": f"{poses.skeleton.name} ({len(poses.skeleton)} joints)",
    }

"""`poseflow info`: what is installed and what can be chosen by name."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Annotated

import typer

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
    source: Annotated[
        str | None,
        typer.Argument(help="A video, folder or file of poses to describe as well."),
    ] = None,
) -> None:
    """Show versions, hardware and everything that has a name; describe a SOURCE."""
    import poseflow
    from poseflow import formats, skeletons, tracker

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
    rows["trackers"] = ", ".join(tracker.names())
    rows["formats"] = ", ".join(formats.names())
    rows["skeletons"] = ", ".join(skeletons.names())
    if source is not None:
        rows[source] = poseflow.describe(source)
    width = max(len(name) for name in rows)
    for name, value in rows.items():
        typer.echo(f"{name:<{width}}  {value}")

"""MoveNet's weights files in the package."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open

FOLDER = Path(__file__).parents[1] / "models"
"""Where the weights are, in the wheel too."""

NAMES = ("multipose", "thunder", "lightning")


def weights_file(name: str) -> Path:
    """The file of `multipose`, `thunder` or `lightning`."""
    return FOLDER / f"movenet_{name}.safetensors"


def graph_file(name: str) -> Path:
    """The ONNX graph of the network, which takes its weights from `weights_file`."""
    return FOLDER / f"movenet_{name}.onnx"


def summary() -> str:
    """One line on what the package contains: networks, licence and size.

    Read from the files' headers, without torch.
    """
    files = [weights_file(name) for name in NAMES]
    models = []
    for path in files:
        with safe_open(path, framework="numpy") as file:
            models.append(file.metadata()["model"])
    size = sum(path.stat().st_size for path in files)
    return f"{', '.join(models)} (COCO-17, Apache-2.0), {size / 1e6:.1f} MB"

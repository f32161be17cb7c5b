"""MoveNet with the weights in the package: in onnxruntime on CPUs, in torch on GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnxruntime

from poseflow.arrays import Floats, Image
from poseflow.estimator.devices import thread_count
from poseflow.estimator.movenet.files import graph_file
from poseflow.estimator.movenet.maps import DENSE, CellHead, Maps, cell_heads

Run = Callable[[Image], Sequence[Floats]]
"""`(N, H, W, 3)` uint8 BGR images to the outputs in `DENSE`, in that order."""


def on_cpu(name: str) -> Run:
    """A network in onnxruntime: two to four times as fast on CPUs as in torch.

    With as many threads as torch has; outputs do not depend on their number. Images go
    through one by one: the maps of several do not fit into a core's cache, and a batch
    of eight takes a fifth more time for each.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.log_severity_level = 3  # errors only: they also come as exceptions
    # Threads that wait by spinning take the time of decoding and tracking.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        graph_file(name), options, providers=["CPUExecutionProvider"]
    )

    def run(images: Image) -> Sequence[Floats]:
        each = [session.run(DENSE, {"images": image[None]}) for image in images]
        if len(each) == 1:
            return list(each[0])
        return [np.concatenate(maps) for maps in zip(*each, strict=True)]

    return run


class LoadedMoveNet:
    """A network on a device, loaded on first use.

    Args:
        name: `multipose`, `thunder` or `lightning`.
        device: Where it runs, a name for `torch.device`.
    """

    def __init__(self, name: str, device: str) -> None:
        self.name = name
        self.device = device
        self._loaded: tuple[Run, dict[str, CellHead]] | None = None

    def outputs(self, images: Sequence[Image]) -> Maps:
        """Outputs for `(H, W, 3)` uint8 BGR images of one size."""
        if self._loaded is None:
            self._loaded = self._load(), cell_heads(self.name)
        run, heads = self._loaded
        center, heatmaps, features = run(np.stack(images))
        return Maps(center, heatmaps, features, heads)

    def _load(self) -> Run:
        if self.device == "cpu":
            return on_cpu(self.name)
        from poseflow.estimator.movenet.in_torch import on_device

        return on_device(self.name, self.device)

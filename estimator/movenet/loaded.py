"""MoveNet with the weights in the package: in onnxruntime on CPUs, in torch on GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnxruntime

from poseflow.arrays import Floats, Image
from poseflow.estimator.devices import thread_count
from poseflow.estimator.movenet.files import graph_file

Run = Callable[[Image], dict[str, Floats]]
"""`(N, H, W, 3)` uint8 BGR images to the outputs of all heads."""


def on_cpu(name: str) -> Run:
    """A network in onnxruntime: two to three times as fast on CPUs as in torch.

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
    heads = [head.name for head in session.get_outputs()]

    def run(images: Image) -> dict[str, Floats]:
        each = [session.run(heads, {"images": image[None]}) for image in images]
        return {
            head: np.concatenate(values)
            for head, *values in zip(heads, *each, strict=True)
        }

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
        self._run: Run | None = None

    def outputs(self, images: Sequence[Image]) -> dict[str, Floats]:
        """Outputs of all heads for `(H, W, 3)` uint8 BGR images of one size."""
        if self._run is None:
            if self.device == "cpu":
                self._run = on_cpu(self.name)
            else:
                from poseflow.estimator.movenet.in_torch import on_device

                self._run = on_device(self.name, self.device)
        return self._run(np.stack(images))

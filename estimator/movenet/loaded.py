"""MoveNet with the weights in the package: in onnxruntime on CPUs, in torch on GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnxruntime
import torch
from safetensors.torch import load_file

from poseflow.arrays import Floats, Image
from poseflow.estimator.devices import to_device
from poseflow.estimator.movenet.files import graph_file, weights_file
from poseflow.estimator.networks.movenet import MoveNet, movenet, normalise

Run = Callable[[Image], dict[str, Floats]]
"""`(N, H, W, 3)` uint8 BGR images to the outputs of all heads."""


def load_movenet(name: str) -> MoveNet:
    """One of the networks with its weights, in eval mode on the CPU.

    Args:
        name: `multipose`, `thunder` or `lightning`.
    """
    network = movenet(name)
    state = load_file(weights_file(name))
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return network.eval()


def on_cpu(name: str) -> Run:
    """A network in onnxruntime: two to three times as fast on CPUs as in torch.

    With as many threads as torch has; outputs do not depend on their number. Images go
    through one by one: the maps of several do not fit into a core's cache, and a batch
    of eight takes a fifth more time for each.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
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


def on_device(name: str, device: torch.device) -> Run:
    """A network in torch; half precision on CUDA."""
    network = to_device(load_movenet(name), device)
    half = device.type == "cuda"
    if half:
        network = network.half()

    @torch.inference_mode()
    def run(images: Image) -> dict[str, Floats]:
        planes = torch.from_numpy(images).to(device, non_blocking=True)
        values = normalise(planes)
        outputs = network(values.half() if half else values)
        return {head: maps.float().cpu().numpy() for head, maps in outputs.items()}

    return run


class LoadedMoveNet:
    """A network on a device, loaded on first use.

    Args:
        name: `multipose`, `thunder` or `lightning`.
        device: Where it runs.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        self.device = device
        self._run: Run | None = None

    def outputs(self, images: Sequence[Image]) -> dict[str, Floats]:
        """Outputs of all heads for `(H, W, 3)` uint8 BGR images of one size."""
        if self._run is None:
            if self.device.type == "cpu":
                self._run = on_cpu(self.name)
            else:
                self._run = on_device(self.name, self.device)
        return self._run(np.stack(images))

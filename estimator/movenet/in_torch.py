"""MoveNet in torch, for GPUs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from safetensors.torch import load_file

from poseflow.arrays import Floats, Image
from poseflow.estimator.devices import to_device
from poseflow.estimator.movenet.files import weights_file
from poseflow.estimator.networks.movenet import MoveNet, movenet, normalise


def load_movenet(name: str) -> MoveNet:
    """One of the networks with its weights, in eval mode on the CPU.

    Args:
        name: `multipose`, `thunder` or `lightning`.
    """
    network = movenet(name)
    state = load_file(weights_file(name))
    network.load_state_dict({key: value.float() for key, value in state.items()})
    return network.eval()


def on_device(name: str, device: str) -> Callable[[Image], Sequence[Floats]]:
    """A network in torch; half precision on CUDA.

    Returns:
        As `Run`: `(N, H, W, 3)` uint8 BGR images to the outputs in `DENSE`.
    """
    network = load_movenet(name)
    to_device(network, torch.device(device))
    half = device.startswith("cuda")
    if half:
        network.half()

    @torch.inference_mode()
    def run(images: Image) -> Sequence[Floats]:
        planes = torch.from_numpy(images).to(device, non_blocking=True)
        values = normalise(planes)
        outputs = network.dense(values.half() if half else values)
        return [maps.float().cpu().numpy() for maps in outputs]

    return run

"""MoveNet's networks with the weights in the package, on a device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from poseflow.arrays import Image
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


class LoadedMoveNet:
    """A network on a device, loaded on first use.

    Args:
        name: `multipose`, `thunder` or `lightning`.
        device: Where it runs.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        self.device = device
        self._network: nn.Module | None = None

    @torch.inference_mode()
    def outputs(self, images: Sequence[Image]) -> dict[str, Tensor]:
        """Outputs of all heads for `(H, W, 3)` uint8 BGR images of one size."""
        if self._network is None:
            self._network = to_device(load_movenet(self.name), self.device)
        planes = torch.from_numpy(np.stack(images)).to(self.device, non_blocking=True)
        outputs: dict[str, Tensor] = self._network(normalise(planes))
        return outputs

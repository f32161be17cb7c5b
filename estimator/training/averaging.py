"""Exponential moving average of a network's weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Moving average of weights, statistics of batch normalisation included.

    The decay rises as (1 + n) / (10 + n) to `decay` (as in TensorFlow's moving
    averages), so that early weights do not linger.

    Args:
        module: Network that is averaged; the average starts as a copy of its weights.
        decay: In [0, 1); 0 keeps the newest weights.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.state = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Update the average with the weights after a step."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        new = module.state_dict()
        floats = [k for k, v in self.state.items() if v.is_floating_point()]
        torch._foreach_lerp_(
            [self.state[k] for k in floats],
            [new[k].detach() for k in floats],
            1 - decay,
        )
        for name, value in self.state.items():
            if not value.is_floating_point():
                value.copy_(new[name])

    def load(self, state: dict[str, Tensor], updates: int) -> None:
        """Restore the average of a checkpoint."""
        self.updates = updates
        for name, value in self.state.items():
            value.copy_(state[name])

"""What is trained: all that the loop knows of poses or boxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from poseflow.estimator.weights import Description


class Sampled(Protocol):
    """Samples of an epoch by key, see `pose.samples.SampleKey`."""

    def __len__(self) -> int:
        """How many an epoch has."""

    def __getitem__(self, key: Any) -> Any:
        """One sample, as a batch without the first axis."""


class ValidationReport(Protocol):
    """What validation found."""

    @property
    def score(self) -> float:
        """What the best weights are chosen by: the higher, the better."""

    def to_dict(self) -> dict[str, Any]:
        """Everything that was measured, ready for JSON."""

    def table(self) -> str:
        """The same for a terminal."""


class Task(Protocol):
    """One kind of network with its data, its loss and its figures."""

    @property
    def samples(self) -> Sampled:
        """What it learns from."""

    @property
    def figures(self) -> tuple[str, ...]:
        """The numbers in its reports, for the log."""

    def network(self) -> nn.Module:
        """The network with fresh weights."""

    def loss(
        self, network: Callable[[Tensor], Tensor], batch: Any, device: torch.device
    ) -> Tensor:
        """Mean loss of one batch, differentiable."""

    def validate(
        self, module: nn.Module, device: torch.device
    ) -> ValidationReport | None:
        """How good weights are on the held-back data; None if there is none."""

    def describe(self) -> Description:
        """What the weights are, for their file."""

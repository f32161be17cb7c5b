"""Protocols of a training task: what the training loop needs of it."""

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
    """Result of a validation."""

    @property
    def score(self) -> float:
        """Figure by which the best weights are chosen: higher is better."""

    def to_dict(self) -> dict[str, Any]:
        """All metrics, ready for JSON."""

    def table(self) -> str:
        """All metrics as a table for a terminal."""


class Task(Protocol):
    """One kind of network with its data, loss and metrics."""

    @property
    def samples(self) -> Sampled:
        """Training samples."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics in its reports, for the log."""

    def network(self) -> nn.Module:
        """The network with fresh weights."""

    def loss(
        self, network: Callable[[Tensor], Tensor], batch: Any, device: torch.device
    ) -> Tensor:
        """Mean loss of one batch, differentiable."""

    def validate(
        self, module: nn.Module, device: torch.device
    ) -> ValidationReport | None:
        """Validate a network on the held-out data; None if there is none."""

    def describe(self) -> Description:
        """Metadata for the weights file."""

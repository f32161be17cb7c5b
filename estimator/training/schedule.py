"""Learning rate as a function of the epoch: nothing to save, nothing to restore."""

from __future__ import annotations

import math

from poseflow.estimator.training.config import ScheduleConfig


def learning_rate(
    schedule: ScheduleConfig, highest: float, epoch: float, epochs: int
) -> float:
    """The rate at a moment of training.

    Args:
        schedule: Its shape.
        highest: Its largest value.
        epoch: Epochs done, with the fraction of the current one.
        epochs: Epochs in all.

    Examples:
        >>> steps = ScheduleConfig(name="step", milestones=(90, 120))
        >>> [learning_rate(steps, 1e-3, e, 140) for e in (0, 89.9, 90)]
        [0.001, 0.001, 0.0001]
    """
    if schedule.warmup_epochs and epoch < schedule.warmup_epochs:
        highest *= (epoch + 1e-3) / schedule.warmup_epochs
    if schedule.name == "step":
        passed = sum(epoch >= milestone for milestone in schedule.milestones)
        return float(highest * schedule.gamma**passed)
    share = 0.5 * (1 + math.cos(math.pi * min(epoch / epochs, 1.0)))
    return highest * (schedule.final + (1 - schedule.final) * share)

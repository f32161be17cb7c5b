"""Distributed training: one process of several that `torchrun` starts, or one alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from poseflow.estimator.devices import choose_device


@dataclass(frozen=True)
class Process:
    """This process among all of the run.

    Attributes:
        rank: From 0.
        world: Number of processes.
        device: Of this process.
    """

    rank: int
    world: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all processes have reached this point."""
        if self.world > 1:
            dist.barrier()

    def total(self, value: float) -> float:
        """Sum a value over all processes."""
        if self.world == 1:
            return value
        box = torch.tensor([value], dtype=torch.float64)
        box = box.to(self.device if self.device.type == "cuda" else "cpu")
        dist.all_reduce(box)
        return float(box)


@contextmanager
def join_processes(device: str) -> Iterator[Process]:
    """Join the process group, if the environment defines one.

    Args:
        device: `auto`, `cpu`, `cuda` or `cuda:N`; with several processes, `cuda` means
            the one that belongs to this process.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Process(0, 1, choose_device(device))
        return
    rank = int(os.environ["RANK"])
    chosen = choose_device(device)
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank)))
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    try:
        yield Process(rank, world, chosen)
    finally:
        dist.destroy_process_group()

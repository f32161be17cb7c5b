"""Benchmark of pose estimation: speed of the network alone and of the whole estimator.

Times are wall clock, medians of rounds in which the bare network and the estimator take
turns, so that other load on the machine affects both equally.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from poseflow import skeletons
from poseflow.benchmark.hardware import hardware
from poseflow.estimator.devices import Precision, choose_device
from poseflow.estimator.networks.build import (
    AnyModelConfig,
    FastPoseConfig,
    SmallPoseConfig,
    build,
)
from poseflow.estimator.topdown.topdown import TopDown
from poseflow.estimator.torch_network import TorchPoseNetwork
from poseflow.estimator.weights import LoadedNetwork, NetworkDescription

CASES: tuple[tuple[str, AnyModelConfig, int, int, Precision], ...] = (
    ("FastPose-50, 256x192", FastPoseConfig(), 192, 256, "float32"),
    ("SmallPose, 192x144", SmallPoseConfig(), 144, 192, "float32"),
    ("SmallPose, 192x144, bfloat16", SmallPoseConfig(), 144, 192, "bfloat16"),
)


@dataclass(frozen=True)
class EstimationRow:
    """Results of one network.

    Attributes:
        name: Network, its input and precision.
        bare_ms: The network's forward pass on a ready input.
        forward_ms: The estimator's forward pass, from bytes to heatmaps on the host.
        whole_ms: Images and boxes to poses.
        forward_ratio: `forward_ms` over `bare_ms`.
        host_share: Share of `whole_ms` that is not the bare network.
        crops_per_second: People per second of the whole estimator.
        tera_flops: 10^12 operations a second of the bare network, two a multiply-add.
    """

    name: str
    bare_ms: float
    forward_ms: float
    whole_ms: float
    forward_ratio: float
    host_share: float
    crops_per_second: float
    tera_flops: float


@dataclass(frozen=True)
class EstimationReport:
    """Results of `measure_estimation`.

    Attributes:
        hardware: Processor and versions.
        device: Of the networks.
        people: Crops in a batch, all from one 1080p image.
        rows: One per network.
    """

    hardware: dict[str, str]
    device: str
    people: int
    rows: tuple[EstimationRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        return asdict(self)

    def table(self) -> str:
        """All figures as markdown."""
        lines = [f"{name}: {value}" for name, value in self.hardware.items()]
        lines += [f"device: {self.device}", f"people: {self.people}", ""]
        lines += [
            "| network | bare ms | forward / bare | whole ms | host share | crops/s "
            "| TFLOP/s |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {r.name} | {r.bare_ms:.1f} | {r.forward_ratio:.2f} | {r.whole_ms:.1f} "
            f"| {100 * r.host_share:.0f} % | {r.crops_per_second:.0f} "
            f"| {r.tera_flops:.2f} |"
            for r in self.rows
        ]
        return "\n".join(lines)


def measure_estimation(
    people: int = 10, rounds: int = 9, device: str = "auto"
) -> EstimationReport:
    """Measure all networks of this module, with random weights.

    Args:
        people: Crops in a batch.
        rounds: Number of timed rounds.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
    """
    place = choose_device(device)
    facts = hardware() | {"torch": torch.__version__}
    facts["threads"] = str(torch.get_num_threads())
    if place.type == "cuda":
        facts["gpu"] = torch.cuda.get_device_name(place)
    rows = tuple(_measure(case, people, rounds, place) for case in CASES)
    return EstimationReport(facts, str(place), people, rows)


def _measure(
    case: tuple[str, AnyModelConfig, int, int, Precision],
    people: int,
    rounds: int,
    place: torch.device,
) -> EstimationRow:
    name, config, width, height, precision = case
    coco = skeletons.get("coco17")
    description = NetworkDescription(
        model=config,
        skeleton=coco.name,
        joints=coco.joints,
        width=width,
        height=height,
    )
    loaded = LoadedNetwork(build(config, len(coco)).eval(), description)
    network = TorchPoseNetwork(loaded, str(place), precision=precision)
    estimator = TopDown(network, batch_size=people)

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1080, 1920, 3)).astype(np.uint8)
    corner = rng.uniform(0, 800, (people, 2))
    far = np.add(corner, [90, 220])
    boxes = np.concatenate([corner, far], axis=1).astype(np.float32)
    crops = rng.integers(0, 256, (people, height, width, 3)).astype(np.uint8)
    ready = torch.rand(people, 3, height, width, device=place)
    ready = ready.to(memory_format=torch.channels_last)

    def bare() -> None:
        low = precision == "bfloat16"
        with (
            torch.inference_mode(),
            torch.autocast(place.type, torch.bfloat16, enabled=low),
        ):
            network.module(ready)
        if place.type == "cuda":
            torch.cuda.synchronize(place)

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.module(ready)
    bare_ms, forward_ms, whole_ms = _in_turns(
        rounds,
        bare,
        lambda: network.heatmaps(crops),
        lambda: estimator.estimate_batch([image], [boxes]),
    )
    return EstimationRow(
        name,
        bare_ms,
        forward_ms,
        whole_ms,
        forward_ms / bare_ms,
        max(1 - bare_ms / whole_ms, 0.0),
        1000 * people / whole_ms,
        counter.get_total_flops() / bare_ms / 1e9,
    )


def _in_turns(rounds: int, *work: Callable[[], Any]) -> list[float]:
    """Median milliseconds of each, after one round to warm up."""
    times: list[list[float]] = [[] for _ in work]
    for number in range(rounds + 1):
        for own, step in zip(times, work, strict=True):
            start = time.perf_counter()
            step()
            if number:
                own.append(1000 * (time.perf_counter() - start))
    return [statistics.median(own) for own in times]

"""Speed of MoveNet's networks by engine: torch in several forms, onnxruntime.

    python benchmarks/movenet_engines.py [--device cuda] [--threads 1 2] [--repeats 7]
        [--compile]

Milliseconds for the input of quality `balanced` (1280 x 720 images) and for crops of
1, 4 and 8 people: processor time on a CPU, the least of the repeats, so that other work
on the machine counts little; wall-clock time on a GPU. Onnxruntime starts with bytes,
torch with bytes on the device. On a GPU, half precision is what the estimator uses.
With --compile, torch.compile on a CPU, too, which needs a C++ compiler and a minute for
each input.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from poseflow.benchmark.hardware import hardware
from poseflow.estimator.devices import to_device
from poseflow.estimator.movenet.in_torch import load_movenet
from poseflow.estimator.movenet.loaded import on_cpu
from poseflow.estimator.networks.movenet import MoveNet, normalise

INPUTS = (
    ("multipose", (1, 160, 256)),
    ("multipose", (1, 288, 512)),
    ("thunder", (1, 256, 256)),
    ("thunder", (4, 256, 256)),
    ("thunder", (8, 256, 256)),
    ("lightning", (4, 192, 192)),
)


def searched(name: str) -> MoveNet:
    """The network with the outputs of onnxruntime's graph: `MoveNet.dense`."""
    network = load_movenet(name)
    network.forward = network.dense  # type: ignore[method-assign,assignment]
    return network


def engines(
    name: str, images: np.ndarray, device: torch.device, compiled: bool
) -> dict[str, Callable[[], Any]]:
    """What runs the network once on these images, by the engine's name."""
    pixels = torch.from_numpy(images).to(device)
    plain = searched(name).to(device)
    layout = to_device(searched(name), device)
    planes = normalise(pixels)
    frozen = torch.jit.freeze(torch.jit.trace(layout, planes, strict=False))
    found: dict[str, Callable[[], Any]] = {
        "torch": lambda: plain(normalise(pixels).contiguous()),
        "torch, channels-last": lambda: layout(normalise(pixels)),
        "torch.jit, frozen": lambda: frozen(normalise(pixels)),
    }
    if device.type == "cuda":
        half = to_device(searched(name), device).half()
        graph = torch.compile(half, mode="reduce-overhead")
        found["torch, half precision"] = lambda: half(normalise(pixels).half())
        found["the same, compiled"] = lambda: graph(normalise(pixels).half())
    else:
        if compiled:
            inductor = torch.compile(layout)
            found["torch.compile"] = lambda: inductor(normalise(pixels))
        run = on_cpu(name)
        found["onnxruntime"] = lambda: run(images)
    return found


def milliseconds(work: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """The least time of several runs."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    times = []
    for _ in range(repeats + 2):
        start = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - start)
    return 1000 * min(times[2:])


def main() -> None:
    """Print a table for each number of threads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    device = torch.device(options.device)
    warnings.simplefilter("ignore")  # of torch.jit, which is deprecated
    for name, value in hardware().items():
        print(f"{name}: {value}")
    rng = np.random.default_rng(0)
    for threads in options.threads if device.type == "cpu" else [1]:
        torch.set_num_threads(threads)
        print(f"\n{threads} threads, {device}")
        for name, shape in INPUTS:
            images = rng.integers(0, 256, (*shape, 3), np.uint8)
            with torch.inference_mode():
                times = {
                    engine: milliseconds(work, device, options.repeats)
                    for engine, work in engines(
                        name, images, device, options.compile
                    ).items()
                }
            best = min(times.values())
            row = ", ".join(f"{k} {v:.1f} ({v / best:.2f})" for k, v in times.items())
            print(f"{name} {' x '.join(map(str, shape))}: {row}")


if __name__ == "__main__":
    main()

"""Frames/s of MoveNet on a GPU at 1080p with ten people, and what bounds them.

    python benchmarks/movenet_gpu.py [--device cuda] [--quality balanced] [--batch 8]

For each precision, plain and compiled with CUDA graphs (`mode="reduce-overhead"`):
milliseconds a frame for MultiPose in all views and for Thunder's crops of ten people,
in batches, channels-last, from bytes in the host's memory; decoding apart; then the
whole estimator as it ships. A step's share tells what bounds the rest. On a CPU only
single precision and a small batch are run, to show that the script works; figures of
GPUs are not recorded yet.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

import poseflow
from poseflow.arrays import Image
from poseflow.benchmark.hardware import hardware
from poseflow.estimator.devices import choose_device, to_device
from poseflow.estimator.movenet.decode import decode_people, decode_seeded
from poseflow.estimator.movenet.in_torch import load_movenet
from poseflow.estimator.movenet.multipose import _input
from poseflow.estimator.movenet.presets import growth, preset
from poseflow.estimator.networks.movenet import normalise
from poseflow.synthetic import SceneConfig, make_scene

WIDTH, HEIGHT, PEOPLE = 1920, 1080, 10
CROP = 256

Work = Callable[[], Any]
Run = Callable[[Tensor], Mapping[str, Tensor]]


def variants(name: str, device: torch.device) -> Iterator[tuple[str, Run]]:
    """A network in each form, from `(N, H, W, 3)` bytes in the host's memory."""
    on_gpu = device.type == "cuda"
    for dtype in (torch.float32, *((torch.float16, torch.bfloat16) if on_gpu else ())):
        network = to_device(load_movenet(name), device).to(dtype)
        label = str(dtype).removeprefix("torch.")
        yield label, _from_bytes(network, device, dtype)
        if on_gpu:
            graph = torch.compile(network, mode="reduce-overhead")
            yield f"{label}, CUDA graphs", _from_bytes(graph, device, dtype)


def _from_bytes(network: Any, device: torch.device, dtype: torch.dtype) -> Run:
    @torch.inference_mode()
    def run(images: Tensor) -> Mapping[str, Tensor]:
        outputs: Mapping[str, Tensor]
        planes = normalise(images.to(device, non_blocking=True)).to(dtype)
        outputs = network(planes)
        return outputs

    return run


def milliseconds(work: Work, device: torch.device, repeats: int) -> float:
    """The least wall-clock time; on a CPU, processor time."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    times = []
    for _ in range(repeats + 2):
        start = clock()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - start)
    return 1000 * min(times[2:])


def _all(run: Run, inputs: list[Tensor]) -> None:
    for images in inputs:
        run(images)


def _batch(images: list[Image], device: torch.device) -> Tensor:
    """Images in memory from which a GPU copies without the processor."""
    batch = torch.from_numpy(np.stack(images))
    return batch.pin_memory() if device.type == "cuda" else batch


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    device = choose_device(options.device)
    batch = options.batch if device.type == "cuda" else 1
    repeats = options.repeats if device.type == "cuda" else 1

    config = SceneConfig(people=PEOPLE, frames=1, size=(WIDTH, HEIGHT))
    image = make_scene(config, seed=0).render(0)
    views = [view.scaled(growth(WIDTH)) for view in preset(options.quality).views]
    inputs = [_batch([_input(image, view).image] * batch, device) for view in views]
    crops = _batch([np.zeros((CROP, CROP, 3), np.uint8)] * PEOPLE * batch, device)
    seeds = torch.full((PEOPLE * batch, 17, 2), CROP / 2, device=device)
    facts = hardware() | {"torch": torch.__version__, "device": str(device)}
    if device.type == "cuda":
        facts["device"] = torch.cuda.get_device_name(device)
    for key, value in facts.items():
        print(f"{key}: {value}")

    print(f"\nms a frame, in batches of {batch}; views {[v.size for v in views]}")
    pairs = zip(variants("multipose", device), variants("thunder", device), strict=True)
    for (label, people), (_, joints) in pairs:
        found = milliseconds(partial(_all, people, inputs), device, repeats)
        second = milliseconds(partial(joints, crops), device, repeats)
        print(
            f"{label}: MultiPose {found / batch:.2f}, Thunder for {PEOPLE} people "
            f"{second / batch:.2f}"
        )
    heads = people(inputs[-1])
    decoded = milliseconds(lambda: decode_people(heads), device, repeats)
    print(f"decoding of the largest view: {decoded / batch:.2f}")
    heads = joints(crops)
    decoded = milliseconds(lambda: decode_seeded(heads, seeds, 20.0), device, repeats)
    print(f"decoding of {PEOPLE} people's joints: {decoded / batch:.2f}")

    estimator = poseflow.Estimator(
        quality=options.quality, device=str(device), batch_size=batch
    )
    frames = [image] * batch
    whole = milliseconds(lambda: estimator.estimate_batch(frames), device, repeats)
    print(
        f"the estimator ({options.quality}): {whole / batch:.2f} ms a frame, "
        f"{1000 * batch / whole:.1f} frames/s, "
        f"{len(estimator.estimate(image))} people found"
    )


if __name__ == "__main__":
    main()

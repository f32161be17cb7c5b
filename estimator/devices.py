"""Choice of the device that networks run on.

torch is imported where it is needed only: its import takes longer than MoveNet's first
thirty images.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from poseflow.errors import PoseFlowError

if TYPE_CHECKING:
    import torch
    from torch import nn

Precision = Literal["float32", "bfloat16"]
"""Of the forward pass of a network."""


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name.

    Args:
        name: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto` for a GPU where there is one.

    Raises:
        PoseFlowError: If the name is unknown or there is no such device here.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise PoseFlowError(
            f"device: expected auto, cpu, cuda, cuda:N or mps, got {name!r}"
        )
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[device.type]
    if (device.index or 0) >= count:
        has = f"{count} of them" if count else "none"
        raise PoseFlowError(
            f"device {name!r}: torch finds {has} here; choose device cpu or auto"
        )
    return device


def device_name(name: str = "auto") -> str:
    """The name of the device of `choose_device`, without torch if that is the CPU.

    Raises:
        PoseFlowError: As `choose_device`.
    """
    if name == "cpu" or (name == "auto" and not _may_have_gpu()):
        return "cpu"
    return str(choose_device(name))


def gpu_names() -> list[str]:
    """Names of all of NVIDIA's GPUs, without torch if there is no driver."""
    if not _may_have_gpu():
        return []
    import torch

    return [f"cuda:{k}" for k in range(torch.cuda.device_count())]


DRIVERS = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
"""CUDA's driver library, by platform: without it, torch finds no GPU of NVIDIA's."""


def _may_have_gpu() -> bool:
    """Whether `auto` may be a GPU, which torch has to be asked for."""
    try:
        if "rocm" in importlib.metadata.version("torch"):
            return True
        ctypes.CDLL(DRIVERS[sys.platform])
    except (KeyError, OSError):
        return False
    except importlib.metadata.PackageNotFoundError:
        pass
    return True


def thread_count() -> int:
    """Threads of a network on the CPU: as many as torch has, or would have.

    That is `OMP_NUM_THREADS`, or the number of physical cores that this process may
    use.
    """
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(asked) if asked.isdecimal() and int(asked) else _physical_cores()


def _physical_cores() -> int:
    """Physical cores that this process may use; logical ones if that is unknown."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    mine = os.sched_getaffinity(0)
    siblings = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    try:
        return len({Path(siblings.format(core)).read_text() for core in mine})
    except OSError:
        return len(mine)


def uses_bfloat16(precision: Precision) -> bool:
    """Check the precision of a forward pass, and tell whether it is bfloat16."""
    if precision not in ("float32", "bfloat16"):
        raise PoseFlowError(
            f"precision: expected float32 or bfloat16, got {precision!r}"
        )
    return precision == "bfloat16"


def warn_of_slow_bfloat16(device: torch.device) -> None:
    """Warn if bfloat16 is slower than float32: CPUs without instructions for it."""
    import torch

    # Private to torch, and not in every version; without them there is no warning.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    known = [getattr(torch.cpu, name, None) for name in probes]
    intel = platform.machine().lower() in ("x86_64", "amd64")
    if device.type != "cpu" or not intel or None in known:
        return
    if not any(probe() for probe in known if probe is not None):
        warnings.warn(
            "precision bfloat16: this CPU has no instructions for it, which makes it "
            "several times slower than float32",
            stacklevel=3,
        )


def to_device(module: nn.Module, device: torch.device) -> nn.Module:
    """Move a network to a device, in the channels-last layout, fastest to convolve."""
    import torch

    module = module.to(device)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

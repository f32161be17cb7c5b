"""Choice of the device that networks run on."""

from __future__ import annotations

import platform
import warnings
from typing import Literal

import torch
from torch import nn

from poseflow.errors import PoseFlowError

Precision = Literal["float32", "bfloat16"]
"""Of the forward pass of a network."""


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name.

    Args:
        name: `cpu`, `cuda`, `cuda:N`, `mps`, or `auto` for a GPU where there is one.

    Raises:
        PoseFlowError: If the name is unknown or there is no such device here.
    """
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


def uses_bfloat16(precision: Precision) -> bool:
    """Check the precision of a forward pass, and tell whether it is bfloat16."""
    if precision not in ("float32", "bfloat16"):
        raise PoseFlowError(
            f"precision: expected float32 or bfloat16, got {precision!r}"
        )
    return precision == "bfloat16"


def warn_of_slow_bfloat16(device: torch.device) -> None:
    """Warn if bfloat16 is slower than float32: CPUs without instructions for it."""
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
    module = module.to(device)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

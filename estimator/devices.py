"""Where networks run."""

from __future__ import annotations

import torch
from torch import nn

from poseflow.errors import PoseFlowError


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


def to_device(module: nn.Module, device: torch.device) -> nn.Module:
    """Move a network, its weights channels-last: what convolutions run fastest on."""
    module = module.to(device)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

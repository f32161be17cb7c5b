"""PyTorch pose network: crops to joints by heatmaps."""

from __future__ import annotations

import logging
import os

import numpy as np
import torch

from poseflow.arrays import Floats, Image
from poseflow.estimator.devices import (
    Precision,
    choose_device,
    to_device,
    uses_bfloat16,
    warn_of_slow_bfloat16,
)
from poseflow.estimator.networks.fuse import fold_batch_norm
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.topdown.heatmap import decode_heatmaps, flip_back
from poseflow.estimator.weights import LoadedNetwork, load_network
from poseflow.skeletons.skeleton import Skeleton

log = logging.getLogger(__name__)


class TorchPoseNetwork:
    """A heatmap network in PyTorch (FastPose, FastPoseDUC, SmallPose); a `PoseNetwork`.

    Args:
        loaded: Network and description, from `load_network`.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        flip_test: Average with the heatmaps of the mirrored crop: twice the time, a
            little more accurate.
        precision: Of the forward pass.
        compile: Use `torch.compile`: slow at first, faster afterwards.

    Raises:
        PoseFlowError: If there is no such device or precision.
    """

    def __init__(
        self,
        loaded: LoadedNetwork,
        device: str = "auto",
        *,
        flip_test: bool = False,
        precision: Precision = "float32",
        compile: bool = False,
    ) -> None:
        description = loaded.description
        self.skeleton: Skeleton = description.target()
        self.width, self.height = description.width, description.height
        self.margin = description.margin
        self.mean, self.std = description.mean, description.std
        self.flip_test = flip_test
        self.bfloat16 = uses_bfloat16(precision)
        self.device = choose_device(device)
        if self.bfloat16:
            warn_of_slow_bfloat16(self.device)
        self.module = to_device(fold_batch_norm(loaded.module), self.device)
        if compile:
            self.module = torch.compile(self.module)  # type: ignore[assignment]
        if description.note:
            log.info("%s", description.note)

    @classmethod
    def from_file(
        cls,
        weights: str | os.PathLike[str],
        device: str = "auto",
        *,
        skeleton: Skeleton | str | None = None,
        flip_test: bool = False,
        precision: Precision = "float32",
        compile: bool = False,
    ) -> TorchPoseNetwork:
        """Read weights; see `poseflow.estimator.weights.load_network`."""
        return cls(
            load_network(os.fspath(weights), skeleton=skeleton),
            device,
            flip_test=flip_test,
            precision=precision,
            compile=compile,
        )

    def predict(self, crops: Image) -> tuple[Floats, Floats]:
        """Joints `(N, K, 2)` in crop pixels and scores `(N, K)`; see `PoseNetwork`."""
        maps = self.heatmaps(crops)
        joints, scores = decode_heatmaps(maps)
        joints *= np.float32(self.width / maps.shape[3])
        return joints, scores

    @torch.inference_mode()
    def heatmaps(self, crops: Image) -> Floats:
        """Heatmaps `(N, K, h, w)` float32 of crops `(N, H, W, 3)` uint8 BGR."""
        image = network_input(torch.from_numpy(crops), self.mean, self.std, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            maps: Floats = self.module(image).float().cpu().numpy()
            if self.flip_test:
                mirrored = self.module(image.flip(3)).float().cpu().numpy()
                maps = (maps + flip_back(mirrored, self.skeleton)) / np.float32(2)
        return maps

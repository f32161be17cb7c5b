"""`Maps`: MoveNet's outputs, dense where decoding searches, else at single cells.

The heads for boxes, regression and offsets are read at the people's centres and at
their joints only. To compute them there, from the features that all heads share, takes
a tenth of the network's time less than to compute them everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from safetensors import safe_open

from poseflow.arrays import Floats, Ints
from poseflow.estimator.movenet.files import weights_file

DENSE = "center", "kpt_heatmap", "features"
"""Outputs for all cells; `features` are those that all heads share."""

AROUND = np.arange(-1, 2)
"""The cells that a convolution of 3 x 3 reads, from its middle."""


@dataclass(frozen=True)
class CellHead:
    """A head of the network for single cells: `SeparableConv`, 1 x 1 convolution.

    Attributes:
        depthwise: `(3, 3, F)` weights of the depthwise convolution.
        hidden: `(F, 96)` and `(96,)`, weights and bias of its 1 x 1 convolution.
        output: `(96, channels)` and `(channels,)`, those of the last one.
    """

    depthwise: Floats
    hidden: tuple[Floats, Floats]
    output: tuple[Floats, Floats]

    def __call__(self, patches: Floats) -> Floats:
        """Features `(P, ..., 3, 3, F)` around cells to the outputs there."""
        values = np.einsum("...ijf,ijf->...f", patches, self.depthwise)
        cells = values.shape[:-1]
        # A product for each person: BLAS would share a larger one among threads.
        values = values.reshape(cells[0], math.prod(cells[1:]), values.shape[-1])
        weights, bias = self.hidden
        values = np.maximum(values @ weights + bias, 0)
        weights, bias = self.output
        result: Floats = (values @ weights + bias).reshape(*cells, len(bias))
        return result


def cell_heads(name: str) -> dict[str, CellHead]:
    """The heads of a network that are not in `DENSE`, by name.

    Args:
        name: `multipose`, `thunder` or `lightning`.
    """
    with safe_open(weights_file(name), framework="numpy") as file:
        keys = [key.split(".") for key in file.keys()]  # noqa: SIM118 (no dict)
        names = {key[1] for key in keys if key[0] == "heads"}

        def tensor(head: str, key: str) -> Floats:
            values: Floats = file.get_tensor(f"heads.{head}.{key}").astype(np.float32)
            return values

        return {
            head: CellHead(
                np.moveaxis(tensor(head, "0.dw.weight")[:, 0], 0, 2),
                (tensor(head, "0.pw.weight")[..., 0, 0].T, tensor(head, "0.pw.bias")),
                (tensor(head, "1.weight")[..., 0, 0].T, tensor(head, "1.bias")),
            )
            for head in names.difference(DENSE)
        }


@dataclass(frozen=True)
class Maps:
    """MoveNet's outputs for N inputs, as logits and cells.

    Attributes:
        center: `(N, 1, H, W)` logits of people's centres.
        kpt_heatmap: `(N, 17, H, W)` logits of joints.
        features: `(N, F, H, W)` that all heads share.
        heads: The other heads.
    """

    center: Floats
    kpt_heatmap: Floats
    features: Floats
    heads: Mapping[str, CellHead]

    def at(self, head: str, image: Ints, y: Ints, x: Ints) -> Floats:
        """A head's outputs `(P, ..., channels)` at cells; all indices `(P, ...)`.

        Args:
            head: `kpt_regress`, `kpt_offset`; MultiPose also has `box_scale` and
                `box_offset`.
            image: Which input.
            y: Row of the cell.
            x: Its column.
        """
        height, width = self.features.shape[2:]
        rows, columns = y[..., None] + AROUND, x[..., None] + AROUND
        inside_y = (rows >= 0) & (rows < height)
        inside_x = (columns >= 0) & (columns < width)
        patches = self.features[
            image[..., None, None],
            :,
            np.clip(rows, 0, height - 1)[..., :, None],
            np.clip(columns, 0, width - 1)[..., None, :],
        ]
        inside = inside_y[..., :, None] & inside_x[..., None, :]
        # Not a product: a feature outside that is not finite is no matter.
        return self.heads[head](np.where(inside[..., None], patches, 0))

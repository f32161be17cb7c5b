"""Make the graphs that onnxruntime runs MoveNet by on a CPU.

    python tools/movenet_graphs.py estimator/models

A graph holds no weights: its tensors lie in `movenet_NAME.safetensors` beside it, as
ONNX external data of half precision. Its input is `(N, H, W, 3)` uint8 BGR. Needs the
package onnx.
"""

from __future__ import annotations

import io
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from poseflow.estimator.movenet.in_torch import load_movenet
from poseflow.estimator.movenet.maps import DENSE
from poseflow.estimator.networks.movenet import WIDTHS, MoveNet, normalise

OPSET = 17


class FromBytes(nn.Module):
    """A network with the conversion of its input from bytes."""

    def __init__(self, net: MoveNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Outputs for all cells, in the order of `DENSE`."""
        return self.net.dense(normalise(images))


def exported(name: str) -> onnx.ModelProto:
    """The graph with its weights."""
    net = load_movenet(name)
    images = torch.zeros(1, 64, 96, 3, dtype=torch.uint8)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's deprecation
        torch.onnx.export(
            FromBytes(net),
            (images,),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=list(DENSE),
            dynamic_axes={"images": {0: "n", 1: "height", 2: "width"}}
            | {name: {0: "n", 2: "rows", 3: "columns"} for name in DENSE},
        )
    return onnx.load_from_string(buffer.getvalue())


def places(path: Path) -> dict[str, tuple[int, int]]:
    """Offset and length in bytes of each tensor of a safetensors file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return {
        key: (
            8 + size + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for key, entry in header.items()
    }


def without_weights(model: onnx.ModelProto, weights: Path) -> onnx.ModelProto:
    """The graph with its weights taken from a safetensors file of half precision."""
    where = places(weights)
    kept, casts = [], []
    for tensor in model.graph.initializer:
        key = tensor.name.removeprefix("net.")
        if key not in where:
            kept.append(tensor)
            continue
        half = TensorProto(name=f"{key}/half", data_type=TensorProto.FLOAT16)
        half.dims.extend(tensor.dims)
        half.data_location = TensorProto.EXTERNAL
        offset, length = where.pop(key)
        for entry, value in (
            ("location", weights.name),
            ("offset", offset),
            ("length", length),
        ):
            half.external_data.add(key=entry, value=str(value))
        kept.append(half)
        casts.append(
            helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT)
        )
    missing = [key for key in where if not key.startswith("heads.")]
    if missing:
        sys.exit(f"{weights}: not in the graph: {', '.join(missing)}")
    nodes = [*casts, *model.graph.node]
    for field, values in (("initializer", kept), ("node", nodes)):
        model.graph.ClearField(field)
        getattr(model.graph, field).extend(values)
    for node in model.graph.node:
        node.ClearField("doc_string")
    return model


def with_padding_folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph whose strided convolutions pad themselves.

    A `Pad` before a convolution makes onnxruntime leave its blocked layout and return
    to it: a fifth of the time.
    """
    nodes = model.graph.node
    for pad in [node for node in nodes if node.op_type == "Pad"]:
        (conv,) = [node for node in nodes if pad.output[0] in node.input]
        conv.input[0] = pad.input[0]
        (pads,) = [entry for entry in conv.attribute if entry.name == "pads"]
        pads.ints[:] = [0, 0, 1, 1]  # top, left, bottom, right: as `StridedConv` pads
        nodes.remove(pad)
    return model


def with_channels_in_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph that reverses the first convolution's weights, not every image."""
    nodes = model.graph.node
    (reversal,) = [node for node in nodes if "images" in node.input]
    (follower,) = [node for node in nodes if reversal.output[0] in node.input]
    (stem,) = [
        node for node in nodes if node.op_type == "Conv" and "/stem/" in node.name
    ]
    if reversal.op_type != "Slice":
        sys.exit(f"expected the reversal of channels first, got {reversal.op_type}")
    follower.input[0] = "images"
    order = numpy_helper.from_array(np.array([2, 1, 0]), "blue-green-red")
    model.graph.initializer.append(order)
    weights = stem.input[1]
    stem.input[1] = f"{weights}/reversed"
    nodes.insert(
        list(nodes).index(stem),
        helper.make_node("Gather", [weights, order.name], [stem.input[1]], axis=1),
    )
    return model


def without_unused(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph without nodes whose output nothing takes."""
    graph = model.graph
    while True:
        used = {name for node in graph.node for name in node.input}
        used |= {output.name for output in graph.output}
        unused = [node for node in graph.node if used.isdisjoint(node.output)]
        if not unused:
            return model
        for node in unused:
            graph.node.remove(node)


def main(folder: Path) -> None:
    """Write `movenet_NAME.onnx` of each network."""
    for name in WIDTHS:
        path = folder / f"movenet_{name}.onnx"
        model = with_channels_in_weights(with_padding_folded(exported(name)))
        weights = path.with_suffix(".safetensors")
        model = without_weights(without_unused(model), weights)
        onnx.save(model, path)
        onnx.checker.check_model(path)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

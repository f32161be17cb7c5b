"""FastPose against AlphaPose's reference output."""

import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.fastpose import FastPose, FastPoseDUC

GOLDEN = Path(__file__).parents[2] / "golden" / "alphapose"


def uniform(key, shape):
    """Numbers in [0, 1) that belong to a name: how the reference was fed."""
    seed = 3 * 2**32 + zlib.crc32(key.encode())
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.random(int(np.prod(shape))).reshape(shape)


def generated_weights(state):
    weights = {}
    for key, tensor in state.items():
        shape, last = tuple(tensor.shape), key.rsplit(".", 1)[-1]
        if last == "num_batches_tracked":
            weights[key] = torch.zeros(shape, dtype=tensor.dtype)
            continue
        u = uniform(key, shape)
        if last == "running_var":
            u = 0.5 + u
        elif last in ("running_mean", "bias"):
            u = 0.2 * u - 0.1
        elif len(shape) == 1:
            u = 0.5 + 0.5 * u
        else:
            u = (2 * u - 1) * np.sqrt(6 / np.prod(shape[1:]))
        weights[key] = torch.from_numpy(u.astype(np.float32))
    return weights


@pytest.mark.parametrize(
    ("name", "build"),
    [
        pytest.param("fastpose_res50", lambda: FastPose(50, 17), id="FastPose-50"),
        pytest.param(
            "fastpose_duc_res152", lambda: FastPoseDUC(152, 17), id="FastPose-DUC-152"
        ),
    ],
)
def test_published_network(name, build):
    expected = json.loads((GOLDEN / f"{name}_keys.json").read_text())
    with torch.device("meta"):  # saves drawing random weights
        network = build().eval()
    layout = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for key, value in network.state_dict().items()
    ]
    assert layout == expected["state_dict"]

    weights = generated_weights(network.state_dict())
    for key, check in expected["checksums"].items():
        digest = hashlib.sha256(weights[key].numpy().tobytes()).hexdigest()
        assert digest == check["sha256"], key
    network.load_state_dict(weights, assign=True)
    image = torch.from_numpy((uniform("input", (2, 3, 256, 192)) - 0.45).astype("f4"))
    with torch.inference_mode():
        features = network.preact(image)
        heatmaps = network(image).numpy()

    backbone = expected["backbone_output"]
    assert list(features.shape) == backbone["shape"]
    assert features.double().sum().item() == pytest.approx(
        backbone["sum_float64"], rel=1e-6
    )
    reference = np.load(GOLDEN / f"{name}_heatmaps.npz")["heatmaps"]
    # float32 itself is only good to 8e-6 of the largest value in the deeper network.
    np.testing.assert_allclose(
        heatmaps, reference, rtol=0, atol=2e-5 * np.abs(reference).max()
    )


@pytest.mark.parametrize(("network", "num_layers"), [(FastPose, 34), (FastPoseDUC, 18)])
def test_shallow_and_any_joints(network, num_layers):
    net = network(num_layers=num_layers, num_joints=5).eval()
    with torch.inference_mode():
        assert net(torch.zeros(2, 3, 64, 32)).shape == (2, 5, 16, 8)


def test_101_layers_has_its_blocks():
    with torch.device("meta"):
        stages = FastPose(num_layers=101).preact
    assert [
        len(s) for s in (stages.layer1, stages.layer2, stages.layer3, stages.layer4)
    ] == [3, 4, 23, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_layers": 51}, "num_layers: expected one of 18, 34, 50, 101, 152"),
        ({"num_joints": 0}, "num_joints: expected at least 1"),
    ],
)
def test_impossible_networks(options, message):
    with pytest.raises(PoseFlowError, match=message):
        FastPose(**options)

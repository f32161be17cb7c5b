"""Weights files: recognising, loading and refusing them."""

import os
import pickle

import pytest
import torch

from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.build import FastPoseConfig, SmallPoseConfig, build
from poseflow.estimator.networks.fastpose import FastPose, FastPoseDUC
from poseflow.estimator.weights import (
    NetworkDescription,
    load_network,
    save_weights,
    state_on_cpu,
)

JOINTS = ("left_ear", "right_ear", "tail")


@pytest.fixture
def small(tmp_path):
    config = SmallPoseConfig(widths=(32, 32), blocks=(1,))
    network = build(config, 3).eval()
    description = NetworkDescription(
        model=config,
        skeleton="cat",
        joints=JOINTS,
        width=32,
        height=48,
        note="research",
    )
    path = tmp_path / "small.safetensors"
    save_weights(path, network.state_dict(), description)
    return path, network, description


def test_own_weights_carry_metadata(small):
    path, network, description = small
    loaded = load_network(path)
    assert loaded.description == description
    assert loaded.description.target().name == "cat"
    assert loaded.description.target().flip_indices.tolist() == [1, 0, 2]
    image = torch.rand(1, 3, 48, 32)
    with torch.inference_mode():
        assert torch.equal(loaded.module(image), network(image))


@pytest.mark.parametrize(
    ("build_network", "wrapped"),
    [
        pytest.param(lambda: FastPose(18, 17), True, id="FastPose-18 by a GPU trainer"),
        pytest.param(lambda: FastPoseDUC(18, 17), False, id="FastPose-DUC-18"),
    ],
)
def test_published_layout_is_recognised(tmp_path, build_network, wrapped):
    network = build_network().eval()
    state = state_on_cpu(network)
    if wrapped:
        state = {f"module.{k}": v for k, v in state.items() if "num_batches" not in k}
        state = {"state_dict": state}
    path = tmp_path / "fast_res18_256x192.pth"
    torch.save(state, path)
    loaded = load_network(path)
    assert type(loaded.module) is type(network)
    assert loaded.description.skeleton == "coco17"
    assert loaded.description.model.num_layers == 18
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(loaded.module(image), network(image))


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "old torch", "pickle"])
def test_code_in_a_pickle_does_not_run(tmp_path, how):
    mark = tmp_path / "payload-ran"
    content = {"conv_out.weight": torch.zeros(1), "x": Payload(mark)}
    path = tmp_path / "evil.pth"
    if how == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(PoseFlowError, match=r"evil\.pth: refused") as error:
        load_network(path)
    assert not mark.exists()
    assert "none was run" in str(error.value)
    # The payload is a real one: loading it carelessly does run it.
    if how == "pickle":
        pickle.loads(path.read_bytes())
        assert mark.exists()


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_files_are_refused(small, tmp_path, kind, share):
    path, network, _ = small
    if kind == "pth":
        path = tmp_path / "small.pth"
        torch.save(network.state_dict(), path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(
        PoseFlowError, match=rf"small\.{kind}: (not a complete|refused)"
    ):
        load_network(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param({"a": torch.zeros(2)}, "not weights of a known", id="another"),
        pytest.param([1, 2], "expected tensors by name, got list", id="a list"),
        pytest.param({"a": 3}, "but 'a' is a int", id="no tensors"),
        pytest.param({}, "expected tensors by name", id="nothing"),
    ],
)
def test_other_contents_are_named(tmp_path, content, message):
    path = tmp_path / "w.pth"
    torch.save(content, path)
    with pytest.raises(PoseFlowError, match=message):
        load_network(path)


def test_tensors_must_fit(tmp_path, small):
    state = state_on_cpu(FastPose(18, 17))
    wide = state | {"conv_out.bias": torch.zeros(4)}
    torch.save(wide, tmp_path / "w.pth")
    with pytest.raises(PoseFlowError, match=r"conv_out\.bias: FastPose expects shape"):
        load_network(tmp_path / "w.pth")
    state.pop("duc1.conv.weight")
    state["surplus"] = torch.zeros(1)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(PoseFlowError, match=r"1 tensors are missing.*1 unknown"):
        load_network(tmp_path / "w.pth")


def test_joint_counts_must_agree(tmp_path, small):
    path, *_ = small
    with pytest.raises(PoseFlowError, match="has 3 joints, skeleton 'coco17' has 17"):
        load_network(path, skeleton="coco17")
    torch.save(state_on_cpu(FastPose(18, 19)), tmp_path / "w.pth")
    with pytest.raises(PoseFlowError, match="no known skeleton has 19 joints"):
        load_network(tmp_path / "w.pth")
    with pytest.raises(PoseFlowError, match="has 19 joints, skeleton 'coco17' has 17"):
        load_network(tmp_path / "w.pth", skeleton="coco17")


def test_missing_file():
    with pytest.raises(PoseFlowError, match="no such weights file"):
        load_network("gone.pth")


def test_descriptions_name_networks():
    assert build(FastPoseConfig(num_layers=18), 5).num_joints == 5
    with pytest.raises(PoseFlowError, match="num_layers"):
        build(FastPoseConfig(num_layers=7), 5)
    with pytest.raises(PoseFlowError, match="multiples of 32"):
        build(SmallPoseConfig(widths=(30, 32), blocks=(1,)), 5)
    with pytest.raises(PoseFlowError, match="blocks: expected a number above 0"):
        build(SmallPoseConfig(widths=(32, 32), blocks=(1, 2)), 5)

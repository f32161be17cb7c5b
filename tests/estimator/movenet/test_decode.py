"""MoveNet against reference outputs: raw maps, people, joints."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from poseflow.errors import PoseFlowError
from poseflow.estimator.movenet.decode import (
    decode_people,
    decode_person,
    decode_seeded,
)
from poseflow.estimator.movenet.files import graph_file
from poseflow.estimator.movenet.in_torch import load_movenet, on_device
from poseflow.estimator.movenet.loaded import LoadedMoveNet, on_cpu
from poseflow.estimator.movenet.maps import DENSE, Maps, cell_heads
from poseflow.estimator.networks.movenet import SEARCHED, MoveNet, movenet

GOLDEN = Path(__file__).parents[2] / "golden" / "movenet" / "outputs.npz"
NETWORKS = ["multipose", "thunder", "lightning"]


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def engines(name):
    """The network in onnxruntime and in torch."""
    return {"onnxruntime": on_cpu(name), "torch": on_device(name, "cpu")}


@pytest.fixture(scope="module", params=["onnxruntime", "torch"])
def outputs(golden, request):
    torch.set_num_threads(1)
    return {
        name: Maps(
            *engines(name)[request.param](
                cv2.imdecode(golden[f"{name}_image"], cv2.IMREAD_COLOR)[None]
            ),
            cell_heads(name),
        )
        for name in NETWORKS
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_raw_outputs_equal_the_reference(name, golden, outputs):
    out = outputs[name]
    rows, columns = (range(0, side, 8) for side in out.center.shape[2:])
    y, x = np.meshgrid(rows, columns, indexing="ij")
    found = {head: np.moveaxis(out.at(head, 0 * y, y, x), 2, 0) for head in out.heads}
    found["center"] = out.center[0][:, y, x]
    found["kpt_heatmap"] = out.kpt_heatmap[0][:, y, x]
    assert {f"{name}_{head}" for head in found} == {
        key for key in golden if key.startswith(name) and golden[key].ndim == 3
    } - {f"{name}_keypoints"}
    for head, values in found.items():
        expected = golden[f"{name}_{head}"]
        assert np.allclose(values, expected, rtol=0, atol=1e-4), head


@pytest.mark.parametrize("name", NETWORKS)
def test_heads_at_cells_are_those_of_the_whole_map(name):
    network = load_movenet(name)
    image = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        whole = network(image)
        dense = [maps.numpy() for maps in network.dense(image)]
    out = Maps(*dense, cell_heads(name))
    image, y, x = np.indices((2, 16, 24))
    for head in out.heads:
        expected = whole[head].permute(0, 2, 3, 1).numpy()
        assert np.allclose(out.at(head, image, y, x), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_do_not_depend_on_threads_or_batches(name, golden):
    image = cv2.imdecode(golden[f"{name}_image"], cv2.IMREAD_COLOR)
    images = [image, image[::-1], image[:, ::-1]]
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(LoadedMoveNet(name, "cpu").outputs(images))
    network = LoadedMoveNet(name, "cpu")
    alone = [network.outputs([each]) for each in images]
    for head in DENSE:
        values = getattr(results[0], head)
        assert np.array_equal(values, getattr(results[1], head))
        assert np.array_equal(values, np.concatenate([getattr(a, head) for a in alone]))


@pytest.mark.parametrize("name", ["thunder", "lightning"])
def test_single_person_equals_the_reference(name, golden, outputs):
    keypoints, scores = decode_person(outputs[name])
    expected = golden[f"{name}_keypoints"]
    assert np.abs(keypoints[0] - expected[:, :2]).max() <= 0.05
    assert np.abs(scores[0] - expected[:, 2]).max() <= 1e-4


def test_people_equal_the_reference(golden, outputs):
    people = decode_people(outputs["multipose"], 0.1)
    expected = golden["multipose_keypoints"]
    assert np.abs(people.keypoints - expected[..., :2]).max() <= 0.05
    assert np.abs(people.keypoint_scores - expected[..., 2]).max() <= 1e-4
    assert np.abs(people.boxes - golden["multipose_boxes"]).max() <= 0.05
    assert np.abs(people.scores - golden["multipose_scores"]).max() <= 1e-4


class Made:
    """Outputs as a test wants them, each for all cells."""

    def __init__(self, count, height, width):
        for name, head in movenet("multipose").heads.items():
            fill = -9.0 if name in ("center", "kpt_heatmap") else 0.0
            shape = (count, head[1].out_channels, height, width)
            setattr(self, name, np.full(shape, fill, np.float32))

    def at(self, head, image, y, x):
        return np.moveaxis(getattr(self, head), 1, 3)[image, y, x]


def empty_outputs(count=1, height=24, width=32):
    """Raw outputs without a person."""
    return Made(count, height, width)


def add_person(out, image, y, x, side=6.0):
    """Put a person with all joints in a cell, its joints exactly where it says."""
    out.center[image, 0, y, x] = 3
    out.box_scale[image, :, y, x] = side
    for joint in range(17):
        dy, dx = divmod(joint, 5)
        out.kpt_regress[image, 2 * joint : 2 * joint + 2, y, x] = dy - 1, dx - 2
        out.kpt_heatmap[image, joint, y + dy - 1, x + dx - 2] = 4


def test_more_than_six_people_of_several_images_are_decoded():
    out = empty_outputs(3)
    places = [(y, x) for y in (4, 12, 19) for x in (4, 12, 20, 28)]
    for y, x in places:
        add_person(out, 2, y, x)
    add_person(out, 0, 12, 12)
    people = decode_people(out, 0.3)
    assert people.image.tolist() == [0] + [2] * 12
    found = people.keypoints[:, 7] / 4  # joint 7 lies in the centre's cell
    assert {tuple(p) for p in found[1:].tolist()} == {(x, y) for y, x in places}
    assert people.boxes[0].tolist() == [36, 36, 60, 60]
    assert people.scores == pytest.approx(
        1 / (1 + np.exp(-3)) / (1 + np.exp(-4)), abs=1e-6
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_nothing_in_nothing_out(count):
    people = decode_people(empty_outputs(count))
    assert people.keypoints.shape == (0, 17, 2)
    assert people.boxes.shape == (0, 4)
    keypoints, scores = decode_seeded(empty_outputs(0), np.zeros((0, 17, 2)), 20)
    assert keypoints.shape == (0, 17, 2)
    assert scores.shape == (0, 17)


def test_outputs_that_are_not_finite_are_no_people():
    out = empty_outputs()
    add_person(out, 0, 12, 12)
    out.center[0, 0, 4, 4] = np.nan
    out.kpt_offset[0, 0, 11, 10] = np.inf
    people = decode_people(out, 0.3)
    assert len(people.scores) == 1
    assert np.isfinite(people.keypoints).all()
    assert (people.keypoint_scores[0] > 0.5).sum() == 16


def test_seeds_decide_between_two_people():
    out = empty_outputs()
    add_person(out, 0, 12, 8)
    add_person(out, 0, 12, 24)
    people = decode_people(out, 0.3)
    for k in range(2):
        seeds = people.keypoints[k : k + 1]
        keypoints, scores = decode_seeded(out, seeds + 3, 20)
        assert np.allclose(keypoints, seeds)
        assert (scores > 0.9).all()


def test_unknown_networks_and_widths_are_named():
    with pytest.raises(PoseFlowError, match="expected multipose, thunder, lightning"):
        movenet("thunderbolt")
    with pytest.raises(PoseFlowError, match="widths: expected 8 numbers"):
        MoveNet([8, 8], boxes=False)


@pytest.mark.parametrize("name", NETWORKS)
def test_graphs_pad_within_the_convolutions(name):
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(graph_file(name), load_external_data=False).graph
    kinds = [node.op_type for node in graph.node]
    assert "Pad" not in kinds
    network = movenet(name)
    for head in set(network.heads) - set(SEARCHED):
        del network.heads[head]
    assert kinds.count("Conv") == sum(
        isinstance(module, torch.nn.Conv2d) for module in network.modules()
    )


def test_a_box_between_two_cells_has_joints_without_a_score():
    out = empty_outputs(height=16, width=16)
    for x, y, offset in ((2, 5, 0.5), (15, 15, 9), (9, 9, float("nan"))):
        out.center[0, 0, y, x] = 3
        out.box_offset[0, :, y, x] = offset
        out.box_scale[0, :, y, x] = 0.2
    people = decode_people(out)
    assert len(people.scores) == 3
    assert (people.scores == 0).all()
    assert np.isfinite(people.keypoints).all()

"""`poseflow estimate`: unusable weights and unusual images."""

import json
import os

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from poseflow.cli.app import app
from poseflow.estimator.networks.build import SmallPoseConfig, build
from poseflow.estimator.weights import NetworkDescription, save_weights
from poseflow.skeletons import COCO17


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of weights, good and bad, and one of images."""
    folder = tmp_path_factory.mktemp("estimate")
    torch.manual_seed(0)
    model = SmallPoseConfig(widths=(32, 32), blocks=(1,))
    state = build(model, 17).state_dict()

    def save(name, state, joints=COCO17.joints):
        description = NetworkDescription(
            model=model, skeleton="coco17", joints=joints, width=32, height=48
        )
        save_weights(folder / name, state, description)

    save("good.safetensors", state)
    save("joints.safetensors", state, joints=("nose", "tail"))
    save("nan.safetensors", {k: v * float("nan") for k, v in state.items()})
    whole = (folder / "good.safetensors").read_bytes()
    (folder / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    torch.save({"other.weight": torch.zeros(3)}, folder / "other.pth")
    torch.save({"a": Payload(str(folder / "payload-ran"))}, folder / "code.pth")
    images = {
        "grey": np.zeros((30, 40), np.uint8),
        "16 bits": np.zeros((30, 40, 3), np.uint16),
        "with alpha": np.zeros((30, 40, 4), np.uint8),
        "one pixel": np.zeros((1, 1, 3), np.uint8),
    }
    for name, image in images.items():
        (folder / name).mkdir()
        cv2.imwrite(str(folder / name / "0.png"), image)
    return folder


def estimate(folder, out, images="grey", weights="good.safetensors", *more):
    command = ["estimate", str(folder / images), "-o", str(out), "--detector"]
    command += ["whole", "--weights", str(folder / weights), *more]
    return CliRunner().invoke(app, command)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        pytest.param("code.pth", "refused: it holds more than", id="code in a pickle"),
        pytest.param("other.pth", "not weights of a known network", id="another"),
        pytest.param("cut.safetensors", "not a complete safetensors", id="truncated"),
        pytest.param("joints.safetensors", "expects shape (2,), got", id="joints"),
        pytest.param("gone.safetensors", "no such weights file", id="missing"),
    ],
)
def test_bad_weights_give_one_line_and_keep_the_result(
    folder, tmp_path, weights, message
):
    out = tmp_path / "out.json"
    out.write_text("earlier")
    result = estimate(folder, out, "grey", weights)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("poseflow: ")
    assert weights in line
    assert message in line
    assert out.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [out]
    assert not (folder / "payload-ran").exists()


@pytest.mark.parametrize("images", ["grey", "16 bits", "with alpha", "one pixel"])
def test_odd_images_are_ordinary(folder, tmp_path, images):
    out = tmp_path / "out.json"
    result = estimate(folder, out, images)
    assert result.exit_code == 0, result.output
    assert out.exists()
    assert "1 frames" in result.output


def test_non_finite_outputs_drop_the_person_not_the_frame(folder, tmp_path):
    out = tmp_path / "out.json"
    result = estimate(folder, out, "grey", "nan.safetensors")
    assert result.exit_code == 0, result.output
    assert "poseflow: warning: the pose network found no joint" in result.output
    assert json.loads(out.read_text()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_no_gpu_gives_one_line(folder, tmp_path):
    result = estimate(
        folder, tmp_path / "o.json", "grey", "good.safetensors", "--device", "cuda"
    )
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("poseflow: device 'cuda': torch finds none here")

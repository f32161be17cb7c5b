"""Training of the CenterNet detector: learning, resuming and detecting."""

import csv
import json

import cv2
import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from poseflow.cli.guard import GuardedGroup
from poseflow.cli.train import train as train_command
from poseflow.cli.train import validate as validate_command
from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator import Estimator
from poseflow.estimator.detectors.centernet import CentreDetector
from poseflow.estimator.detectors.registry import make_detector
from poseflow.estimator.protocols import Detector
from poseflow.estimator.training.any_config import load_any_config
from poseflow.estimator.training.loop import load_initial_weights, train
from poseflow.estimator.weights import load_detector, load_network, read_weights


@pytest.fixture
def detector_config(tmp_path, blobs):
    blobs.write_data(tmp_path)
    return blobs.write_config(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, blobs):
    """A run that has learned, its folder and its log."""
    folder = tmp_path_factory.mktemp("detector")
    blobs.write_data(folder)
    threads = torch.get_num_threads()
    config = load_any_config(
        blobs.write_config(folder), ["epochs=44", "validate_every=44"]
    )
    rows = train(config)
    torch.set_num_threads(threads)
    return folder, rows


def tensors(folder):
    with_metadata, _ = load_detector(folder / "last.safetensors")
    return with_metadata.state_dict()


def test_learns_and_logs(trained):
    folder, rows = trained
    assert rows[-1]["loss"] < rows[0]["loss"] / 3
    assert rows[-1]["recall"] > 0.9
    assert rows[-1]["ap50"] > 0.9
    assert rows[-1]["false_positives"] <= 0.3
    with (folder / "run" / "log.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == 44
    assert float(table[-1]["ap50"]) == rows[-1]["ap50"]


def test_detects_in_images_of_any_shape(trained, blobs):
    folder, _ = trained
    detector = make_detector(
        "centre", weights=folder / "run" / "best.safetensors", device="cpu"
    )
    assert isinstance(detector, Detector)
    rng = np.random.default_rng(5)
    boxes = np.array([[20, 20, 38, 70], [80, 10, 100, 60.0]])
    plain = blobs.draw(boxes, rng)
    large = cv2.resize(plain, (640, 480), interpolation=cv2.INTER_NEAREST)
    upright = np.zeros((160, 96, 3), np.uint8)
    upright[30:126] = plain[:, 10:106]
    found = detector.detect([plain, upright, large, blobs.draw([], rng)])
    assert [len(each) for each in found] == [2, 2, 2, 0]
    for each, truth in zip(
        found, (boxes, boxes + [-10, 30] * 2, boxes * 5), strict=False
    ):
        order = each.boxes[:, 0].argsort()
        assert each.boxes.dtype == np.float32
        limit = 0.12 * (truth[:, 3] - truth[:, 1]).max()
        assert np.abs(each.boxes[order] - truth).max() < limit
        assert ((each.scores > 0) & (each.scores <= 1)).all()
    assert detector.detect([]) == []


def test_batches_change_nothing(trained, blobs):
    folder, _ = trained
    rng = np.random.default_rng(2)
    images = [blobs.draw(blobs.places(rng, k % 4), rng) for k in range(6)]
    path = folder / "run" / "best.safetensors"
    together = CentreDetector.from_file(path, "cpu").detect(images)
    alone = CentreDetector.from_file(path, "cpu", batch_size=1).detect(images)
    for a, b in zip(together, alone, strict=True):
        assert np.allclose(a.boxes, b.boxes, atol=1e-3)
        assert np.allclose(a.scores, b.scores, atol=1e-5)


def test_resumed_equals_uninterrupted(detector_config, tmp_path):
    class Stopped(Exception):
        pass

    def stop(epoch, step, _):
        if (epoch, step) == (1, 2):
            raise Stopped

    changes = ["epochs=2", "checkpoint_minutes=1e-9"]
    whole = load_any_config(detector_config, [f"out={tmp_path / 'whole'}", *changes])
    rows = train(whole)
    cut = load_any_config(detector_config, [f"out={tmp_path / 'cut'}", *changes])
    with pytest.raises(Stopped):
        train(cut, on_step=stop)
    resumed = train(cut)
    assert [r["loss"] for r in rows] == [r["loss"] for r in resumed]
    a, b = tensors(tmp_path / "whole"), tensors(tmp_path / "cut")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_worker_count_changes_nothing(detector_config):
    from torch.utils.data import DataLoader

    from poseflow.estimator.training.detection.task import DetectionTask
    from poseflow.estimator.training.pose.samples import SeededBatches

    task = DetectionTask(load_any_config(detector_config))

    def batches(workers):
        order = SeededBatches(len(task.samples), 8, 7)
        order.epoch = 2
        return list(DataLoader(task.samples, batch_sampler=order, num_workers=workers))

    for alone, shared in zip(batches(0), batches(2), strict=True):
        for a, b in zip(alone, shared, strict=True):
            assert torch.equal(a, b)


def test_unreadable_images_are_skipped(detector_config, tmp_path):
    from poseflow.estimator.training.detection.task import DetectionTask

    content = json.loads((tmp_path / "people.json").read_text())
    for image in content["images"]:
        image["file_name"] = "gone.png"
    (tmp_path / "people.json").write_text(json.dumps(content))
    config = load_any_config(detector_config, ["data.train=[]"])
    with pytest.raises(PoseFlowError, match="at least one data set"):
        DetectionTask(config)
    task = DetectionTask(load_any_config(detector_config, ["compose.peopled=1"]))
    with pytest.warns(UserWarning, match=r"left out: .*gone\.png"):
        batch = task.samples[0]
    assert not batch.counted.any()
    assert not batch.boxes.any()


def test_command_line(detector_config, tmp_path):
    app = typer.Typer(cls=GuardedGroup)
    app.command()(train_command)
    app.command()(validate_command)
    runner = CliRunner()
    wanted = ["--set", "epochs=1"]
    result = runner.invoke(app, ["train", str(detector_config), *wanted])
    assert result.exit_code == 0, result.output
    best = result.output.splitlines()[-1]
    figures = tmp_path / "figures.json"
    command = ["validate", str(detector_config), "--weights", best]
    result = runner.invoke(app, [*command, "--json", str(figures)])
    assert result.exit_code == 0, result.output
    assert "FP/image" in result.output
    content = json.loads(figures.read_text())
    assert (content["pictures"], content["empty"]) == (20, 6)

    result = runner.invoke(app, [*command, "--split", "test"])
    assert result.exit_code == 1
    assert "data.test: expected at least one data set" in result.output
    result = runner.invoke(app, ["train", str(detector_config), "--set", "skeleton=x"])
    assert result.exit_code == 1
    assert "unknown field `skeleton`" in result.output


def test_initial_weights_of_a_detector(trained, caplog):
    folder, _ = trained
    module, description = load_detector(folder / "run" / "best.safetensors")
    fresh = description.model.build()
    with caplog.at_level("INFO"):
        load_initial_weights(fresh, folder / "run" / "best.safetensors")
    count = len(fresh.state_dict())
    assert f"loaded {count} of {count} tensors" in caplog.text
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, fresh.state_dict()[name]), name


def test_the_two_kinds_of_weights_are_told_apart(trained, tmp_path):
    folder, _ = trained
    path = folder / "run" / "best.safetensors"
    for reader in (load_network, read_weights):
        with pytest.raises(FormatError, match="of a person detector, not of a pose"):
            reader(path)
    pose = tmp_path / "pose.safetensors"
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, pose)
    with pytest.raises(FormatError, match="not weights of a person detector"):
        load_detector(pose)
    with pytest.raises(FormatError, match="no such weights file"):
        load_detector(tmp_path / "none.safetensors")
    with pytest.raises(PoseFlowError, match="needs detector_weights"):
        Estimator("torch", weights=pose, detector="centre")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 2.0}, "threshold must be .*, got 2"),
        ({"batch_size": 0}, "batch_size must be .* at least 1, got 0"),
        ({"precision": "half"}, "precision: expected float32 or bfloat16"),
    ],
)
def test_options_are_checked(trained, options, message):
    path = trained[0] / "run" / "best.safetensors"
    with pytest.raises(PoseFlowError, match=message):
        CentreDetector.from_file(path, "cpu", **options)

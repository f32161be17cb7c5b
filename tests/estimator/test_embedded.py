"""Embedded models: how they are made, exported, loaded and calibrated."""

import gzip
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open

from poseflow.errors import PoseFlowError
from poseflow.estimator import Estimator, detector_names, embedded, estimator_names
from poseflow.estimator.calibration import calibrate
from poseflow.estimator.torch_network import TorchPoseNetwork
from poseflow.estimator.training.config import load_config
from poseflow.estimator.training.embedded_models import make_models
from poseflow.estimator.training.pose.calibration import fit_calibration, reliability
from poseflow.estimator.training.pose.task import PoseTask
from poseflow.estimator.training.pose.viewpoint_groups import BEHIND, group_people
from poseflow.estimator.weights import load_detector, load_network
from poseflow.skeletons import get
from poseflow.synthetic import SceneConfig, make_scene

ROOT = Path(__file__).parents[2]
LSP_IMAGES = 8010
"""So many make one percent of the configurations' numbers end inside."""


def pictures_and_truth(skeleton, count, people=2):
    """Small rendered images, and the annotation of each."""
    config = SceneConfig(frames=count, people=people, size=(160, 120), props=False)
    scene = make_scene(config, seed=4, skeleton=get(skeleton))
    return [(scene.render(k), scene.annotation(k)) for k in range(count)]


def encoded(image):
    return cv2.imencode(".jpg", image)[1].tobytes()


def write_lspet(folder):
    folder.mkdir()
    made = [p for p in pictures_and_truth("lsp14", 12) if len(p[1])]
    names = [f"im{k + 1:05d}.jpg" for k in range(LSP_IMAGES)]
    used = [*range(80), *range(7500, 7510), *range(8000, LSP_IMAGES)]
    joints = np.zeros((LSP_IMAGES, 14, 3), np.float32)
    boxes = np.tile(np.float32([0, 0, 10, 10]), (LSP_IMAGES, 1))
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for k in used:
            image, truth = made[k % len(made)]
            archive.writestr(names[k], encoded(image))
            joints[k, :, :2] = truth.poses.keypoints[0]
            joints[k, :, 2] = 1
            x0, y0, x1, y1 = truth.poses.boxes[0]
            boxes[k] = [x0, y0, x1 - x0, y1 - y0]
    labels = ("neck" if j == "head_bottom" else j for j in get("lsp14").joints)
    np.savez(
        folder / "labels.npz",
        joints=joints,
        joint_names=np.array(list(labels)),
        archives=np.array(["images.zip"] * LSP_IMAGES),
        file_names=np.array(names),
        boxes=boxes,
    )
    (folder / "model_poses.json.gz").write_bytes(gzip.compress(b"{}"))


def write_coco(folder, annotations, images, count):
    folder.mkdir(exist_ok=True)
    listed, notes = [], []
    with zipfile.ZipFile(folder / images, "w") as archive:
        for k, (image, truth) in enumerate(pictures_and_truth("coco17", count)):
            archive.writestr(f"{k}.jpg", encoded(image))
            listed.append({"id": k, "file_name": f"{k}.jpg"})
            for n in range(len(truth)):
                x0, y0, x1, y1 = truth.poses.boxes[n].tolist()
                flags = truth.visibility[n][:, None]
                values = np.concatenate([truth.poses.keypoints[n], flags], axis=1)
                notes.append(
                    {
                        "id": len(notes) + 1,
                        "image_id": k,
                        "category_id": 1,
                        "iscrowd": 0,
                        "bbox": [x0, y0, x1 - x0, y1 - y0],
                        "area": (x1 - x0) * (y1 - y0),
                        "keypoints": values.ravel().tolist(),
                    }
                )
    content = {
        "images": listed,
        "annotations": notes,
        "categories": [{"id": 1, "keypoints": list(get("coco17").joints)}],
    }
    (folder / annotations).write_text(json.dumps(content))
    (folder / "model_poses.json").write_text("{}")


def write_negatives(folder):
    folder.mkdir()
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for k, (image, _) in enumerate(pictures_and_truth("coco17", 10, people=0)):
            archive.writestr(f"{k}.jpg", encoded(image))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Models made of one percent of generated data, by the script that `make` calls."""
    folder = tmp_path_factory.mktemp("models")
    data = folder / "data"
    data.mkdir()
    write_lspet(data / "lspet")
    write_coco(data / "coco_small", "person_annotations.json", "images.zip", 10)
    write_coco(data / "coco_small", "more_person_boxes.json", "images_more.zip", 10)
    write_negatives(data / "negatives")
    command = [sys.executable, "-P", str(ROOT / "tools" / "models.py"), "make"]
    command += ["--data", str(data), "--runs", str(folder / "runs")]
    command += ["--into", str(folder / "out"), "--share", "0.01", "--device", "cpu"]
    # Two threads would spend most of their time waiting for each other.
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=env)
    assert result.returncode == 0, result.stderr
    return folder, json.loads(result.stdout)


def test_one_percent_makes_both_models(made):
    folder, figures = made
    out = folder / "out"
    names = {"pose.safetensors", "detector.safetensors", "pose.md", "detector.md"}
    assert {path.name for path in out.iterdir()} == names | {"figures.json"}
    assert json.loads((out / "figures.json").read_text()) == figures
    assert figures["pose"]["test"]["people"] == 10
    assert figures["detector"]["test"]["pictures"] == 4
    assert figures["detector"]["test"]["empty"] == 2
    assert sum(path.stat().st_size for path in out.glob("*.safetensors")) < 16e6
    network = load_network(out / "pose.safetensors")
    assert network.description.skeleton == "posetrack17"
    detector = load_detector(out / "detector.safetensors")[1]
    assert (detector.width, detector.height) == (384, 224)
    tested = figures["detector"]
    assert detector.threshold == tested["test"]["own_threshold"]
    together = tested["test, with the pose network"]
    assert detector.verified == together["own_threshold"]
    # One step from where the pose network ended.
    encoders = (network.module, load_detector(out / "detector.safetensors")[0])
    first, second = (m.stages[2][0].conv1.weight.flatten() for m in encoders)
    assert torch.nn.functional.cosine_similarity(first, second, 0) > 0.9
    for description in (network.description, detector):
        assert "research use" in description.note
    with safe_open(out / "pose.safetensors", framework="np") as file:
        assert file.get_tensor("out.weight").dtype == np.float16


def test_cards_hold_the_figures(made):
    folder, figures = made
    pose = (folder / "out" / "pose.md").read_text()
    assert f"{100 * figures['pose']['test']['pck02']:.1f}" in pose
    assert "| nose | - | - |" in pose
    assert "Calibration of joint scores" in pose
    detector = (folder / "out" / "detector.md").read_text()
    assert f"AP50 {100 * figures['detector']['test']['ap50']:.1f}" in detector
    assert "research use" in detector
    together = figures["detector"]["test, with the pose network"]
    assert "On the split `test, with the pose network`" in detector
    assert f"AP50 {100 * together['ap50']:.1f}" in detector


def test_a_second_run_trains_nothing_again(made):
    folder, figures = made
    torch.set_num_threads(1)
    epochs = []
    again = make_models(
        folder / "data",
        folder / "runs",
        folder / "again",
        configs=ROOT / "configs" / "embedded",
        share=0.01,
        device="cpu",
        on_epoch=lambda *row: epochs.append(row),
    )
    assert not epochs
    assert json.dumps(again) == json.dumps(figures)
    for path in (folder / "out").iterdir():
        assert path.read_bytes() == (folder / "again" / path.name).read_bytes()


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_shares_are_checked(tmp_path, share):
    with pytest.raises(PoseFlowError, match="share: expected above 0 to 1"):
        make_models(tmp_path, tmp_path, tmp_path, share=share)


def test_the_shipped_models_estimate(made):
    folder = made[0] / "out"
    torch.set_num_threads(1)
    estimator = embedded.embedded_estimator(device="cpu", folder=folder)
    image, truth = pictures_and_truth("posetrack17", 1)[0]
    assert estimator.skeleton == get("posetrack17")
    poses = estimator.estimate_batch([image], [truth.poses.boxes])[0]
    assert len(poses) <= len(truth)
    found = estimator.estimate_batch([image, image[:0:-1]])
    assert len(found) == 2
    for call in (embedded.embedded_estimator, embedded.embedded_detector):
        with pytest.raises(PoseFlowError, match="'embedded' has its own weights"):
            call("mine.safetensors", folder=folder)


def test_the_default_is_what_ships_inside():
    torch.set_num_threads(1)
    assert estimator_names()[0] == detector_names()[0] == "embedded"
    estimator = Estimator()
    assert estimator.skeleton == get("posetrack17")
    scene = make_scene(
        SceneConfig(frames=1, people=4, size=(640, 360)), seed=5, skeleton="posetrack17"
    )
    truth = scene.annotation(0).poses
    poses = estimator.estimate(scene.render(0), truth.boxes)
    # All four are in view, none a sliver at the edge without a joint to be found.
    assert (truth.boxes[:, 2] - truth.boxes[:, 0]).min() > 40
    assert len(truth) == 4
    assert len(poses) >= len(truth) - 1
    away = np.linalg.norm(poses[:1].keypoints - truth.keypoints, axis=2).mean(axis=1)
    height = truth.boxes[:, 3] - truth.boxes[:, 1]
    assert (away / height).min() < 0.1
    assert len(estimator.estimate(np.zeros((90, 120, 3), np.uint8))) == 0


def test_shipped_models_agree_with_their_cards():
    figures = json.loads((embedded.FOLDER / "figures.json").read_text())
    size = 0
    for name in ("pose", "detector"):
        path = embedded.FOLDER / f"{name}.safetensors"
        size += path.stat().st_size
        card = path.with_suffix(".md").read_text()
        accuracy = figures[name]["test"][{"pose": "pck02", "detector": "ap50"}[name]]
        assert f" {100 * accuracy:.1f}" in card
        with safe_open(path, framework="np") as file:
            assert "research use" in next(iter(file.metadata().values()))
    shipped = embedded.embedded_estimator(device="cpu")
    together = figures["detector"]["validate, with the pose network"]
    assert shipped.least_person_score == together["own_threshold"]
    assert shipped.refinement is not None
    assert size < 16e6
    assert f"{size / 1e6:.1f} MB" in embedded.summary()


def test_reliability_of_calibrated_and_overconfident_scores():
    rng = np.random.default_rng(0)
    scores = rng.random(4000)
    calibrated = reliability(scores, rng.random(4000) < scores)
    assert calibrated.error < 0.05
    assert calibrated.counts.sum() == 4000
    overconfident = reliability(scores, np.zeros(4000, bool))
    assert overconfident.error == pytest.approx(0.5, abs=0.03)
    nothing = reliability(np.zeros(0), np.zeros(0, bool))
    assert np.isnan(nothing.error)


def test_calibration_reduces_calibration_error():
    rng = np.random.default_rng(2)
    scores = rng.uniform(size=8000)
    right = rng.random(8000) < 0.6 * scores**2
    curve = fit_calibration(reliability(scores[:4000], right[:4000]))
    shares = [share for _, share in curve]
    assert shares == sorted(shares)
    raw = reliability(scores[4000:], right[4000:])
    calibrated = reliability(calibrate(scores[4000:], curve), right[4000:])
    assert raw.error > 0.25
    assert calibrated.error < 0.04
    assert calibrate(np.zeros(3), curve).tolist() == [0, 0, 0], "0 is not found"
    assert fit_calibration(reliability(np.zeros(0), np.zeros(0, bool))) == ()


def test_people_seen_from_behind_are_repeated(tmp_path):
    street = {"format": "synthetic", "scenes": 4, "size": [320, 180], "least_height": 9}
    changes = [f"data.root={json.dumps(str(tmp_path))}", "data.validate=[]"]
    path = ROOT / "configs" / "embedded" / "pose.yaml"
    changes.append(f"data.train={json.dumps([street])}")
    plain, more = (
        PoseTask(
            load_config(path, [*changes, f"data.repeat_behind={repeat}"]),
            torch.device("cpu"),
        ).samples.people
        for repeat in (1, 3)
    )
    skeleton = get("posetrack17")
    behind = group_people(plain.keypoints, plain.labelled, skeleton)[BEHIND]
    assert 0 < behind.sum() < len(plain)
    assert len(more) == len(plain) + 2 * behind.sum()
    assert (more.boxes[len(plain) :] == np.tile(plain.boxes[behind], (2, 1))).all()
    first = np.flatnonzero(behind)[0]
    again = more.image_files.read(int(more.image_of[len(plain)]))
    assert (again == plain.image_files.read(int(plain.image_of[first]))).all()


def test_the_pose_network_ships_calibrated(made):
    loaded = load_network(made[0] / "out" / "pose.safetensors")
    assert len(loaded.description.calibration) > 1
    network = TorchPoseNetwork(loaded, "cpu")
    crops = np.random.default_rng(0).integers(0, 256, (2, 128, 96, 3), np.uint8)
    peaks = network.heatmaps(crops).max(axis=(2, 3))
    expected = calibrate(peaks, loaded.description.calibration)
    assert np.allclose(network.predict(crops)[1], expected)

"""ultralytics adapters: model objects, and ONNX exports by name."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.estimator import UltralyticsDetector, UltralyticsPoses
from poseflow.estimator.detectors.registry import make_detector

IMAGE = np.zeros((48, 64, 3), np.uint8)


class FakeYolo:
    """Output in ultralytics' layout: a list of results with tensors."""

    names = {0: "bicycle", 3: "person"}  # noqa: RUF012

    def __init__(self, people=2, values=3, joints=17):
        self.people = people
        self.data = torch.rand(people, joints, values) - 0.2
        self.calls = []

    def predict(self, source, **options):
        self.calls.append((len(source), options))
        boxes = SimpleNamespace(
            xyxy=torch.tensor([[1.0, 2, 9, 30], [5, 5, 20, 40]])[: self.people],
            conf=torch.tensor([0.9, 0.5])[: self.people],
        )
        keypoints = SimpleNamespace(data=self.data) if self.data.numel() else None
        if not self.people:
            keypoints = SimpleNamespace(data=torch.zeros(0, 0, 3))
        return [SimpleNamespace(boxes=boxes, keypoints=keypoints) for _ in source]


def test_joints_and_boxes_are_taken_over():
    model = FakeYolo()
    estimator = poseflow.Estimator(UltralyticsPoses(model, batch_size=2, imgsz=320))
    many = estimator.estimate_batch([IMAGE] * 3)
    assert [len(poses) for poses in many] == [2, 2, 2]
    data = model.data.numpy()
    present = data[..., 2] > 0
    np.testing.assert_array_equal(many[2].present, present)
    np.testing.assert_array_equal(many[2].keypoints[present], data[..., :2][present])
    np.testing.assert_array_equal(many[2].scores, np.float32([0.9, 0.5]))
    assert many[2].boxes.tolist() == [[1, 2, 9, 30], [5, 5, 20, 40]]
    assert [count for count, _ in model.calls] == [2, 1]
    options = {"verbose": False, "conf": 0.25, "classes": [3], "imgsz": 320}
    assert model.calls[0][1] == options
    (found,) = UltralyticsDetector(model).detect([IMAGE])
    assert found.scores.tolist() == pytest.approx([0.9, 0.5])
    assert model.calls[-1][1]["conf"] == 0.3


@pytest.mark.parametrize("values", [2, 3])
def test_joints_at_the_origin_are_missing_unless_kept(values):
    model = FakeYolo(values=values)
    model.data[:] = 0.5
    model.data[0, :5, :2] = 0
    model.data[1, 0, 0] = 0
    (poses,) = UltralyticsPoses(model).estimate_batch([IMAGE])
    assert poses.present.sum(axis=1).tolist() == [12, 17]
    (kept,) = UltralyticsPoses(model, keep_origin=True).estimate_batch([IMAGE])
    assert kept.present.all()


def test_joints_without_scores_have_the_persons():
    (poses,) = UltralyticsPoses(FakeYolo(values=2)).estimate_batch([IMAGE])
    assert poses.keypoint_scores[1].tolist() == [0.5] * 17


def test_no_people():
    (poses,) = UltralyticsPoses(FakeYolo(people=0)).estimate_batch([IMAGE])
    assert (len(poses), poses.skeleton.name) == (0, "coco17")
    assert len(UltralyticsDetector(FakeYolo(people=0)).detect([IMAGE])[0]) == 0


def test_mistakes_are_named():
    fish = FakeYolo()
    fish.names = {0: "fish"}
    with pytest.raises(PoseFlowError, match="no class 'person'; its classes are fish"):
        UltralyticsDetector(fish)
    with pytest.raises(PoseFlowError, match=r"least_score must be .*, got 7"):
        UltralyticsDetector(FakeYolo(), least_score=7)
    with pytest.raises(
        PoseFlowError, match="skeleton 'coco17' has 17 joints, got an array of 5"
    ):
        UltralyticsPoses(FakeYolo(joints=5)).estimate_batch([IMAGE])
    with pytest.raises(PoseFlowError, match="boxes without joints"):
        UltralyticsPoses(FakeYolo(joints=0)).estimate_batch([IMAGE])
    with pytest.raises(PoseFlowError, match="takes no boxes"):
        UltralyticsPoses(FakeYolo()).estimate_batch([IMAGE], [[]])


@pytest.mark.parametrize(
    ("weights", "came"),
    [
        (
            "yolo-pose.pt",
            r"got yolo-pose\.pt, a pickle .* model=yolo-pose\.pt",
        ),
        ("yolo_openvino_model", "got yolo_openvino_model; if"),
        (None, "got none"),
    ],
)
def test_only_exports_go_by_name(tmp_path, monkeypatch, weights, came):
    monkeypatch.chdir(tmp_path)  # there is no such file, and none is fetched
    with pytest.raises(PoseFlowError, match=rf"\(--weights\), {came}"):
        poseflow.Estimator("ultralytics", weights=weights)
    with pytest.raises(PoseFlowError, match=rf"\(--detector-weights\), {came}"):
        poseflow.Estimator(
            "torch",
            weights="x",
            detector="ultralytics",
            detector_weights=weights,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:.*legacy.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_exports_by_name(tmp_path, tiny_onnx):
    pytest.importorskip("onnx")
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    path = tiny_onnx.export(tiny_onnx.YoloPose(), tmp_path / "pose.onnx", size=(64, 96))
    named = poseflow.Estimator("ultralytics", weights=path, device="cpu")
    plain = poseflow.Estimator(weights=path, device="cpu")
    assert len(plain.estimate(image)) == 1
    assert named.estimate(image) == plain.estimate(image)
    boxes = tiny_onnx.export(tiny_onnx.Yolo(), tmp_path / "box.onnx", size=(64, 96))
    assert len(make_detector("ultralytics", weights=boxes).detect([image])[0]) == 1

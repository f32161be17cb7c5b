"""mediapipe's pose landmarker, by a fake of its interface."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import poseflow
from poseflow.errors import MissingExtraError, PoseFlowError
from poseflow.estimator import MediapipePoses

IMAGE = np.zeros((48, 64, 3), np.uint8)
IMAGE[..., 0] = 200  # blue


def person(x, y, visibility):
    return [SimpleNamespace(x=x, y=y, visibility=visibility) for _ in range(33)]


class FakeLandmarker:
    """Finds the people given, and keeps the images it was asked about."""

    def __init__(self, *people):
        self.people = list(people)
        self.images = []

    def detect(self, image):
        self.images.append(image)
        return SimpleNamespace(pose_landmarks=self.people)


@pytest.fixture
def made(monkeypatch):
    """Options of the landmarkers that mediapipe was asked to make; it is a fake."""
    options = []

    def create_from_options(given):
        if given.base_options.model_asset_buffer != b"bundle":
            raise RuntimeError("Unable to open zip archive.\nmore")
        options.append(given)
        return FakeLandmarker(person(0.5, 0.5, 0.9))

    modules = {
        "mediapipe": SimpleNamespace(
            Image=SimpleNamespace, ImageFormat=SimpleNamespace(SRGB="srgb")
        ),
        "mediapipe.tasks": SimpleNamespace(),
        "mediapipe.tasks.python": SimpleNamespace(
            BaseOptions=SimpleNamespace,
            vision=SimpleNamespace(
                PoseLandmarkerOptions=SimpleNamespace,
                PoseLandmarker=SimpleNamespace(create_from_options=create_from_options),
            ),
        ),
    }
    for name, content in modules.items():
        module = ModuleType(name)
        module.__dict__.update(content.__dict__)
        monkeypatch.setitem(sys.modules, name, module)
    return options


def test_joints_are_in_pixels_and_people_best_first_are_kept(made):
    landmarker = FakeLandmarker(
        person(0.25, 0.5, 0.8), person(0.5, 1.25, 0.2), person(0, 0, None)
    )
    estimator = poseflow.Estimator(MediapipePoses(landmarker, least_score=0.1))
    poses = estimator.estimate(IMAGE)
    assert poses.skeleton.name == "blazepose33"
    assert poses.keypoints[:, 7].tolist() == [[16, 24], [32, 60]]
    np.testing.assert_allclose(poses.keypoint_scores[:, 0], [0.8, 0.2], rtol=1e-6)
    np.testing.assert_allclose(poses.scores, [0.8, 0.2], rtol=1e-6)
    (image,) = landmarker.images
    assert image.image_format == "srgb"
    assert image.data[0, 0].tolist() == [0, 0, 200]


def test_nobody_found(made):
    poses = poseflow.Estimator(MediapipePoses(FakeLandmarker())).estimate(IMAGE)
    assert len(poses) == 0
    assert poses.keypoints.shape == (0, 33, 2)


def test_by_name_and_suffix(made, tmp_path):
    bundle = tmp_path / "pose.task"
    bundle.write_bytes(b"bundle")
    poses = poseflow.Estimator(weights=bundle).estimate(IMAGE)
    assert len(poses) == 1
    poseflow.Estimator("mediapipe", weights=bundle, most_people=3)
    assert [options.num_poses for options in made] == [10, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected a model bundle"),
        ({"weights": "no.task"}, "no.task: expected a model bundle"),
        ({"weights": "bad.task"}, "bad.task: not a pose model .* zip archive"),
        ({"weights": "a.task", "device": "cuda"}, "runs on the CPU"),
        ({"weights": "a.task", "detector": "whole"}, "takes no detector"),
        ({"weights": "a.task", "most_people": 0}, "most_people"),
        ({"weights": "a.task", "least_score": 2}, "least_score"),
    ],
)
def test_wrong_options(made, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.task").write_bytes(b"bundle")
    (tmp_path / "bad.task").write_bytes(b"something else")
    with pytest.raises(PoseFlowError, match=message):
        poseflow.Estimator("mediapipe", **options)


def test_without_mediapipe_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    (tmp_path / "a.task").write_bytes(b"bundle")
    with pytest.raises(MissingExtraError, match=r"poseflow\[mediapipe\]"):
        poseflow.Estimator(weights=tmp_path / "a.task")

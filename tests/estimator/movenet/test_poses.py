"""Estimator `movenet`: presets, images of all kinds, batches, boxes."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.estimator import Estimator, detector_names, estimator_names
from poseflow.estimator.detectors.registry import make_detector
from poseflow.estimator.movenet.files import NAMES, summary, weights_file
from poseflow.estimator.movenet.layout import INPUT_MULTIPLE
from poseflow.estimator.movenet.poses import MoveNetPoses
from poseflow.estimator.movenet.presets import PRESETS, preset
from poseflow.estimator.protocols import Detections, Predicted
from poseflow.similarity.boxes import box_iou
from poseflow.similarity.oks import oks
from poseflow.skeletons import get
from poseflow.synthetic import SceneConfig, make_scene


@pytest.fixture(scope="module")
def scene():
    """A rendered image, and the people in it."""
    config = SceneConfig(frames=1, people=4, size=(640, 360))
    made = make_scene(config, seed=5, skeleton="coco17")
    return made.render(0), made.annotation(0).poses


@pytest.fixture(scope="module", params=list(PRESETS))
def estimator(request):
    torch.set_num_threads(1)
    return Estimator("movenet", device="cpu", quality=request.param)


def test_people_of_a_rendered_scene_are_found(estimator, scene):
    image, truth = scene
    assert estimator.skeleton == get("coco17")
    poses = estimator.estimate(image)
    assert len(poses) >= 2
    areas = (truth.boxes[:, 2:] - truth.boxes[:, :2]).prod(axis=1)
    sigmas = np.asarray(truth.skeleton.sigmas)
    present = truth.keypoint_scores > 0
    similar = oks(truth.keypoints, poses.keypoints, areas, sigmas, present)
    assert (similar.max(axis=1) > 0.5).sum() >= 2
    assert (np.diff(np.sort(poses.scores)) >= 0).all()
    assert 0 < poses.scores.min() <= poses.scores.max() <= 1
    assert (poses.boxes >= 0).all()
    assert (poses.boxes <= [640, 360] * 2).all()


def test_batches_equal_single_images(estimator, scene):
    image = scene[0]
    images = [image, image[:, ::-1], image[:180], np.zeros((64, 48, 3), np.uint8)]
    together = estimator.estimate_batch(images)
    assert len(together) == 4
    assert len(together[3]) == 0
    for one, poses in zip(images, together, strict=True):
        alone = estimator.estimate(one)
        assert len(alone) == len(poses)
        assert np.allclose(alone.keypoints, poses.keypoints, atol=0.01)
        assert np.allclose(alone.scores, poses.scores, atol=1e-4)


@pytest.mark.parametrize(
    "shape",
    [(1, 1), (1, 700), (700, 1), (33, 31), (3000, 20), (4320, 7680)],
    ids=str,
)
def test_images_of_any_size(estimator, shape):
    assert len(estimator.estimate(np.zeros((*shape, 3), np.uint8))) == 0


def test_images_with_an_alpha_channel(estimator, scene):
    image = scene[0]
    alpha = np.full((*image.shape[:2], 1), 7, np.uint8)
    found = estimator.estimate(np.concatenate([image, alpha], axis=2))
    assert found == estimator.estimate(image)


def test_grey_and_deep_images(estimator, scene):
    grey = scene[0][..., 1]
    expected = estimator.estimate(np.repeat(grey[..., None], 3, axis=2))
    for image in (grey, grey.astype(np.uint16) * 257, grey / np.float32(255)):
        assert np.allclose(estimator.estimate(image).keypoints, expected.keypoints)


def test_given_boxes(estimator, scene):
    image, truth = scene
    poses = estimator.estimate(image, truth.boxes)
    assert len(poses) == len(truth)
    assert np.allclose(poses.boxes, truth.boxes)
    away = np.linalg.norm(poses.keypoints - truth.keypoints, axis=2).mean(axis=1)
    height = truth.boxes[:, 3] - truth.boxes[:, 1]
    assert (away / height < 0.1).sum() >= 2
    assert len(estimator.estimate(image, [])) == 0
    outside = estimator.estimate(image, [[-900, -900, -800, -700], [5, 5, 5, 5]])
    assert len(outside) == 2
    many = estimator.estimate_batch([image, image], [truth.boxes, []])
    assert [len(each) for each in many] == [len(truth), 0]
    assert np.allclose(many[0].keypoints, poses.keypoints, atol=0.01)


def test_two_stages_equal_one(estimator, scene):
    image = scene[0]
    expected = estimator.estimate(image)
    detected = estimator.detect(image)
    assert len(detected) >= len(expected)
    poses = estimator.estimate(image, detected)
    assert np.allclose(poses.keypoints, expected.keypoints, atol=0.01)
    assert np.allclose(poses.scores, expected.scores, atol=1e-4)


def test_detection_on_every_other_frame(scene):
    estimator = Estimator("movenet", device="cpu", quality="fast")
    frames = poseflow.track([scene[0]] * 4, estimator=estimator, detect_every=2)
    people = [len(frame.poses) for frame in frames]
    assert min(people) >= 1


def test_detection_is_faster_for_many_people():
    image = np.zeros((720, 1280, 3), np.uint8)
    large = np.zeros((1080, 1920, 3), np.uint8)
    people = np.tile([[100.0, 100, 400, 700]], (40, 1))
    most = {}
    for quality in ("fast", "balanced", "best"):
        estimator = Estimator("movenet", device="cpu", quality=quality)
        faster = [estimator.detects_faster(image, people[:n]) for n in range(40)]
        assert faster == sorted(faster)
        most[quality] = faster.index(True)
        assert not estimator.detects_faster(large, people[: most[quality]])
    assert 0 < most["fast"] < most["balanced"] < 40
    other = Estimator("movenet", device="cpu", detector="whole")
    assert not other.detects_faster(image, people)


def test_a_tile_for_small_people_makes_detection_slower():
    image = np.zeros((720, 1280, 3), np.uint8)
    people = np.tile([[100.0, 100, 140, 180]], (15, 1))
    people[1] += 500
    assert not Estimator("movenet", device="cpu").detects_faster(image, people)
    without = Estimator("movenet", device="cpu", tiles="none")
    assert without.detects_faster(image, people)


def test_predicted_boxes_go_to_the_follower(scene):
    estimator = Estimator("movenet", device="cpu")
    box = np.array([[10, 10, 90, 200]], np.float32)
    joints = {}
    for kind in (Detections, Predicted):
        poses = estimator.estimate(scene[0], kind(box, np.ones(1, np.float32)))
        joints[kind] = poses.keypoints
    given = estimator.estimate(scene[0], box).keypoints
    assert np.allclose(joints[Detections], given)
    lightning = Estimator("movenet", device="cpu", quality="fast")
    assert np.allclose(joints[Predicted], lightning.estimate(scene[0], box).keypoints)


def test_least_score(scene):
    every = Estimator("movenet", device="cpu", quality="fast", least_score=0)
    scores = every.estimate(scene[0]).scores
    threshold = np.median(scores)
    few = Estimator("movenet", device="cpu", quality="fast", least_score=threshold)
    assert len(few.estimate(scene[0])) == (scores >= threshold).sum() < len(scores)


@pytest.mark.parametrize(
    ("quality", "share"),
    [("fast", "doubtful"), ("balanced", "doubtful"), ("best", "all")],
)
def test_who_goes_through_the_second_stage(scene, monkeypatch, quality, share):
    """With `best` everyone, else people whom the first stage is not sure of."""
    estimator = MoveNetPoses(quality, "cpu")
    seen = []
    near = estimator.second_stage.near

    def spy(images, people):
        seen.extend(people)
        return near(images, people)

    monkeypatch.setattr(estimator.second_stage, "near", spy)
    found = estimator.detector.detect([scene[0]])
    estimator.estimate_detected([scene[0]], found)
    doubtful = int((found[0].scores < PRESETS[quality].refine_below).sum())
    expected = {"doubtful": doubtful, "all": len(found[0])}
    assert [len(poses) for poses in seen] == [expected[share]]
    assert share == "all" or doubtful < len(found[0])


def test_views_grow_with_large_images(scene):
    estimator = MoveNetPoses("fast", "cpu")
    fixed = MoveNetPoses("fast", "cpu", input_size=384)
    small, large = scene[0], np.zeros((1440, 2560, 3), np.uint8)
    large[:360, :640] = small
    assert estimator.estimate_batch([small]) == fixed.estimate_batch([small])
    none = np.zeros((0, 4))
    grown, same = (e.detector.input_pixels(large, none) for e in (estimator, fixed))
    assert grown == 4 * same
    assert estimator.estimate_batch([large]) != fixed.estimate_batch([large])


def test_input_size_scales_all_views():
    views = preset("balanced", 768).views
    assert [view.size for view in views] == [384, 768]
    assert preset("balanced", 512).views == PRESETS["balanced"].views
    assert min(view.size for view in preset("best", 64).views) == INPUT_MULTIPLE


def test_larger_inputs_find_smaller_people():
    config = SceneConfig(frames=1, people=4, size=(1280, 720))
    made = make_scene(config, seed=5, skeleton="coco17")
    image = np.zeros((1440, 2560, 3), np.uint8)
    image[:720, :1280] = made.render(0)
    found = [
        Estimator(device="cpu", quality="fast", input_size=size).estimate(image)
        for size in (160, 640)
    ]
    assert len(found[1]) > len(found[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": "good"}, "quality: expected fast, balanced, best, got 'good'"),
        ({"least_score": 2}, "least_score"),
        ({"batch_size": 0}, "batch_size"),
        ({"input_size": 63}, "input_size"),
        ({"input_size": 512.5}, "input_size"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(PoseFlowError, match=message):
        Estimator("movenet", device="cpu", **options)


def test_weights_of_others_are_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    path.touch()
    with pytest.raises(PoseFlowError, match="'movenet' has its own weights"):
        Estimator("movenet", weights=path)
    with pytest.raises(PoseFlowError, match="'embedded' has its own weights"):
        make_detector("embedded", weights=path)


def test_the_default_is_what_ships_inside(scene):
    torch.set_num_threads(1)
    assert estimator_names()[0] == detector_names()[0] == "embedded"
    default = Estimator(device="cpu")
    balanced = Estimator("movenet", device="cpu", quality="balanced")
    assert default.estimate(scene[0]) == balanced.estimate(scene[0])
    assert default.skeleton == get("coco17")
    assert "movenet-multipose" in summary()
    assert "Apache-2.0" in summary()


def test_people_of_another_detector(scene):
    """One that finds the whole image: the joints of the person in its middle."""
    image, truth = scene
    x0, y0, x1, y1 = truth.boxes[0].round().astype(int)
    crop = image[y0:y1, x0:x1]
    estimator = Estimator(device="cpu", detector="whole")
    poses = estimator.estimate(crop)
    given = estimator.estimate(crop, [[0, 0, x1 - x0, y1 - y0]])
    assert np.allclose(poses.keypoints, given.keypoints, atol=0.01)
    assert np.allclose(poses.scores, np.sqrt(given.scores))


def test_the_embedded_detector_finds_boxes(scene):
    image, truth = scene
    fast, both = (
        make_detector("embedded", device="cpu", quality=quality).detect([image])[0]
        for quality in ("fast", "balanced")
    )
    assert len(fast) >= 2
    assert len(both) >= 2
    overlaps = box_iou(truth.boxes, both.boxes)
    assert (overlaps.max(axis=1) > 0.5).sum() >= 2
    with pytest.raises(PoseFlowError, match="quality: expected fast"):
        make_detector("embedded", quality="good")


@pytest.mark.parametrize("name", NAMES)
def test_its_weights_for_another_estimator_are_named(name):
    with pytest.raises(PoseFlowError, match=f"weights of MoveNet {name}: .*leave them"):
        Estimator(weights=weights_file(name))


WITHOUT_TORCH = """
import sys
import numpy as np
from poseflow.estimator import Estimator
estimator = Estimator(quality="fast")
image = np.zeros((64, 96, 3), np.uint8)
estimator.estimate(image)
estimator.estimate(image, [[10, 10, 30, 60]])
assert "torch" not in sys.modules
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch runs on the GPU")
def test_torch_is_not_loaded_on_a_cpu():
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH], check=True)

"""`Estimator`: images, boxes, batches, options and errors."""

import warnings

import numpy as np
import pytest
import torch

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.estimator import (
    FastPose,
    FastPoseDUC,
    SmallPose,
    TopDown,
    TorchPoseNetwork,
    register_estimator,
)
from poseflow.estimator.detectors.registry import make_detector, register_detector
from poseflow.estimator.estimator import estimator_names
from poseflow.estimator.networks.build import SmallPoseConfig, build
from poseflow.estimator.networks.fuse import fold_batch_norm
from poseflow.estimator.protocols import Detections, EstimatorBackend
from poseflow.estimator.training.config import load_config
from poseflow.estimator.training.loop import train
from poseflow.estimator.weights import NetworkDescription, save_weights
from poseflow.skeletons.skeleton import Skeleton

CAT = Skeleton("cat", ("left_ear", "right_ear", "tail"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small network with random weights, as a file."""
    torch.manual_seed(3)
    config = SmallPoseConfig(widths=(32, 32), blocks=(1,))
    network = build(config, 3)
    torch.nn.init.normal_(network.out.weight, std=0.3)
    path = tmp_path_factory.mktemp("weights") / "cat.safetensors"
    save_weights(
        path,
        network.state_dict(),
        NetworkDescription(
            model=config, skeleton="cat", joints=CAT.joints, width=32, height=48
        ),
    )
    return path


class Brightest:
    """A pose network that answers the brightest pixel of each crop."""

    skeleton = CAT
    width, height, margin = 32, 48, 1.25

    def __init__(self):
        self.seen = []

    def predict(self, crops):
        self.seen.append(len(crops))
        place = crops.max(axis=3).reshape(len(crops), -1).argmax(axis=1)
        point = np.stack([place % self.width, place // self.width], axis=1)
        joints = np.repeat(point[:, None], 3, axis=1).astype(np.float32)
        return joints, np.full((len(crops), 3), 0.9, np.float32)


def draw(x, y, size=(120, 160)):
    image = np.zeros((*size, 3), np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    return image


def around(x, y, half=20):
    return [x - half, y - half, x + half, y + half]


def test_joints_are_mapped_back_to_the_image():
    estimator = TopDown(Brightest())
    places = [(50, 60), (100, 30), (9, 9)]
    boxes = np.array([around(x + 5, y - 4) for x, y in places], np.float32)
    images = [draw(x, y) for x, y in places]
    for poses, place in zip(
        estimator.estimate_batch(images, [b[None] for b in boxes]), places, strict=True
    ):
        assert len(poses) == 1
        assert poses.skeleton is CAT
        np.testing.assert_allclose(poses.keypoints[0, 0], place, atol=2)


def test_people_are_batched_over_frames():
    network = Brightest()
    estimator = TopDown(network, batch_size=4)
    rng = np.random.default_rng(0)
    counts = [3, 0, 5, 1]
    boxes = [
        np.add(rng.uniform(0, 100, (n, 1, 2)), [[0, 0], [20, 30]]).reshape(n, 4)
        for n in counts
    ]
    images = [draw(50, 50)] * 4
    results = estimator.estimate_batch(images, boxes)
    assert network.seen == [4, 4, 1]
    assert [len(r) <= n for r, n in zip(results, counts, strict=True)] == [True] * 4
    assert len(results[1]) == 0
    one_by_one = [
        TopDown(Brightest()).estimate_batch([i], [b])[0]
        for i, b in zip(images, boxes, strict=True)
    ]
    assert results == one_by_one


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((1, 1, 3), np.uint8), id="one pixel"),
        pytest.param(np.zeros((30, 40), np.uint8), id="grey"),
        pytest.param(np.zeros((30, 40, 3), np.uint16), id="16 bits"),
        pytest.param(np.zeros((30, 40, 4), np.uint8), id="with alpha"),
        pytest.param(np.zeros((4320, 7680, 3), np.uint8), id="8K"),
    ],
)
def test_any_image(weights, image):
    estimator = poseflow.Estimator(weights=weights, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        poses = estimator.estimate(image, [[0, 0, 30, 40], [-900, -900, -800, -700]])
    assert len(poses) <= 2
    assert np.isfinite(poses.keypoints).all()


@pytest.mark.parametrize("boxes", [[], np.zeros((0, 4))])
def test_no_people(weights, boxes):
    estimator = poseflow.Estimator(weights=weights, device="cpu")
    poses = estimator.estimate(np.zeros((30, 40, 3), np.uint8), boxes)
    assert len(poses) == 0
    assert poses.skeleton.joints == CAT.joints
    assert estimator.estimate_batch([]) == []


def test_batched_equals_one_by_one(weights):
    estimator = poseflow.Estimator(weights=weights, device="cpu")
    rng = np.random.default_rng(2)
    images = [rng.integers(0, 256, (60, 50 + k, 3)).astype(np.uint8) for k in range(3)]
    boxes = [[[5, 5, 30, 50]], [], [[0, 0, 50, 60], [20, 10, 52, 60]]]
    together = estimator.estimate_batch(images, boxes)
    for poses, image, box in zip(together, images, boxes, strict=True):
        alone = estimator.estimate(image, box)
        np.testing.assert_allclose(poses.keypoints, alone.keypoints, atol=1e-2)
        np.testing.assert_allclose(poses.scores, alone.scores, rtol=1e-4)


@pytest.mark.parametrize(
    "options", [{"flip_test": True}, {"precision": "bfloat16"}, {"batch_size": 1}]
)
def test_options_change_the_result_little(weights, options):
    image = np.random.default_rng(2).integers(0, 256, (60, 50, 3)).astype(np.uint8)
    box = [[5, 5, 30, 50]]
    plain = poseflow.Estimator(weights=weights, device="cpu").estimate(image, box)
    other = poseflow.Estimator(weights=weights, device="cpu", **options)
    changed = other.estimate(image, box)
    assert len(changed) == len(plain) == 1
    atol = 0.5 * plain.keypoint_scores.max() if "flip_test" in options else 0.1
    np.testing.assert_allclose(
        changed.keypoint_scores, plain.keypoint_scores, atol=atol
    )


@pytest.mark.parametrize("fast", [False, True])
def test_bfloat16_that_is_emulated_is_warned_of(weights, monkeypatch, fast):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: fast, raising=False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        poseflow.Estimator(weights=weights, device="cpu")
        assert not said
        poseflow.Estimator(weights=weights, device="cpu", precision="bfloat16")
    assert ["several times slower" in str(w.message) for w in said] == [True] * (
        not fast
    )


class Broken(Brightest):
    def predict(self, crops):
        joints, scores = super().predict(crops)
        joints[0, 1] = np.nan
        scores[1] = np.nan
        return joints, scores


def test_non_finite_outputs_drop_only_their_person():
    image = draw(50, 60)
    boxes = np.array([around(50, 60), around(50, 60, 25), around(51, 60, 30)])
    estimator = TopDown(Broken(), nms=None)
    with pytest.warns(UserWarning, match="not finite"):
        poses = estimator.estimate_batch([image], [boxes])[0]
    assert poses.present.tolist() == [
        [True, False, True],
        [False] * 3,
        [True] * 3,
    ]
    assert np.isfinite(poses.keypoints).all()


class Forgetful(Brightest):
    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def predict(self, crops):
        if len(crops) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        return super().predict(crops)


def test_out_of_memory_halves_the_batch():
    images = [draw(50, 60)] * 9
    boxes = [np.array([around(50, 60)])] * 9
    estimator = TopDown(Forgetful(2), batch_size=9)
    with pytest.warns(UserWarning, match="out of memory"):
        poses = estimator.estimate_batch(images, boxes)
    assert poses == TopDown(Brightest()).estimate_batch(images, boxes)
    assert estimator.batches.size == 2
    with pytest.raises(torch.OutOfMemoryError):
        TopDown(Forgetful(0)).estimate_batch(images[:1], boxes[:1])


def test_detectors_find_the_boxes(weights):
    class Middle:
        def detect(self, images):
            box = np.array([[10, 10, 30, 40]], np.float32)
            return [Detections(box, np.array([0.5], np.float32)) for _ in images]

    image = np.random.default_rng(2).integers(0, 256, (60, 50, 3)).astype(np.uint8)
    found = poseflow.Estimator(weights=weights, device="cpu", detector=Middle())
    given = poseflow.Estimator(weights=weights, device="cpu")
    a, b = found.estimate(image), given.estimate(image, [[10, 10, 30, 40]])
    np.testing.assert_array_equal(a.keypoints, b.keypoints)
    # The person's score holds the box's.
    np.testing.assert_allclose(a.scores, b.scores - 0.5, rtol=1e-5)

    register_detector("middle", lambda weights, device: Middle())
    named = poseflow.Estimator(weights=weights, device="cpu", detector="middle")
    assert named.estimate(image) == a
    whole = poseflow.Estimator(weights=weights, device="cpu", detector="whole")
    assert whole.estimate(image).boxes.tolist() == [[0, 0, 50, 60]]


def test_estimators_by_name(weights):
    made = []

    def factory(weights, device, detector, colour="red"):
        made.append((weights, device, detector, colour))
        return TopDown(Brightest(), detector)

    register_estimator("brightest", factory)
    estimator = poseflow.Estimator("brightest", device="cpu", colour="blue")
    assert made == [(None, "cpu", None, "blue")]
    assert isinstance(estimator.backend, EstimatorBackend)
    assert "brightest" in estimator_names()
    assert repr(estimator) == "<Estimator 'brightest', cat>"
    with pytest.raises(PoseFlowError, match="unexpected keyword"):
        poseflow.Estimator("brightest", size=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"name": "magic"}, "unknown estimator 'magic'; known", id="name"),
        pytest.param({"name": "torch"}, "needs weights", id="no weights"),
        pytest.param(
            {"weights": "a.txt"}, r"unknown type of weights \.txt", id="suffix"
        ),
        pytest.param({"weights": "gone.pth"}, "no such weights file", id="gone"),
        pytest.param(
            {"name": "torch", "weights": "x", "detector": "magic"},
            "unknown detector 'magic'; known are embedded",
            id="detector",
        ),
        pytest.param(
            {"name": "torch", "weights": "x", "detector_weights": "y"},
            "detector_weights needs the name",
            id="weights of no detector",
        ),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(PoseFlowError, match=message):
        poseflow.Estimator(**arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda:99"}, "device 'cuda:99': torch finds"),
        ({"device": "gpu"}, "expected auto, cpu, cuda"),
        ({"precision": "int3"}, "expected float32 or bfloat16"),
        ({"batch_size": 0}, "batch_size must be .* at least 1, got 0"),
        ({"size": 0}, "unexpected keyword"),
    ],
)
def test_options_are_checked(weights, options, message):
    with pytest.raises(PoseFlowError, match=message):
        poseflow.Estimator(weights=weights, **options)


def test_calls_are_checked(weights):
    estimator = poseflow.Estimator(weights=weights, device="cpu")
    image = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(PoseFlowError, match="has no detector"):
        estimator.estimate(image)
    with pytest.raises(PoseFlowError, match="image 1: expected"):
        estimator.estimate_batch([image, np.zeros(3)], [[], []])
    with pytest.raises(PoseFlowError, match="of 2 images, got 1"):
        estimator.estimate_batch([image, image], [[]])
    with pytest.raises(PoseFlowError, match="boxes of image 0: box 0"):
        estimator.estimate(image, [[0, 0, np.inf, 1]])
    with pytest.raises(PoseFlowError, match="takes no weights"):
        make_detector("whole", weights="x")


def test_trained_weights_find_the_joints(tmp_path, dots):
    """Train, load and estimate as the README says."""
    dots.write_coco(tmp_path, count=32)
    changes = ["epochs=30", "data.validate=[]"]
    train(load_config(dots.write_config(tmp_path), changes))
    network = TorchPoseNetwork.from_file(tmp_path / "run" / "best.safetensors", "cpu")
    estimator = TopDown(network, nms=None)
    rng = np.random.default_rng(5)
    image = rng.integers(0, 60, (200, 200, 3)).astype(np.uint8)
    image[100:164, 70:134] = dots.draw(dots.PLACES, rng=rng)
    box = np.array([[76, 102, 128, 162]], np.float32)
    poses = estimator.estimate_batch([image], [box])[0]
    error = np.linalg.norm(poses.keypoints[0] - np.add(dots.PLACES, [70, 100]), axis=1)
    assert np.median(error) < 6, error


@pytest.mark.parametrize(
    "build_network",
    [
        pytest.param(lambda: FastPose(18, 5), id="FastPose"),
        pytest.param(lambda: FastPoseDUC(18, 5), id="FastPoseDUC"),
        pytest.param(lambda: SmallPose(5), id="SmallPose"),
    ],
)
def test_folding_changes_nothing_but_rounding(build_network):
    torch.manual_seed(1)
    network = build_network().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    image = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        plain, quick = network(image), fold_batch_norm(network)(image)
        assert torch.equal(network(image), plain), "the network itself has changed"
    left = [type(module) for module in fold_batch_norm(network).modules()]
    assert torch.nn.BatchNorm2d not in left
    torch.testing.assert_close(quick, plain, rtol=0, atol=2e-5 * plain.abs().max())


def test_networks_that_cannot_be_traced_stay_unchanged():
    class Moody(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    module = Moody()
    assert fold_batch_norm(module) is module

"""torchvision adapters: with fake networks, and with torchvision where installed."""

import sys
from importlib import metadata

import numpy as np
import pytest
import torch
from torch import nn

import poseflow
from poseflow.errors import MissingExtraError, PoseFlowError
from poseflow.estimator import RcnnDetector, RcnnPoses, TopDown
from poseflow.estimator.adapters.torchvision_weights import (
    MODELS,
    detection_models,
    load_rcnn,
)
from poseflow.skeletons import COCO17


class FakeRcnn(nn.Module):
    """Output in torchvision's layout: always the same four boxes."""

    def __init__(self, joints=17, limit=99):
        super().__init__()
        self.joints = joints
        self.limit = limit
        self.seen = []

    def forward(self, images):
        if len(images) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        self.seen += images
        return [self.answer() for _ in images]

    def answer(self):
        places = torch.arange(4 * self.joints * 2.0).reshape(4, self.joints, 2)
        logits = torch.linspace(-3, 12, 4 * self.joints).reshape(4, self.joints)
        return {
            "boxes": torch.tensor(
                [[1, 2, 9, 30], [5, 5, 20, 40], [0, 0, 3, 3], [np.nan, 0, 3, 3]]
            ),
            "labels": torch.tensor([1, 18, 1, 1]),
            "scores": torch.tensor([0.9, 0.8, 0.29, 0.7]),
            "keypoints": torch.cat([places, torch.ones(4, self.joints, 1)], dim=2),
            "keypoints_scores": logits,
        }


class Empty(FakeRcnn):
    def answer(self):
        return {name: value[:0] for name, value in super().answer().items()}


IMAGE = np.zeros((48, 64, 3), np.uint8)


def test_only_likely_people_count():
    (poses,) = RcnnPoses(FakeRcnn(), "cpu").estimate_batch([IMAGE])
    assert poses.skeleton is COCO17
    assert poses.boxes.tolist() == [[1, 2, 9, 30]]
    assert poses.scores.tolist() == pytest.approx([0.9])
    answer = FakeRcnn().answer()
    assert poses.keypoints[0].tolist() == answer["keypoints"][0, :, :2].tolist()
    logistic = answer["keypoints_scores"][0].sigmoid().numpy()
    np.testing.assert_allclose(poses.keypoint_scores[0], logistic, rtol=1e-5)
    (found,) = RcnnDetector(FakeRcnn(), "cpu", person=18).detect([IMAGE])
    assert found.boxes.tolist() == [[5, 5, 20, 40]]
    assert found.scores.tolist() == pytest.approx([0.8])


def test_no_people():
    (poses,) = RcnnPoses(Empty(), "cpu").estimate_batch([IMAGE])
    assert (len(poses), poses.skeleton) == (0, COCO17)
    assert len(RcnnDetector(Empty(), "cpu").detect([IMAGE])[0]) == 0
    assert RcnnDetector(Empty(), "cpu").detect([]) == []


def test_images_are_passed_in_torchvisions_format():
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    network = FakeRcnn()
    thin = np.full((1, 500, 3), 255, np.uint8)
    RcnnDetector(network, "cpu").detect([image, thin, thin.transpose(1, 0, 2)])
    expected = image[..., ::-1].transpose(2, 0, 1) / 255
    np.testing.assert_allclose(network.seen[0].numpy(), expected, rtol=1e-6)
    assert network.seen[1].shape == (3, 8, 500)
    assert network.seen[1][:, 0].min() == 1
    assert network.seen[1][:, 1:].max() == 0
    assert network.seen[2].shape == (3, 500, 8)


def test_out_of_memory_halves_the_batch():
    network = FakeRcnn(limit=2)
    with pytest.warns(UserWarning, match="memory with 5 images at once; going on"):
        found = RcnnDetector(network, "cpu", batch_size=6).detect([IMAGE] * 5)
    assert [len(f) for f in found] == [1] * 5
    assert len(network.seen) == 5
    with pytest.raises(torch.OutOfMemoryError):
        RcnnDetector(FakeRcnn(limit=0), "cpu").detect([IMAGE])


def test_an_estimator_of_a_model_that_is_made_already():
    estimator = poseflow.Estimator(RcnnPoses(FakeRcnn(), "cpu"))
    grey = np.zeros((48, 64), np.uint16)
    assert len(estimator.estimate(grey)) == 1
    assert repr(estimator) == "<Estimator 'RcnnPoses', coco17>"
    frames = list(poseflow.track([grey] * 3, estimator=estimator, tracker="iou"))
    assert [f.poses.track_ids.tolist() for f in frames] == [[1]] * 3
    with pytest.raises(PoseFlowError, match="RcnnPoses is an estimator already"):
        poseflow.Estimator(RcnnPoses(FakeRcnn(), "cpu"), weights="a.pth")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RcnnPoses(FakeRcnn(), "cpu", skeleton="mpii16"), "has 17 joints, sk"),
        (
            lambda: RcnnPoses(FakeRcnn(), "cpu", least_score=2),
            "least_score must be .*, got 2",
        ),
        (
            lambda: RcnnPoses(FakeRcnn(), "cpu", batch_size=0),
            "batch_size must be .*, got 0",
        ),
        (lambda: RcnnPoses(FakeRcnn(), "cuda:99"), "device 'cuda:99': torch finds"),
        (
            lambda: RcnnPoses(FakeRcnn(), "cpu").estimate_batch([IMAGE], [[]]),
            "takes no boxes",
        ),
        (lambda: poseflow.Estimator("torchvision"), r"needs weights=.*--weights"),
        (
            lambda: poseflow.Estimator("torchvision", detector="whole"),
            "takes no detector",
        ),
        (
            lambda: poseflow.Estimator("torch", weights="x", detector="torchvision"),
            r"needs detector_weights=.*--detector-weights",
        ),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(PoseFlowError, match=message):
        make()


@pytest.fixture
def no_torchvision(monkeypatch):
    """As if torchvision had never been imported, nor could be found."""
    for name in [n for n in sys.modules if n.partition(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)

    def version(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    return monkeypatch


def test_missing_torchvision_says_what_to_install(no_torchvision):
    no_torchvision.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'poseflow\[torchvision"):
        poseflow.Estimator("torchvision", weights="keypointrcnn.pth")


def test_torchvision_of_another_torch_gives_one_line(no_torchvision, tmp_path):
    """PyPI's torchvision beside a CPU torch fails while it is imported."""
    package = tmp_path / "torchvision"
    package.mkdir()
    code = "raise RuntimeError('operator torchvision::nms does not exist\\n at ...')"
    (package / "__init__.py").write_text(code)
    no_torchvision.syspath_prepend(str(tmp_path))
    no_torchvision.setattr(metadata, "version", lambda name: "0.28.0")
    with pytest.raises(PoseFlowError, match=r"torchvision 0\.28\.0 is inst") as error:
        poseflow.Estimator("torchvision", weights="keypointrcnn.pth")
    assert "nms does not exist): install" in str(error.value)
    assert "at ..." not in str(error.value)


def test_weights_of_torchvision_are_known_without_it(tmp_path):
    path = tmp_path / "keypointrcnn.pth"
    torch.save({"roi_heads.box_predictor.cls_score.weight": torch.zeros(2, 9)}, path)
    with pytest.raises(PoseFlowError, match="goes with estimator 'torchvision'"):
        poseflow.Estimator(weights=path)


# From here on with the real package, where it works.


@pytest.fixture(scope="module")
def detection():
    try:
        return detection_models()
    except PoseFlowError as error:
        pytest.skip(str(error))


def sure_of_people(network):
    """Every proposal is a person for certain."""
    bias = network.roi_heads.box_predictor.cls_score.bias.data
    bias.fill_(-9)
    bias[1] = 9
    return small(network)


def small(network):
    """Images are not grown to 800 pixels, for speed."""
    network.transform.min_size = (128,)
    network.roi_heads.detections_per_img = 7
    return network.eval()


def former_names(state):
    """The names of the published files."""
    renamed = {}
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            for part in ("inner_blocks", "layer_blocks"):
                for k in range(4):
                    name = name.replace(f"{part}.{k}.0.", f"{part}.{k}.")
            renamed[name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")] = tensor
    return renamed


def rendered():
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)


def test_real_keypoint_rcnn(detection, tmp_path):
    torch.manual_seed(0)
    network = sure_of_people(
        detection.keypointrcnn_resnet50_fpn(
            weights=None, weights_backbone=None, num_classes=2
        )
    )
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 0.0  # as frozen normalisation has it
    path = tmp_path / "keypointrcnn_resnet50_fpn_coco.pth"
    torch.save(former_names(network.state_dict()), path)
    image = rendered()
    loaded = small(load_rcnn(path, poses=True))
    (poses,) = RcnnPoses(loaded, "cpu").estimate_batch([image])
    planes = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy()) / 255
    with torch.inference_mode():
        (own,) = network([planes])
    assert len(poses) == len(own["boxes"]) > 0
    np.testing.assert_array_equal(poses.boxes, own["boxes"])
    np.testing.assert_array_equal(poses.keypoints, own["keypoints"][..., :2])
    with pytest.raises(PoseFlowError, match="keypointrcnn_resnet50_fpn is not for det"):
        poseflow.Estimator(
            "torch", weights=path, detector="torchvision", detector_weights=path
        )


@pytest.mark.parametrize("name", [m for m in MODELS if m.startswith("faster")])
def test_real_faster_rcnn(detection, tmp_path, name):
    torch.manual_seed(0)
    network = sure_of_people(
        getattr(detection, name)(weights=None, weights_backbone=None, num_classes=91)
    )
    path = tmp_path / f"{name}.pth"
    torch.save(network.state_dict(), path)
    model = name if "320" in name else None
    image = rendered()
    loaded = small(load_rcnn(path, poses=False, model=model))
    found = RcnnDetector(loaded, "cpu")
    planes = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy()) / 255
    with torch.inference_mode():
        (own,) = network([planes])
    (people,) = found.detect([image])
    assert len(people) == len(own["boxes"]) > 0
    np.testing.assert_array_equal(people.boxes, own["boxes"])
    (stretched,) = found.detect([np.zeros((1, 3000, 3), np.uint8)])
    assert np.isfinite(stretched.boxes).all()


def test_real_weights_that_do_not_fit(detection, tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(PoseFlowError, match="not weights of torchvision's"):
        load_rcnn(tmp_path / "other.pth", poses=True)
    name = "fasterrcnn_mobilenet_v3_large_fpn"
    network = getattr(detection, name)(weights=None, weights_backbone=None)
    state = network.state_dict()
    state.pop("roi_heads.box_head.fc6.weight")
    torch.save(state, tmp_path / "short.pth")
    with pytest.raises(PoseFlowError, match="1 tensors are missing"):
        load_rcnn(tmp_path / "short.pth", poses=False)
    with pytest.raises(PoseFlowError, match="model: expected"):
        load_rcnn(tmp_path / "short.pth", poses=False, model="ssd")


def test_the_detector_feeds_a_network_of_crops():
    """Boxes of Faster R-CNN are the first stage of `TopDown`."""

    class Middle:
        skeleton = COCO17
        width, height, margin = 24, 32, 1.25

        def predict(self, crops):
            centre = np.full((len(crops), 17, 2), [12, 16], np.float32)
            return centre, np.ones((len(crops), 17), np.float32)

    estimator = TopDown(Middle(), RcnnDetector(FakeRcnn(), "cpu"))
    (poses,) = estimator.estimate_batch([IMAGE])
    np.testing.assert_allclose(poses.keypoints[0], [[5, 16]] * 17)

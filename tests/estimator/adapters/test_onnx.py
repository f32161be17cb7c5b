"""ONNX models of other projects: kinds, inputs and outputs."""

import numpy as np
import pytest
import torch

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.detectors.letterbox import letterbox
from poseflow.estimator.detectors.registry import make_detector

pytest.importorskip("onnx")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*legacy.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]

SIZE = (160, 128)  # height and width of the models' input
POSE_METADATA = {"task": "pose", "kpt_shape": "[17, 3]", "names": "{0: 'person'}"}


RTDETR_METADATA = {
    "task": "detect",
    "names": "{0: 'person', 1: 'bicycle', 2: 'car'}",
}


def lit(x, y, rows=240, columns=320):
    """A black image with one white square, whose middle is (x, y)."""
    image = np.zeros((rows, columns, 3), np.uint8)
    image[y - 8 : y + 9, x - 8 : x + 9] = 255
    return image


def make_pose(path):
    """A pose model that has been run once: some layouts show only then."""
    return poseflow.Estimator("onnx", weights=path).estimate(lit(100, 80))


def make_detector_of(path):
    """The same for a detector."""
    return make_detector("onnx", weights=path).detect([lit(100, 80)])


@pytest.fixture(scope="module")
def models(tmp_path_factory, tiny_onnx):
    """Every tiny model as a file, by name, made on first use."""
    folder = tmp_path_factory.mktemp("onnx")

    def path(name, **options):
        key = f"{name}-{len(options)}-{hash(str(options)) % 10**6}.onnx"
        if not (folder / key).exists():
            options = {"size": SIZE, "arguments": ()} | options
            module = getattr(tiny_onnx, name)(*options.pop("arguments"))
            tiny_onnx.export(module, folder / key, **options)
        return folder / key

    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("SimCC", {"names": ("simcc_x", "simcc_y")}, id="RTMPose"),
        pytest.param("SimCC", {"batch": 1, "names": ("a", "b")}, id="RTMPose, fixed"),
        pytest.param("Heatmaps", {}, id="heatmaps"),
    ],
)
def test_models_on_crops(models, name, options):
    estimator = poseflow.Estimator("onnx", weights=models(name, **options))
    places = [(100, 80), (200, 120), (60, 150)]
    boxes = [[x - 30, y - 40, x + 30, y + 40] for x, y in places]
    people = estimator.estimate_batch([lit(*p) for p in places], [[b] for b in boxes])
    for poses, (x, y) in zip(people, places, strict=True):
        assert poses.skeleton.name == "coco17"
        assert len(poses) == 1
        # The square's edges are equally bright, and the first of equals counts.
        np.testing.assert_allclose(poses.keypoints[0, 0], (x, y), atol=11)
        assert poses.keypoint_scores[0].min() > 0


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("RTMO", {"names": ("dets", "keypoints")}, id="RTMO"),
        pytest.param("YoloPose", {"metadata": POSE_METADATA}, id="YOLO-pose"),
        pytest.param("YoloPose", {}, id="YOLO-pose without metadata"),
        pytest.param(
            "YoloPoseEndToEnd", {"metadata": POSE_METADATA}, id="YOLO-pose, no NMS"
        ),
    ],
)
def test_models_on_images(models, name, options):
    estimator = poseflow.Estimator(weights=models(name, **options))
    images = [lit(100, 80), lit(90, 200, 400, 200)]
    for poses, (x, y) in zip(
        estimator.estimate_batch(images), [(100, 80), (90, 200)], strict=True
    ):
        assert len(poses) == 1, "duplicates and empty candidates are left out"
        np.testing.assert_allclose(poses.keypoints[0, 5], (x, y), atol=11)
        np.testing.assert_allclose(poses.scores, 0.9, rtol=1e-5)
        centre = (poses.boxes[0, :2] + poses.boxes[0, 2:]) / 2
        np.testing.assert_allclose(centre, poses.keypoints[0, 0], atol=0.1)
    with pytest.raises(PoseFlowError, match="takes no boxes"):
        estimator.estimate(images[0], [[0, 0, 1, 1]])
    assert len(estimator.estimate(np.zeros((4000, 3, 3), np.uint8))) <= 1


@pytest.mark.parametrize(
    ("detector", "name", "options"),
    [
        pytest.param("onnx", "Yolo", {"metadata": {"task": "detect"}}, id="YOLO"),
        pytest.param("yolo", "Yolo", {}, id="YOLO without metadata"),
        pytest.param("onnx", "YoloX", {"batch": 1}, id="YOLOX"),
        pytest.param("yolox", "YoloX", {"batch": 1}, id="YOLOX by name"),
        pytest.param("onnx", "YoloXDecoded", {"batch": 1}, id="YOLOX, decoded"),
        pytest.param(
            "onnx", "YoloEndToEnd", {"metadata": {"task": "detect"}}, id="YOLO26"
        ),
        pytest.param("yolo", "YoloEndToEnd", {}, id="YOLO with NMS, no metadata"),
        pytest.param("onnx", "RTDETR", {"metadata": RTDETR_METADATA}, id="RT-DETR"),
        pytest.param(
            "onnx", "RFDETR", {"batch": 1, "names": ("dets", "labels")}, id="RF-DETR"
        ),
        pytest.param(
            "detr",
            "RFDETR",
            {"batch": 1, "names": ("pred_boxes", "logits"), "arguments": (4,)},
            id="DETR by name, as many classes as coordinates",
        ),
    ],
)
def test_detectors(models, detector, name, options):
    found = make_detector(detector, weights=models(name, **options), device="cpu")
    images = [lit(100, 80), lit(90, 200, 400, 200), np.zeros((50, 60, 3), np.uint8)]
    results = found.detect(images)
    for detections, (x, y) in zip(results[:2], [(100, 80), (90, 200)], strict=True):
        assert len(detections) >= 1
        box = detections.boxes[0]
        np.testing.assert_allclose((box[:2] + box[2:]) / 2, (x, y), atol=16)
        stretched = name in ("RTDETR", "RFDETR")
        assert box[2] - box[0] == pytest.approx(48 * 320 / 128, rel=0.01) or (
            box[2] - box[0]
            == pytest.approx(48 * 200 / 128 if stretched else 48 * 400 / 160, rel=0.01)
        )
        assert detections.boxes.dtype == np.float32


def test_person_is_found_in_the_metadata(models):
    metadata = {"task": "detect", "names": "{0: 'cat', 1: 'person'}"}
    path = models("Yolo", metadata=metadata)
    detections = make_detector("onnx", weights=path).detect([lit(100, 80)])[0]
    assert detections.scores.tolist() == pytest.approx([0.9]), "the better class 1"
    metadata["names"] = "{0: 'cat'}"
    with pytest.raises(PoseFlowError, match="no class 'person'"):
        make_detector("onnx", weights=models("Yolo", metadata=metadata))
    chosen = make_detector("onnx", weights=path, person=0)
    assert chosen.detect([lit(100, 80)])[0].scores.tolist() == pytest.approx([0.8])


def test_rtmdet_and_yolox_must_be_told_apart(models):
    path = models("DetsLabels", names=("dets", "labels"))
    with pytest.raises(PoseFlowError, match="name the detector: yolox or rtmdet"):
        make_detector("onnx", weights=path)
    padding = {}
    for name in ("yolox", "rtmdet"):
        detector = make_detector(name, weights=path, least_score=0.01)
        detections = detector.detect([lit(100, 80)])[0]
        assert len(detections) == 1, "only class 0 counts"
        padding[name] = detections.scores[0]
    assert padding["yolox"] == 114
    assert padding["rtmdet"] == pytest.approx((114 - 103.53) / 57.375, rel=1e-4)


def test_detector_and_pose_together(models):
    estimator = poseflow.Estimator(
        "onnx",
        weights=models("SimCC", names=("simcc_x", "simcc_y")),
        detector="yolo",
        detector_weights=models("Yolo"),
    )
    poses = estimator.estimate(lit(100, 80))
    assert len(poses) == 1
    np.testing.assert_allclose(poses.keypoints[0, 0], (100, 80), atol=12)


@pytest.mark.parametrize(
    ("estimator", "name", "options", "message"),
    [
        pytest.param("onnx", "Yolo", {"metadata": {"task": "detect"}}, "no known pose"),
        pytest.param("onnx", "Heatmaps", {"size": (64, 64), "x": 1}, "free", id="free"),
    ],
)
def test_other_models_are_named(
    models, tmp_path, tiny_onnx, estimator, name, options, message
):
    options = dict(options)
    if options.pop("x", None):
        path = tmp_path / "free.onnx"
        torch.onnx.export(
            getattr(tiny_onnx, name)(),
            (torch.rand(1, 3, 64, 64),),
            str(path),
            input_names=["input"],
            dynamic_axes={"input": [0, 2, 3]},
            dynamo=False,
        )
    else:
        path = models(name, **options)
    with pytest.raises(PoseFlowError, match=message):
        poseflow.Estimator(estimator, weights=path)


def test_wrong_use_is_named(models, tmp_path):
    with pytest.raises(PoseFlowError, match="no known detector"):
        make_detector("onnx", weights=models("Heatmaps"))
    with pytest.raises(PoseFlowError, match="holds a yolo model, not yolox"):
        make_detector("yolox", weights=models("Yolo"))
    with pytest.raises(PoseFlowError, match="needs detector_weights"):
        make_detector("yolo", weights=None)
    with pytest.raises(PoseFlowError, match="needs weights"):
        poseflow.Estimator("onnx")
    with pytest.raises(PoseFlowError, match="no such model file"):
        poseflow.Estimator(weights="gone.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(models("Yolo").read_bytes()[:300])
    with pytest.raises(PoseFlowError, match=r"broken\.onnx: not an ONNX model"):
        poseflow.Estimator(weights=broken)
    with pytest.raises(PoseFlowError, match="has 17 joints, skeleton 'posetrack15'"):
        poseflow.Estimator(weights=models("Heatmaps"), skeleton="posetrack15")
    with pytest.raises(PoseFlowError, match="takes no detector"):
        poseflow.Estimator(weights=models("YoloPose"), detector="whole")
    with pytest.raises(PoseFlowError, match="expected auto, cpu, cuda"):
        poseflow.Estimator(weights=models("YoloPose"), device="tpu")


def test_failure_while_running_is_named(models):
    from poseflow.estimator.adapters.onnx.session import OnnxModel

    with pytest.raises(PoseFlowError, match=r"onnxruntime failed .*\(1, 3, 7, 7\)"):
        OnnxModel(models("Yolo"), "cpu").run(np.zeros((1, 3, 7, 7), np.float32))


def test_letterbox_goes_there_and_back():
    image = np.zeros((100, 300, 3), np.uint8)
    for centred, offset in ((False, (0, 0)), (True, (0, 32))):
        frame = letterbox(image, 96, 96, centred=centred)
        assert frame.image.shape == (96, 96, 3)
        assert tuple(frame.offset) == offset
        points = np.array([[0, 0], [300, 100.0]])
        inside = points * frame.scale + frame.offset
        np.testing.assert_allclose(frame.to_image(inside), points)
        assert (frame.image[64:] == 114).all()
    assert letterbox(np.zeros((1, 9000, 3), np.uint8), 64, 64).image.shape[0] == 64


def test_box_nms_edges():
    assert box_nms(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 10.0]])
    # IoU of exactly the threshold stays.
    assert box_nms(boxes, np.array([0.9, 0.8, 0.9]), 0.5).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("make", "name", "options", "message"),
    [
        pytest.param(
            make_pose,
            "Anchors",
            {"arguments": (57,)},
            "1200 rows: anchors",
            id="YOLOv7",
        ),
        pytest.param(
            make_detector_of, "Anchors", {"arguments": (6,)}, "no known", id="YOLOv5"
        ),
        pytest.param(
            make_detector_of,
            "Anchors",
            {"arguments": (85,)},
            "no known",
            id="YOLOv5, 80",
        ),
        pytest.param(
            make_pose,
            "RFDETR",
            {"batch": 1, "names": ("dets", "labels")},
            r"no known pose model: its outputs are dets \(1, 2, 4\), labels",
            id="a detector as a pose model",
        ),
        pytest.param(
            make_detector_of,
            "SimCC",
            {"names": ("simcc_x", "simcc_y")},
            "no known detector",
            id="a pose model as a detector",
        ),
    ],
)
def test_other_layouts_are_refused(models, make, name, options, message):
    with pytest.raises(PoseFlowError, match=message):
        make(models(name, **options))


def test_simcc_outputs_are_told_by_name(models):
    path = models("SwappedSimCC", names=("simcc_y", "simcc_x"))
    estimator = poseflow.Estimator("onnx", weights=path)
    poses = estimator.estimate(lit(100, 80), [[70, 40, 130, 120]])
    np.testing.assert_allclose(poses.keypoints[0, 0], (100, 80), atol=11)


def test_a_class_that_a_detector_lacks_is_named(models):
    detector = make_detector("yolo", weights=models("Yolo"), person=2)
    with pytest.raises(PoseFlowError, match="person: expected a class from 0 to 1"):
        detector.detect([lit(100, 80)])

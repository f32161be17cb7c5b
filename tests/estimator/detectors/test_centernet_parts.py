"""CenterNet detector: network, targets, decoding, composition and metrics."""

import gzip
import json

import msgspec
import numpy as np
import pytest
import torch

from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator.detectors.centernet_decode import decode_centres
from poseflow.estimator.networks.centernet import CentreNet, boxes_everywhere
from poseflow.estimator.protocols import Detections
from poseflow.estimator.training.data_files import ImageFiles
from poseflow.estimator.training.detection.composition import Composer
from poseflow.estimator.training.detection.config import (
    CocoBoxesConfig,
    ComposeConfig,
    EmptyBoxesConfig,
    LspetBoxesConfig,
)
from poseflow.estimator.training.detection.dataset import BoxedImages, read_boxes
from poseflow.estimator.training.detection.metrics import match, measure
from poseflow.estimator.training.detection.samples import DetectionSamples
from poseflow.estimator.training.detection.targets import (
    centre_loss,
    centre_target,
    focal_loss,
    giou,
)
from poseflow.estimator.training.pose.readers import LSP_JOINTS
from poseflow.skeletons import get


def perfect(boxes, size, stride=4):
    """The output that proposes exactly these boxes, surely."""
    target = centre_target(boxes, size, stride)
    height, width = size[1], size[0]
    x = torch.arange(width) + 0.5
    y = (torch.arange(height) + 0.5)[:, None]
    box = target.boxes / stride
    sides = [x - box[:, 0], y - box[:, 1], box[:, 2] - x, box[:, 3] - y]
    logs = torch.stack(sides, 1).clamp(min=1e-3).log()
    logits = torch.where(target.heat == 1, 6.0, -6.0)
    return torch.cat([logits[:, None], logs], 1)


def test_decoding_is_the_inverse_of_the_targets():
    boxes = torch.tensor(
        [[[8.0, 12, 30, 70], [60, 4, 120, 90]], [[0, 0, 127, 95], [0, 0, 0, 0]]]
    )
    found = decode_centres(perfect(boxes, (32, 24)), 0.5)
    assert [len(each) for each in found] == [2, 1]
    for each, truth in zip(found, boxes, strict=True):
        order = each.boxes[:, 0].argsort()
        assert np.allclose(each.boxes[order], truth[: len(each)], atol=1e-3)


def test_empty_heatmap_has_no_detections():
    out = torch.full((2, 5, 8, 8), -9.0)
    assert [len(each) for each in decode_centres(out, 0.1)] == [0, 0]
    out = torch.full((1, 5, 8, 8), float("nan"))
    assert len(decode_centres(out, 0.1)[0]) == 0
    assert decode_centres(torch.zeros(0, 5, 8, 8), 0.1) == []


def test_two_peaks_on_one_person_are_suppressed_to_one():
    boxes = torch.tensor([[[8.0, 12, 100, 90]]])
    out = perfect(boxes, (32, 24))
    out[0, 0, 2, 13] = 5.0
    out[0, 1:, 2, 13] = torch.tensor([11.0, 0.01, 12, 19.5]).log()
    assert len(decode_centres(out, 0.5)[0]) == 1
    assert len(decode_centres(out, 0.5, nms=1.0)[0]) == 2


def test_perfect_output_has_almost_no_loss():
    boxes = torch.tensor([[[8.0, 12, 30, 70], [60, 4, 120, 90]]])
    counted = torch.ones(1, 24, 32)
    out = perfect(boxes, (32, 24))
    assert centre_loss(out, boxes, counted, 5.0) < 0.01
    assert centre_loss(out.roll(6, 3), boxes, counted, 5.0) > 1


def test_no_people_at_all():
    boxes = torch.zeros(2, 4, 4)
    out = torch.zeros(2, 5, 24, 32, requires_grad=True)
    loss = centre_loss(out, boxes, torch.ones(2, 24, 32), 5.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(out.grad).all()
    assert (out.grad[:, 1:] == 0).all()


def test_ignored_background_has_no_loss():
    logits, heat = torch.full((1, 4, 4), 3.0), torch.zeros(1, 4, 4)
    assert focal_loss(logits, heat, torch.zeros(1, 4, 4)) == 0
    heat[0, 1, 1] = 1
    centre_alone = focal_loss(logits, heat, torch.zeros(1, 4, 4))
    assert 0 < centre_alone < focal_loss(logits, heat, torch.ones(1, 4, 4))


def test_each_box_weighs_the_same():
    boxes = torch.tensor([[[0.0, 0, 100, 90], [104, 10, 120, 40], [-3, -3, 5, 5]]])
    target = centre_target(boxes, (32, 24))
    assert target.share.sum() == pytest.approx(3)
    assert (target.heat == 1).sum() == 3
    owned = (target.boxes[0, 2] == 120) & (target.share[0] > 0)
    assert target.share[0][owned].sum() == pytest.approx(1)


def test_the_smaller_person_owns_shared_places():
    boxes = torch.tensor([[[0.0, 0, 120, 90], [48, 33, 72, 57]]])
    target = centre_target(boxes, (32, 24))
    assert target.boxes[0, :, 11, 15].tolist() == [48, 33, 72, 57]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param([0, 0, 2, 2], [0, 0, 2, 2], 1.0, id="same"),
        pytest.param([0, 0, 1, 1], [1, 0, 2, 1], 0.0, id="touching"),
        pytest.param([0, 0, 1, 1], [3, 0, 4, 1], -0.5, id="apart"),
        pytest.param([0, 0, 2, 2], [1, 1, 3, 3], 1 / 7 - 2 / 9, id="overlapping"),
    ],
)
def test_giou(a, b, expected):
    pair = [torch.tensor([box], dtype=torch.float32) for box in (a, b)]
    assert giou(*pair).item() == pytest.approx(expected)


def test_network_output_does_not_depend_on_the_batch():
    torch.manual_seed(0)
    net = CentreNet((32, 32, 32), (1, 1), 32).eval()
    image = torch.randn(2, 3, 32, 64)
    with torch.inference_mode():
        assert torch.allclose(net(image)[:1], net(image[:1]), atol=1e-5)
    assert net.input_multiple == 8
    assert boxes_everywhere(net(image)).shape == (2, 4, 8, 16)


@pytest.mark.parametrize(
    ("widths", "blocks", "neck"),
    [
        pytest.param((32, 32), (1,), 32, id="one stage"),
        pytest.param((32, 32, 64), (1,), 32, id="blocks missing"),
        pytest.param((32, 40, 64), (1, 1), 32, id="odd width"),
        pytest.param((32, 32, 64), (1, 1), 0, id="no neck"),
    ],
)
def test_impossible_networks(widths, blocks, neck):
    with pytest.raises(PoseFlowError, match="expected"):
        CentreNet(widths, blocks, neck)


def table_of(boxes, image_of, ignored=None, empty=None, count=None, folder=None):
    count = count or max(image_of, default=-1) + 1
    names = tuple(f"{k}.png" for k in range(count))
    return BoxedImages(
        ImageFiles((folder,), np.zeros(count, np.int32), names),
        np.ones(count, np.int64),
        np.ones(count, bool),
        np.zeros(count, bool) if empty is None else np.array(empty),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(image_of, np.int64),
        np.zeros(len(boxes), bool) if ignored is None else np.array(ignored),
    )


def detections(*rows):
    values = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(values[:, :4], values[:, 4])


def report(found, table, **changes):
    settings = {
        "tall_px": 100,
        "false_positives": 0.5,
        "false_positives_empty": 0.0,
        "own_threshold": 0.5,
    }
    return measure(found, table, **(settings | changes))


def test_metrics_by_hand():
    """Two tall people and a small one, in two images; an empty one."""
    table = table_of(
        [[0, 0, 50, 150], [100, 0, 150, 150], [0, 0, 20, 40]],
        [0, 0, 1],
        empty=[False, False, True],
        count=3,
    )
    found = [
        detections(
            [0, 0, 50, 150, 0.9], [300, 0, 350, 150, 0.8], [99, 0, 150, 150, 0.3]
        ),
        detections([0, 0, 20, 40, 0.7], [60, 0, 90, 40, 0.2]),
        detections([0, 0, 9, 9, 0.1]),
    ]
    figures = report(found, table)
    # One false positive in two images is allowed: the second, at 0.2, is not.
    assert figures.threshold == pytest.approx(0.2)
    assert figures.threshold > 0.2
    assert (figures.recall, figures.false_positives) == (1.0, 0.5)
    assert figures.false_positives_empty == 0
    assert (figures.own_recall, figures.own_false_positives) == (0.5, 0.5)
    assert (figures.people, figures.tall) == (3, 2)
    assert (figures.pictures, figures.empty) == (2, 1)
    strict = report(found, table, false_positives=0)
    assert (strict.recall, strict.false_positives) == (0.5, 0)
    assert 0.8 < figures.ap50 < 1
    assert json.loads(json.dumps(figures.to_dict()))["recall"] == 1


def test_metrics_without_people():
    empty = table_of([], [], count=2)
    figures = report([Detections.empty()] * 2, empty)
    assert np.isnan(figures.recall)
    assert figures.to_dict()["recall"] is None
    assert figures.score == 0
    person = table_of([[0, 0, 50, 150]], [0])
    assert report([Detections.empty()], person).recall == 0
    assert report([Detections.empty()], person).ap == 0


def test_one_person_is_found_once():
    table = table_of([[0, 0, 50, 150]], [0])
    found = [detections([0, 0, 50, 149, 0.6], [0, 0, 50, 150, 0.9])]
    matches = match(found, table)
    assert matches.found.tolist() == [0, -1]
    assert matches.scores[0] == pytest.approx(0.9)


def test_crowd_regions_are_ignored():
    table = table_of([[0, 0, 300, 150]], [0], ignored=[True])
    found = [detections([10, 10, 40, 120, 0.9], [400, 10, 440, 120, 0.8])]
    assert match(found, table).neutral.tolist() == [True, False]
    assert report(found, table, false_positives=9).false_positives == 1


@pytest.fixture
def folder(tmp_path, blobs):
    blobs.write_data(tmp_path)
    return tmp_path


COCO = CocoBoxesConfig(annotations="people.json", images="images.zip")


def test_folds_divide_the_images(folder):
    import msgspec

    whole = read_boxes([COCO], folder)
    parts = [
        read_boxes([msgspec.structs.replace(COCO, folds=5, fold=(k,))], folder)
        for k in range(5)
    ]
    names = [name for part in parts for name in part.image_files.names]
    assert sorted(names) == sorted(whole.image_files.names)
    assert sum(len(part.boxes) for part in parts) == len(whole.boxes)
    for part in parts:
        for k in range(len(part)):
            source = whole.image_files.names.index(part.image_files.names[k])
            assert (part.boxes[part.of(k)] == whole.boxes[whole.of(source)]).all()


def test_readers_name_errors(folder):
    with pytest.raises(PoseFlowError, match="at least one data set"):
        read_boxes([], folder)
    with pytest.raises(FormatError, match=r"none\.zip: cannot be read"):
        read_boxes([EmptyBoxesConfig(images="none.zip")], folder)
    (folder / "people.json").write_text("[1, 2")
    with pytest.raises(FormatError, match=r"people\.json: the JSON breaks off"):
        read_boxes([COCO], folder)
    (folder / "people.json").write_text("{}")
    with pytest.raises(FormatError, match="not laid out as coco data: KeyError"):
        read_boxes([COCO], folder)


def write_lspet(folder, blobs, count=4):
    """LSPET's layout: one person each, 2 of them with few joints; a stranger."""
    rng = np.random.default_rng(3)
    joints = np.zeros((count, 14, 3), np.float32)
    images, boxes = {}, []
    for k in range(count):
        box = np.array([30, 20, 60, 80.0])
        points = box[:2] + rng.random((14, 2)) * (box[2:] - box[:2])
        joints[k] = np.concatenate([points, np.ones((14, 1))], axis=1)
        boxes.append([30, 20, 30, 60])
        images[f"im{k + 1:05d}.png"] = blobs.draw([box, [90, 20, 110, 80]], rng)
    joints[2:, :5] = 0
    np.savez(
        folder / "labels.npz",
        joints=joints,
        joint_names=np.array(LSP_JOINTS),
        archives=np.array(["people.zip"] * count),
        file_names=np.array(list(images)),
        boxes=np.array(boxes, np.float32),
    )
    blobs.write_zip(folder / "people.zip", images)
    stranger = [[92, 25, 0.5, 108, 40, 0.4, 100, 78, 0.6], [40, 30, 0.5] * 3]
    content = json.dumps({"im00001.jpg": stranger, "im00002.jpg": []})
    (folder / "poses.json.gz").write_bytes(gzip.compress(content.encode()))
    return LspetBoxesConfig(least_joints=10, others="poses.json.gz")


def test_unlabelled_people_are_ignored(folder, blobs):
    table = read_boxes([write_lspet(folder, blobs)], folder)
    assert table.image_files.names == ("im00001.png", "im00002.png")
    assert not table.complete.any()
    first = table.of(0)
    assert table.boxes[first].tolist()[0] == [30, 20, 60, 80]
    assert table.ignored[first].sum() >= 1
    assert [92, 25, 108, 78] in table.boxes[first][table.ignored[first]].tolist()
    assert len(table.boxes[table.of(1)]) == 1


def coco_pose(box, missing=()):
    """A pose whose joints reach to the edges of a box, without some of them."""
    x0, y0, x1, y1 = box
    pose = np.zeros((17, 3))
    pose[:, 0] = np.linspace(x0, x1, 17)
    pose[:, 1] = np.linspace(y0, y1, 17)
    pose[:, 2] = 0.5
    for joint in missing:
        pose[get("coco17").index(joint), 2] = 0
    return pose.ravel().tolist()


def test_unlabelled_people_with_a_whole_pose_are_positives(folder, blobs):
    dataset = write_lspet(folder, blobs)
    hips = ("left_hip", "right_hip")
    poses = {
        "im00001.jpg": [
            coco_pose([92, 25, 108, 75]),
            coco_pose([80, 20, 110, 60], hips),
            coco_pose([50, 20, 62, 80]),
            coco_pose([30, 20, 50, 40]),
        ],
        "im00002.jpg": [coco_pose([92, 25, 108, 75], hips)],
    }
    content = json.dumps(poses).encode()
    (folder / "poses.json.gz").write_bytes(gzip.compress(content))
    bystanders = msgspec.structs.replace(
        dataset, others_joints=12, repeat=2, repeat_others=3
    )
    table = read_boxes([bystanders], folder)
    first = table.of(0)
    people = table.boxes[first][~table.ignored[first]]
    # Somewhat larger than the joints' extent.
    np.testing.assert_allclose(people, [[30, 20, 60, 80], [89.5, 20, 110.5, 78.5]])
    unsure = table.boxes[first][table.ignored[first]].tolist()
    assert [80, 20, 110, 60] in unsure, "a pose without hips is not a whole person"
    assert len(unsure) == 1, "what lies within the labelled person is that person"
    assert table.ignored[table.of(1)].tolist() == [False, True]
    assert table.repeats.tolist() == [6, 2]
    empty = read_boxes([dataset], folder)
    assert (~empty.ignored).sum() == 2

    shares = {"whole": 0, "mosaic": 1, "paste": 0}
    composer = Composer(table, ComposeConfig(**shares, people_px=(20, 60)), (128, 96))
    scenes = [composer.compose(np.random.default_rng(k)) for k in range(10)]
    shapes = [(b[3] - b[1]) / (b[2] - b[0]) for scene in scenes for b in scene.boxes]
    assert min(np.abs(np.array(shapes) - 58.5 / 21)) < 0.1, "the stranger is there"


def orange(image, box):
    """Share of a box that has the people's colour."""
    x0, y0, x1, y1 = np.round(box).astype(int)
    part = image[y0:y1, x0:x1].astype(int)
    return float((part[..., 2] - part[..., 0] > 60).mean())


@pytest.mark.parametrize("kind", ["whole", "mosaic", "paste"])
def test_boxes_move_with_the_people(folder, blobs, kind):
    table = read_boxes(
        [COCO, EmptyBoxesConfig(images="empty.zip"), write_lspet(folder, blobs)], folder
    )
    shares = dict.fromkeys(("whole", "mosaic", "paste"), 0.0) | {kind: 1.0}
    plain = ComposeConfig(
        **shares, grey=0, blur=0, brightness=0, people_px=(20, 60), least_px=5
    )
    composer = Composer(table, plain, (128, 96))
    seen = 0
    for seed in range(20):
        scene = composer.compose(np.random.default_rng(seed))
        assert scene.image.shape == (96, 128, 3)
        for box in scene.boxes:
            assert (box >= 0).all()
            assert (box <= [128, 96, 128, 96]).all()
            if kind != "paste":  # which puts people in front of each other
                assert orange(scene.image, box) > 0.75
                seen += 1
        if kind == "mosaic":
            # What is far from the labelled people may show others.
            assert 0 < scene.counted.mean() < 1
        if kind == "paste":
            assert scene.boxes or scene.ignored or seed
            seen += len(scene.boxes)
    assert seen > 10


def test_images_that_cannot_be_composed_are_left_out(folder, blobs):
    only_single = read_boxes([write_lspet(folder, blobs)], folder)
    scenes = DetectionSamples(only_single, ComposeConfig(scenes=5), (128, 96))
    assert len(scenes) == 5
    assert all(scenes[k].boxes.any() for k in range(5))


def test_composition_shares_that_no_image_fits(folder):
    table = read_boxes([COCO], folder)
    with pytest.raises(PoseFlowError, match="no images for these shares of compose"):
        Composer(table, ComposeConfig(whole=0), (128, 96))


def test_scenes_depend_on_key_and_seed_alone(folder):
    table = read_boxes([COCO], folder)
    one, two = (
        DetectionSamples(table, ComposeConfig(), (128, 96), 3) for _ in range(2)
    )
    assert torch.equal(one[(1, 7)].frames, two[(1, 7)].frames)
    assert not torch.equal(one[(1, 7)].frames, one[(2, 7)].frames)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"whole": 0, "mosaic": 0, "paste": 0}, "expected one above 0"),
        ({"zoom": 0.5}, "expected at least 1"),
        ({"people_px": (9, 3)}, "shortest <= longest"),
    ],
)
def test_impossible_scenes(changes, message):
    with pytest.raises(ValueError, match=message):
        ComposeConfig(**changes)

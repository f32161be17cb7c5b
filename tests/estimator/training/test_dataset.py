"""Readers of pose data sets, joined by joint name, and their augmentation."""

import json
import zipfile

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from poseflow.errors import PoseFlowError
from poseflow.estimator.training.augment import crop_matrix, vary_colours
from poseflow.estimator.training.config import (
    AugmentConfig,
    CocoConfig,
    EmptyConfig,
    InputConfig,
    LspetConfig,
    LspMatConfig,
    MpiiConfig,
    SyntheticConfig,
)
from poseflow.estimator.training.data_files import ImageFiles
from poseflow.estimator.training.pose.readers import (
    LSP_JOINTS,
    MPII_JOINTS,
    read_people,
)
from poseflow.estimator.training.pose.samples import NOWHERE, PoseSamples
from poseflow.skeletons.skeleton import Skeleton

TARGET = Skeleton("t", ("nose", "head_bottom", "head_top", "left_hip", "right_hip"))
IMAGE = cv2.imencode(".png", np.full((40, 30, 3), 90, np.uint8))[1].tobytes()


def lsp_joints(count):
    joints = np.arange(count * 14 * 3, dtype=np.float32).reshape(count, 14, 3)
    joints[..., 2] = 1
    joints[0, LSP_JOINTS.index("neck")] = 0
    return joints


def write_lspet(folder, count=3):
    folder.mkdir()
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for k in range(count):
            archive.writestr(f"{k}.png", IMAGE)
    np.savez(
        folder / "labels.npz",
        joints=lsp_joints(count),
        joint_names=np.array(LSP_JOINTS),
        file_names=np.array([f"{k}.png" for k in range(count)]),
        archives=np.array(["a.zip"] * count),
        boxes=np.array([[1, 2, 10, 20]] * count, np.float32),
    )


def test_lspet(tmp_path):
    write_lspet(tmp_path / "lspet")
    dataset = LspetConfig(root="lspet", first=1, last=2, rename={"neck": "head_bottom"})
    people = read_people([dataset], tmp_path, TARGET)
    assert people.labelled.tolist() == [
        [False, False, True, True, True],
        [False, True, True, True, True],
    ]
    assert people.boxes[0].tolist() == [1, 2, 11, 22]
    hip = LSP_JOINTS.index("left_hip")
    np.testing.assert_array_equal(people.keypoints[1, 3], lsp_joints(2)[1, hip, :2])
    assert people.image_files.read(1).shape == (40, 30, 3)
    with pytest.raises(PoseFlowError, match="within images 1 to 3"):
        read_people([LspetConfig(root="lspet", last=4)], tmp_path, TARGET)
    with pytest.raises(PoseFlowError, match="no joint called nose"):
        read_people([LspetConfig(root="lspet", rename={"nose": "x"})], tmp_path, TARGET)


@pytest.mark.parametrize("extended", [False, True])
def test_lsp_as_published(tmp_path, extended):
    (tmp_path / "images").mkdir()
    name = "im00002.jpg" if extended else "im0002.jpg"
    (tmp_path / "images" / name).write_bytes(IMAGE)
    joints = lsp_joints(2)
    savemat(
        tmp_path / "joints.mat",
        {"joints": joints.transpose((1, 2, 0) if extended else (2, 1, 0))},
    )
    people = read_people([LspMatConfig(first=2)], tmp_path, TARGET)
    top = LSP_JOINTS.index("head_top")
    np.testing.assert_array_equal(people.keypoints[0, 2], joints[1, top, :2])
    assert people.image_files.read(0).shape == (40, 30, 3)


def coco(joints, values, **extra):
    return {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "annotations": [
            {"image_id": 7, "keypoints": values, **extra},
            {"image_id": 9, "keypoints": [0] * len(values)},
            {"image_id": 7, "keypoints": values, "iscrowd": 1},
            {"image_id": 9, "bbox": [1, 2, 3, 4]},
        ],
        "categories": [{"name": "person", "keypoints": joints}],
    }


def test_coco_and_posetrack(tmp_path):
    joints = ["nose", "head_bottom", "left_hip"]
    values = [5, 6, 1, 0, 0, 0, 25, 36, 1]
    folder = tmp_path / "val"
    folder.mkdir()
    (folder / "000.json").write_text(
        json.dumps(coco(joints, values, bbox_head=[0, 0, 6, 8]))
    )
    (folder / "001.json").write_text(
        json.dumps(coco(joints, values, bbox=[1, 2, 30, 40], area=99.0))
    )
    people = read_people([CocoConfig(annotations="val")], tmp_path, TARGET)
    assert len(people) == 2
    assert people.labelled.tolist() == [[True, False, False, True, False]] * 2
    # No box given: the joints' extent, a tenth of its longer side wider.
    assert people.boxes.tolist() == [[2, 3, 28, 39], [1, 2, 31, 42]]
    assert people.areas.tolist() == [26 * 36, 99]
    assert people.head_sizes[0] == pytest.approx(6)
    assert np.isnan(people.head_sizes[1])
    assert [people.image_files.names[k] for k in people.image_of] == ["a.png", "a.png"]


def test_folds_divide_the_images(tmp_path):
    content = coco(["nose"], [5, 6, 2])
    content["annotations"] = [
        {"image_id": k, "keypoints": [k, k, 2]} for k in (7, 9, 7)
    ]
    (tmp_path / "a.json").write_text(json.dumps(content))

    def places(*fold):
        dataset = CocoConfig(annotations="a.json", folds=2, fold=fold)
        return read_people([dataset], tmp_path, TARGET).keypoints[:, 0, 0].tolist()

    assert places(0) == [7, 7]
    assert places(1) == [9]
    assert places(0, 1) == [7, 9, 7]


def test_mpii(tmp_path):
    joints = np.arange(32.0).reshape(16, 2)
    note = {
        "image": "a.jpg",
        "center": [50, 60],
        "scale": 0.5,
        "joints": joints.tolist(),
        "joints_vis": [1] * 15 + [0],
    }
    (tmp_path / "train.json").write_text(json.dumps([note]))
    dataset = MpiiConfig(annotations="train.json", rename={"upper_neck": "head_bottom"})
    people = read_people([dataset], tmp_path, TARGET)
    assert people.boxes.tolist() == [[0, 10, 100, 110]]
    neck, top = MPII_JOINTS.index("upper_neck"), MPII_JOINTS.index("head_top")
    np.testing.assert_array_equal(people.keypoints[0, 1:3], joints[[neck, top]])
    assert people.labelled[0].tolist() == [False, True, True, True, True]
    assert people.head_sizes[0] == pytest.approx(np.hypot(2, 2))


def test_data_sets_join_by_joint_name(tmp_path):
    write_lspet(tmp_path / "lspet")
    (tmp_path / "a.json").write_text(json.dumps(coco(["nose"], [5, 6, 2])))
    people = read_people(
        [LspetConfig(root="lspet"), CocoConfig(annotations="a.json", repeat=2)],
        tmp_path,
        TARGET,
    )
    assert len(people) == 5
    assert people.labelled[:, 0].tolist() == [False] * 3 + [True] * 2
    assert people.labelled[:, 3].tolist() == [True] * 3 + [False] * 2
    assert people.image_files.names[people.image_of[4]] == "a.png"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("[", "breaks off", id="broken"),
        pytest.param("{}", "not laid out as coco data", id="another layout"),
        pytest.param(
            json.dumps(coco(["nose"], [1, 2])), "expected 3 numbers", id="joint count"
        ),
        pytest.param(
            json.dumps(coco(["tail"], [1, 2, 2])), "no joint in common", id="strangers"
        ),
        pytest.param(
            json.dumps(coco(["nose"], [0, 0, 0])),
            "no person in these data sets has a labelled joint",
            id="no people",
        ),
    ],
)
def test_bad_annotations(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(PoseFlowError, match=message):
        read_people([CocoConfig(annotations="a.json")], tmp_path, TARGET)


def test_crops_without_people(tmp_path):
    write_lspet(tmp_path / "people")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        for k in range(4):
            archive.writestr(f"{k}.png", IMAGE)
        archive.writestr("read.me", "no image")
    images = [{"id": k, "file_name": f"{k}.png"} for k in range(4)]
    notes = {"images": images, "annotations": [{"image_id": 2}]}
    (tmp_path / "notes.json").write_text(json.dumps(notes))
    alone = EmptyConfig(images="more.zip", folds=2, fold=(1,), crops=2)
    chosen = EmptyConfig(images="more.zip", annotations="notes.json", folds=2, crops=1)
    people = read_people([LspetConfig(root="people"), alone, chosen], tmp_path, TARGET)
    assert people.absent.tolist() == 3 * [False] + 5 * [True]
    names = [people.image_files.names[k] for k in people.image_of[3:]]
    assert names == ["1.png", "1.png", "3.png", "3.png", "0.png"]
    samples = PoseSamples(
        people, TARGET, InputConfig(width=32, height=32), AugmentConfig()
    )
    first, again, later = (samples[epoch, 4] for epoch in (0, 0, 1))
    assert (first.joints == NOWHERE).all()
    assert (first.weights == 1).all()
    assert first.matrices.equal(again.matrices)
    assert not first.matrices.equal(later.matrices), "another place in another epoch"
    assert not first.labelled.any()
    plain = PoseSamples(people, TARGET, InputConfig(width=32, height=32))
    assert (plain[4].joints == NOWHERE).all()
    assert plain[1].labelled.tolist() == people.labelled[1].tolist()
    with pytest.raises(PoseFlowError, match="no person in these data sets"):
        read_people([alone], tmp_path, TARGET)


def test_bad_images_are_named(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "not.zip").write_text("no archive")
    files = ImageFiles(
        (tmp_path, tmp_path / "not.zip"),
        np.array([0, 0, 1], np.int32),
        ("text.png", "gone.png", "a.png"),
    )
    for which, name in enumerate(("text.png", "gone.png", "not.zip")):
        with pytest.raises(PoseFlowError, match=name):
            files.read(which)


@pytest.mark.parametrize("seed", range(6))
def test_joints_move_with_the_image(tmp_path, dots, seed):
    dots.write_coco(tmp_path, count=2)
    skeleton = Skeleton("dots", dots.JOINTS)
    people = read_people(
        [CocoConfig(annotations="people.json", images="images.zip")], tmp_path, skeleton
    )
    augment = AugmentConfig(rotate=1, rotate_degrees=45, half_body=0.5, shift=0.1)
    batch = PoseSamples(
        people, skeleton, InputConfig(width=96, height=96), augment, seed
    )[(0, 0)]
    seen = 0
    for k in np.flatnonzero(batch.weights.numpy()):
        x, y = batch.joints[k].round().int().tolist()
        # Left and right swap when the crop is mirrored, and so do their colours.
        colours = {k, int(skeleton.flip_indices[k])}
        pixel = batch.crops[y, x].int().numpy()
        assert any(np.abs(pixel - dots.COLOURS[c]).max() < 60 for c in colours)
        seen += 1
    assert seen


def test_rotation_augmentation_covers_all_angles():
    box, sides = np.array([10.0, 10, 30, 50]), (64, 64)
    config = AugmentConfig(tumble=1, rotate=0, flip=0, scale=0)
    turned = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        matrix, _ = crop_matrix(box, sides, 1.0, config, rng)
        np.testing.assert_allclose(matrix[:, :2] @ [20, 30] + matrix[:, 2], [32, 32])
        turned.append(np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0])))
    counts, _ = np.histogram(turned, bins=4, range=(-180, 180))
    assert counts.min() > 30


def test_colour_augmentation_follows_its_options():
    crop = np.random.default_rng(0).integers(60, 190, (16, 16, 3)).astype(np.uint8)
    rng = np.random.default_rng(1)
    grey = vary_colours(crop, AugmentConfig(grey=1), rng)
    assert (grey == grey[..., :1]).all()
    spreads = [
        vary_colours(crop, AugmentConfig(contrast=0.5), rng).std() / crop.std()
        for _ in range(50)
    ]
    assert 0.45 < min(spreads) < 0.7
    assert 1.3 < max(spreads) < 1.55
    assert np.array_equal(vary_colours(crop, AugmentConfig(), rng), crop)


def test_mirrored_crop_is_the_crop_mirrored(tmp_path, dots):
    dots.write_coco(tmp_path, count=1)
    skeleton = Skeleton("dots", dots.JOINTS)
    people = read_people(
        [CocoConfig(annotations="people.json", images="images.zip")], tmp_path, skeleton
    )
    still = {"scale": 0, "rotate": 0, "half_body": 0}
    size = InputConfig(width=64, height=64)

    def sample(flip):
        return PoseSamples(people, skeleton, size, AugmentConfig(flip=flip, **still))[0]

    plain, mirrored = sample(0.0), sample(1.0)
    difference = plain.crops.flip(1).int() - mirrored.crops.int()
    assert difference.abs().max() <= 1
    expected = plain.joints[skeleton.flip_indices]
    np.testing.assert_allclose(mirrored.joints[:, 0], 63 - expected[:, 0], atol=1e-4)
    np.testing.assert_allclose(mirrored.joints[:, 1], expected[:, 1], atol=1e-4)


def test_synthetic_scenes_are_rendered_once(tmp_path):
    dataset = SyntheticConfig(
        scene="street", scenes=2, frames=2, size=(320, 180), least_height=20
    )
    people = read_people([dataset], tmp_path, TARGET)
    assert len(people) > 0
    assert len(people.image_files) == 4
    assert people.labelled.any(axis=0).all(), "a synthetic person has all these joints"
    assert people.image_files.read(0).shape == (180, 320, 3)
    heights = people.boxes[:, 3] - people.boxes[:, 1]
    assert heights.min() >= 20
    (archive,) = tmp_path.glob("synthetic-*.zip")
    made = archive.stat().st_mtime_ns
    again = read_people([dataset], tmp_path, TARGET)
    np.testing.assert_array_equal(again.keypoints, people.keypoints)
    assert archive.stat().st_mtime_ns == made
    tall = SyntheticConfig(scenes=1, frames=1, size=(160, 90), least_height=900)
    with pytest.raises(PoseFlowError, match="no person in these scenes is 900 pixels"):
        read_people([tall], tmp_path, TARGET)
    with pytest.raises(PoseFlowError, match="unknown scene 'mars'"):
        read_people([SyntheticConfig(scene="mars")], tmp_path, TARGET)

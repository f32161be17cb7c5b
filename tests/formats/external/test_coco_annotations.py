"""The format `coco-annotations`, also of JRDB-Pose, CocoVID and COCO-WholeBody."""

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

import poseflow
from poseflow.errors import FormatError
from poseflow.skeletons import COCO17


def person(image=1, joints=17, flag=2, **fields):
    return {
        "id": 1,
        "image_id": image,
        "category_id": 1,
        "keypoints": [5, 6, flag] * joints,
        "bbox": [1, 2, 30, 40],
        "iscrowd": 0,
    } | fields


def dataset(*people, images=("b.jpg", "a.jpg"), joints=COCO17.joints, **fields):
    return {
        "images": [
            {"id": k, "file_name": name, "width": 640, "height": 480}
            for k, name in enumerate(images, 1)
        ],
        "annotations": list(people),
        "categories": [
            {"id": 1, "name": "person", "keypoints": list(joints), "skeleton": [[1, 2]]}
        ],
    } | fields


@pytest.fixture
def read(tmp_path):
    def run(content, **options):
        path = tmp_path / "clip.json"
        path.write_text(json.dumps(content))
        assert poseflow.formats.sniff(path).name == "coco-annotations"
        return poseflow.read(path, **options)

    return run


@pytest.mark.parametrize("turned", [False, True])
def test_annotations(read, turned):
    content = dataset(person(1), person(1.0, track_id=4), person("1", flag=1))
    if turned:
        content = dict(reversed(content.items()))
    found = read(content)
    assert [(f.name, len(f.poses)) for f in found] == [("a.jpg", 0), ("b.jpg", 3)]
    assert found.size == (640, 480)
    assert found.skeleton == COCO17
    poses = found[1].poses
    assert poses.track_ids.tolist() == [-1, 4, -1]
    assert poses.keypoints[0, 0].tolist() == [5, 6]
    assert (poses.keypoint_scores == 1).all()
    assert poses.boxes[0].tolist() == [1, 2, 31, 42]


def test_flag_0_is_missing_and_scores_are_kept(read):
    flags = [0, 1, 2] * 5 + [0, 0]
    mixed = person(1)
    mixed["keypoints"] = [v for flag in flags for v in (5, 6, flag)]
    poses = read(dataset(mixed))[1].poses
    assert poses.keypoint_scores[0].tolist() == [min(f, 1) for f in flags]
    scored = person(flag=0.25, score=0.75)
    poses = read(dataset(scored))[1].poses
    assert poses.keypoint_scores[0, 0] == 0.25
    assert poses.scores.tolist() == [0.75]


def test_jrdb_pose_has_its_own_joints(read):
    """Tracks as in PoseTrack, and names of joints with spaces in a category."""
    joints = ["head", "right eye", "left eye", "neck", "Center Hip"]
    named = ("head", "right_eye", "left_eye", "neck", "center_hip")
    content = dataset(person(joints=5, track_id=7), joints=joints)
    found = read(content)
    assert found.skeleton.joints == named
    assert found.skeleton.limbs == (("head", "right_eye"),)
    assert found.track_ids.tolist() == [7]


def test_wholebody_has_its_parts_in_fields(read):
    parts = {"foot": 6, "face": 68, "lefthand": 21, "righthand": 21}
    fields = {f"{part}_kpts": [5, 6, 2] * n for part, n in parts.items()}
    content = dataset(person(**fields))
    content["categories"] = [{"id": 1, "name": "person"}]
    found = read(content)
    assert found.skeleton.name == "wholebody133"
    assert found[1].poses.present.all()


def test_people_without_joints_keep_their_boxes_and_crowds_are_left_out(read):
    empty = person(num_keypoints=0, flag=0)
    boxed = {"image_id": 1, "bbox": [1, 2, 3, 4]}
    with pytest.warns(UserWarning, match="left out 1 crowds"):
        found = read(dataset(person(), empty, boxed, person(iscrowd=1)))
    poses = found[1].poses
    assert poses.present.any(axis=1).tolist() == [True, False, False]
    assert poses.boxes[2].tolist() == [1, 2, 4, 6]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bbox": [1, 2]}, "bbox: expected 4 numbers"),
        ({"track_id": "x"}, "track_id: expected a whole number"),
        ({"score": {}}, "score: expected a number"),
    ],
)
def test_a_bad_optional_field_does_not_cost_the_person(read, change, reason):
    with pytest.warns(UserWarning, match=f"ignored 1 optional.*{reason}"):
        found = read(dataset(person(**change), person()))
    assert len(found[1].poses) == 2


def test_several_videos_are_refused(read):
    content = dataset(person())
    for k, image in enumerate(content["images"]):
        image["video_id"] = k
    with pytest.raises(FormatError, match="one video, found those of 2"):
        read(content)
    folders = dataset(person(track_id=1), images=("x/1.jpg", "y/1.jpg"))
    with pytest.raises(FormatError, match="one video, found those of 2"):
        read(folders)
    with pytest.raises(FormatError, match="comes twice"):
        read(dataset(person(), images=("a.jpg", "a.jpg")))


def test_annotations_of_no_image_are_left_out(read):
    with pytest.warns(UserWarning, match=r"image_id: \[\] is not among"):
        assert len(read(dataset(person(), person([])))[1].poses) == 1
    with pytest.warns(UserWarning, match="image_id: 9 is not among the images"):
        assert len(read(dataset(person(), person(9)))[1].poses) == 1


def test_what_is_written_is_read_by_pycocotools(tmp_path):
    rng = np.random.default_rng(2)
    marks = rng.uniform(0.1, 1, (2, 17))
    marks[0, 3] = 0
    poses = poseflow.Poses(rng.uniform(1, 99, (2, 17, 2)), marks, track_ids=[3, -1])
    frames = [
        poseflow.Frame(0, 0.0, poses, name="a.jpg"),
        poseflow.Frame(1, 0.0, poses[:0], name="b.jpg"),
    ]
    path = tmp_path / "out.json"
    poseflow.write(poseflow.PoseSequence.collect(frames), path, "coco-annotations")
    coco = COCO(path)
    assert sorted(coco.getImgIds()) == [0, 1]
    found = coco.loadAnns(coco.getAnnIds(imgIds=[0]))
    assert [a["num_keypoints"] for a in found] == [16, 17]
    assert found[0]["keypoints"][2::3] == [0 if k == 3 else 2 for k in range(17)]
    assert coco.loadCats(1)[0]["keypoints"] == list(COCO17.joints)


def test_several_categories_are_named(read):
    cat, dog = (
        {"id": k, "name": n, "keypoints": list(COCO17.joints)}
        for k, n in ((1, "cat"), (2, "dog"))
    )
    with pytest.warns(UserWarning, match="2 classes, cat, dog; they are read as one"):
        found = read(dataset(person(), person(category_id=2), categories=[cat, dog]))
    assert sum(len(frame.poses) for frame in found) == 2


def test_cvat_finds_and_gives_tracks_among_attributes(read, tmp_path):
    """As its documentation of "COCO Keypoints 1.0" has them."""
    found = read(dataset(person(attributes={"occluded": False, "track_id": 7})))
    assert found.track_ids.tolist() == [7]
    path = tmp_path / "out.json"
    poseflow.write(found, path, "coco-annotations")
    content = json.loads(path.read_text())
    (annotation,) = content["annotations"]
    assert annotation["attributes"] == {"track_id": 7}
    required = {"id", "image_id", "category_id", "bbox", "area", "iscrowd"}
    assert required | {"keypoints", "num_keypoints"} <= set(annotation)
    (category,) = content["categories"]
    assert (category["name"], len(category["keypoints"])) == ("person", 17)
    assert {"id", "file_name", "width", "height"} <= set(content["images"][0])

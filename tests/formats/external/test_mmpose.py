"""The format `mmpose`: predictions of the inferencer and of the demos."""

import json
from pathlib import Path

import numpy as np
import pytest

import poseflow
from poseflow.errors import FormatError

GOLDEN = Path(__file__).parents[2] / "golden/formats/mmpose"


def instance(x=5.0, joints=17, **fields):
    return {
        "keypoints": [[x + k, 2.0] for k in range(joints)],
        "keypoint_scores": [0.5] * joints,
    } | fields


def frame(*instances, **fields):
    return {"instances": list(instances)} | fields


@pytest.fixture
def read(tmp_path):
    def run(content, **options):
        path = tmp_path / "clip.json"
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text)
        assert poseflow.formats.sniff(path).name == "mmpose"
        return poseflow.read(path, **options)

    return run


@pytest.mark.parametrize("name", ["video", "demo"])
def test_predictions_of_a_video(name):
    """The demo counts frames from 1, the inferencer from 0."""
    path = GOLDEN / f"{name}.json"
    assert poseflow.formats.sniff(path).name == "mmpose"
    found = poseflow.read(path)
    assert [(f.index, f.name, len(f.poses)) for f in found] == [
        (0, "000000.jpg", 2),
        (1, "000001.jpg", 0),
        (2, "000002.jpg", 1),
    ]
    assert found.skeleton.name == "coco17"
    first = json.loads((GOLDEN / "video.json").read_text())[0]["instances"][0]
    poses = found[0].poses
    np.testing.assert_array_equal(poses.keypoints[0], first["keypoints"])
    np.testing.assert_array_equal(poses.keypoint_scores[0], first["keypoint_scores"])
    np.testing.assert_array_equal(poses.boxes[0], first["bbox"][0])
    assert poses.scores[0] == first["bbox_score"]


def test_predictions_of_images(tmp_path):
    found = poseflow.read(GOLDEN / "image.json")
    assert [(f.name, len(f.poses)) for f in found] == [("image", 2)]
    (tmp_path / "a2.json").write_text((GOLDEN / "image.json").read_text())
    (tmp_path / "a10.json").write_text((GOLDEN / "image.json").read_text())
    (tmp_path / "a1.json").write_text("[]")
    assert poseflow.formats.sniff(tmp_path).name == "mmpose"
    found = poseflow.read(tmp_path)
    assert [(f.name, len(f.poses)) for f in found] == [("a1", 0), ("a2", 2), ("a10", 2)]


def test_joints_of_meta_info_are_the_skeleton(read):
    meta = {
        "dataset_name": "ant",
        "keypoint_id2name": {"1": "tail", "0": "mouth"},
        "skeleton_links": [[0, 1]],
        "sigmas": [0.1, 0.2],
    }
    found = read({"instance_info": [instance(joints=2)], "meta_info": meta})
    assert found.skeleton == poseflow.Skeleton(
        "ant", ("mouth", "tail"), (("mouth", "tail"),), (0.1, 0.2)
    )
    assert len(found[0].poses) == 1


@pytest.mark.parametrize(
    "content",
    [
        [frame(instance()), frame()],
        [
            {"instances": [instance()], "frame_id": 0.0},
            {"frame_id": 1, "instances": []},
        ],
        {"predictions": [[instance()], []], "visualization": []},
        {
            "instance_info": [
                {"frame_id": 0, "instances": [instance()]},
                {"frame_id": 1, "instances": []},
            ]
        },
        "\ufeff"
        + json.dumps(
            [{"instances": [instance(bbox_score=float("nan"))]}, {"instances": []}]
        ),
    ],
)
def test_variants(read, content):
    assert [(f.index, len(f.poses)) for f in read(content)] == [(0, 1), (1, 0)]


@pytest.mark.parametrize("field", ["bbox", "bbox_score", "track_id"])
def test_a_bad_optional_field_does_not_cost_the_person(read, field):
    with pytest.warns(UserWarning, match=rf"ignored 1 optional.*{field}"):
        found = read([{"instances": [instance(**{field: "what"}), instance(9)]}])
    assert len(found[0].poses) == 2


def test_3d_and_other_joints_are_left_out_with_a_reason(read):
    solid = instance() | {"keypoints": [[1.0, 2.0, 3.0]] * 17}
    short = instance() | {"keypoint_scores": [0.5] * 16}
    with pytest.warns(UserWarning, match=r"3 coordinates.*expected 17, one for each"):
        found = read([{"instances": [instance(), solid, short]}])
    assert len(found[0].poses) == 1


def test_frames_that_come_twice_are_refused(read):
    frames = [{"frame_id": 3, "instances": [instance()]}] * 2
    with pytest.raises(FormatError, match="a different frame_id for each of 2 frames"):
        read(frames)


def test_a_joint_at_the_origin_is_missing(read):
    person = instance()
    person["keypoints"][3] = [0, 0]
    poses = read([person])[0].poses
    assert np.flatnonzero(~poses.present[0]).tolist() == [3]
    assert read([person], keep_origin=True)[0].poses.present.all()


def test_a_video_without_frames(tmp_path):
    path = tmp_path / "clip.json"
    skeleton = poseflow.Skeleton("pair", ("a", "b"))
    poseflow.write(poseflow.PoseSequence((), skeleton), path, "mmpose")
    found = poseflow.read(path)
    assert (len(found), found.skeleton.joints) == (0, ("a", "b"))

"""The format `openpose`: folders, single files and errors."""

import json
import warnings

import numpy as np
import pytest

import poseflow
from poseflow.errors import FormatError


def people(*firsts, joints=25, person_id=(-1,)):
    return {
        "version": 1.3,
        "people": [
            {
                "person_id": list(person_id),
                "pose_keypoints_2d": [first, 2.5, 0.5] + [1, 2, 0.25] * (joints - 1),
                "face_keypoints_2d": [],
            }
            for first in firsts
        ],
    }


def save(folder, name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / f"{name}_keypoints.json").write_text(text)


def test_a_folder_of_a_video(tmp_path):
    save(tmp_path, "street_000000000010", people(4.5, 5.5))
    save(tmp_path, "street_000000000002", people())
    (tmp_path / "readme.txt").write_text("else")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = poseflow.read(tmp_path)
    assert result.skeleton.name == "body25"
    assert [(f.index, f.name, len(f.poses)) for f in result] == [
        (2, "000002.jpg", 0),
        (10, "000010.jpg", 2),
    ]
    poses = result[1].poses
    assert poses.keypoints[:, 0].tolist() == [[4.5, 2.5], [5.5, 2.5]]
    assert poses.keypoint_scores[0, :2].tolist() == [0.5, 0.25]
    assert poses.track_ids.tolist() == [-1, -1]


def test_images_keep_their_names_and_people_their_ids(tmp_path):
    save(tmp_path, "img2", people(1, person_id=[3], joints=18))
    save(tmp_path, "img10", people(1, person_id=[4], joints=18))
    result = poseflow.read(tmp_path)
    assert result.skeleton.name == "openpose18"
    assert [(f.index, f.name) for f in result] == [(0, "img2"), (1, "img10")]
    assert result.track_ids.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("prefix", "numbers", "video"),
    [
        pytest.param("street", [0, 1, 2, 3], True, id="all frames"),
        pytest.param("a_b c", [7, 8, 9], True, id="a part"),
        pytest.param("street", [0, 5, 10, 15], True, id="every fifth"),
        pytest.param("street", [0, 1, 3, 4, 7, 8], True, id="some frames missing"),
        pytest.param("street", [41], True, id="one frame"),
        pytest.param("img", [192, 241, 257, 294], False, id="numbers here and there"),
        pytest.param("COCO_val2014", [192, 241], False, id="COCO"),
        pytest.param("COCO_train2017", [192], False, id="one of COCO"),
    ],
)
def test_images_with_a_number_of_twelve_digits(tmp_path, prefix, numbers, video):
    for number in numbers:
        save(tmp_path, f"{prefix}_{number:012d}", people(1.0))
    names = [f"{n:06d}.jpg" if video else f"{prefix}_{n:012d}" for n in numbers]
    result = poseflow.read(tmp_path)
    assert [frame.name for frame in result] == names
    indices = numbers if video else list(range(len(numbers)))
    assert [frame.index for frame in result] == indices


@pytest.mark.parametrize("suffix", ["_keypoints.json", "_keypoints.JSON", ".json"])
@pytest.mark.parametrize(
    "head",
    [
        pytest.param({}, id="people alone"),
        pytest.param({"version": 1.3}, id="OpenPose 1.3"),
        pytest.param({"version": 1.0, "part_candidates": [{"0": []}]}, id="1.0"),
        pytest.param({"canvas_width": 9, "canvas_height": 9}, id="an editor's"),
    ],
)
@pytest.mark.parametrize("first", [False, True], ids=["people last", "people first"])
@pytest.mark.parametrize("count", [0, 2])
def test_keys_may_come_in_any_order(tmp_path, head, first, count, suffix):
    body = {"people": people(*range(1, count + 1), joints=18)["people"]}
    path = tmp_path / f"x{suffix}"
    path.write_text(json.dumps(body | head if first else head | body))
    (frame,) = poseflow.read(path)
    assert (frame.name, len(frame.poses)) == ("x", count)


def test_one_file(tmp_path):
    save(tmp_path, "img", people(7.0))
    (frame,) = poseflow.read(tmp_path / "img_keypoints.json")
    assert np.isclose(frame.poses.keypoints[0, 0, 0], 7)


@pytest.mark.parametrize("bad", ["", '{"people', "[]", '{"people": 3}'])
def test_a_broken_file_does_not_lose_the_others(tmp_path, bad):
    save(tmp_path, "v_000000000000", people(1.0))
    save(tmp_path, "v_000000000001", bad)
    with pytest.warns(UserWarning, match="left out 1 of 2.*file v_000000000001_keyp"):
        result = poseflow.read(tmp_path)
    assert [frame.index for frame in result] == [0]


def test_a_broken_person_does_not_lose_the_others(tmp_path):
    frame = people(1.0, 2.0)
    frame["people"][0]["pose_keypoints_2d"] = [1, 2]
    save(tmp_path, "v_000000000000", frame)
    with pytest.warns(UserWarning, match="entry 0 .*found 2 numbers"):
        assert len(poseflow.read(tmp_path)[0].poses) == 1


def test_unsupported_operations(tmp_path):
    with pytest.raises(
        FormatError, match=r"expected files .*_keypoints\.json.*found none"
    ):
        poseflow.read(tmp_path, "openpose")
    with pytest.raises(FormatError, match="openpose can only be read"):
        poseflow.write([], tmp_path / "out.json", "openpose")
    assert list(tmp_path.iterdir()) == []


def test_two_videos_in_one_folder_are_refused(tmp_path):
    save(tmp_path, "a_000000000001", people(1.0))
    save(tmp_path, "b_000000000001", people(2.0))
    with pytest.raises(
        FormatError, match=r"a_0+1_keypoints\.json and b_0+1_keyp.*both"
    ):
        poseflow.read(tmp_path)


@pytest.mark.parametrize("person_id", ["x", [1, 2], 1.5, {}])
def test_a_bad_person_id_does_not_lose_the_person(tmp_path, person_id):
    frame = people(1.0)
    frame["people"][0]["person_id"] = person_id
    save(tmp_path, "img", frame)
    with pytest.warns(UserWarning, match="ignored 1 optional.*: person_id: expected a"):
        (result,) = poseflow.read(tmp_path)
    assert result.poses.track_ids.tolist() == [-1]

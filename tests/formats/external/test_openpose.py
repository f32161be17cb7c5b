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


def test_wrong_folders_and_names_are_refused(tmp_path):
    with pytest.raises(
        FormatError, match=r"expected files .*_keypoints\.json.*found none"
    ):
        poseflow.read(tmp_path, "openpose")
    with pytest.raises(FormatError, match="openpose is a folder of files"):
        poseflow.write([], tmp_path / "out.json", "openpose")
    with pytest.raises(FormatError, match="folder of files to standard output"):
        poseflow.write([], "-", "openpose")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FormatError, match=r"holds 'notes.txt', expected a new folder"):
        poseflow.write([], tmp_path, "openpose")
    with pytest.raises(FormatError, match="is a folder of files, expected its name"):
        poseflow.write([], tmp_path / "notes.txt", "openpose")
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


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


@pytest.mark.parametrize("skeleton", ["body25", "openpose18", "openpose15", "coco17"])
@pytest.mark.parametrize("names", [("", ""), ("day/IMG_7.jpg", "day/IMG_9.jpg")])
def test_what_is_written_is_read_back(tmp_path, skeleton, names):
    rng = np.random.default_rng(0)
    joints = len(poseflow.skeletons.get(skeleton))
    frames = [
        poseflow.Frame(
            index,
            0.0,
            poseflow.Poses(
                rng.uniform(1, 99, (people, joints, 2)),
                rng.uniform(0.1, 1, (people, joints)),
                track_ids=range(3, 3 + people),
                skeleton=skeleton,
            ),
            name=name,
        )
        for index, (people, name) in enumerate(zip((2, 0), names, strict=True))
    ]
    given = poseflow.PoseSequence.collect(frames, "street")
    for _ in range(2):  # a previous result is replaced
        poseflow.write(given, tmp_path / "out", "openpose")
    found = poseflow.read(tmp_path / "out")
    expected = names if names[0] else ("000000.jpg", "000001.jpg")
    assert [frame.name for frame in found] == list(expected)
    assert found.skeleton.name == skeleton
    for mine, theirs in zip(given, found, strict=True):
        np.testing.assert_array_equal(
            mine.poses.keypoints, theirs.poses.keypoints.astype(np.float32)
        )
        np.testing.assert_array_equal(mine.poses.track_ids, theirs.poses.track_ids)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("stop", "kept"), [(KeyboardInterrupt, ["out"]), (RuntimeError, [])]
)
def test_an_interrupted_folder_is_complete_or_absent(tmp_path, stop, kept):
    def run():
        with poseflow.ResultWriter(tmp_path / "out", "openpose") as writer:
            writer.write(poseflow.Frame(0, 0.0, poseflow.Poses.empty("body25")))
            raise stop

    with pytest.raises(stop):
        run()
    assert [file.name for file in tmp_path.iterdir()] == kept


VERSION_01 = {"version": 0.1, "people": [{"pose_keypoints": [5, 6, 0.5] * 18}]}
CMU = {"version": 0.1, "bodies": [{"joints": [5, 6, 0.5] * 18}]}
OPEN = {"version": 0.1, "people": [{"pose_keypoints_2d": [5, 6, 0.5] * 18}]}


@pytest.mark.parametrize("frame", [VERSION_01, CMU, OPEN], ids=["0.1", "cmu", "open"])
@pytest.mark.parametrize("layout", ["file", "folder", "list", "named list", "object"])
def test_older_versions_and_alphapose_in_every_layout(tmp_path, frame, layout):
    """OpenPose 1.0 (JSON 0.1) and AlphaPose 0.3, as their documentation has them."""
    contents = {
        "file": ("a.json", frame, ["a"]),
        "list": ("a.json", [frame, frame], ["000000.jpg", "000001.jpg"]),
        "named list": (
            "a.json",
            [{"image_id": "7.jpg"} | frame, frame | {"image_id": "9.jpg"}],
            ["7.jpg", "9.jpg"],
        ),
        "object": ("a.json", {"b.jpg": frame, "c.jpg": frame}, ["b.jpg", "c.jpg"]),
    }
    if layout == "folder":
        for name in "12":
            (tmp_path / f"{name}.json").write_text(json.dumps(frame))
        path, names = tmp_path, ["1", "2"]
    else:
        file, content, names = contents[layout]
        path = tmp_path / file
        path.write_text(json.dumps(content))
    found = poseflow.read(path)
    assert [f.name for f in found] == names
    assert found.skeleton.name == "openpose18"
    assert found[0].poses.keypoints[0, 0].tolist() == [5, 6]
    assert poseflow.formats.sniff(path).name == "openpose"
    assert poseflow.read(path, "cmu") == poseflow.read(path, "open") == found


def test_frames_that_lists_leave_out_are_named_by_their_place(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([OPEN, {"people": []}, OPEN | {"frame_id": 2.0}]))
    assert [(f.index, len(f.poses)) for f in poseflow.read(path)] == [
        (0, 1),
        (1, 0),
        (2, 1),
    ]


def test_fifteen_joints_are_openposes_and_canvas_gives_the_size(tmp_path):
    """Not PoseTrack's, which has as many in another order."""
    frame = people(3, joints=15) | {"canvas_width": 640, "canvas_height": 480.0}
    save(tmp_path, "a", frame)
    found = poseflow.read(tmp_path)
    assert found.skeleton.name == "openpose15"
    assert found.size == (640, 480)


def test_hidden_files_of_macos_are_no_frames(tmp_path):
    save(tmp_path, "street_000000000002", people(4.5))
    save(tmp_path, "._street_000000000002", "\0\5")
    assert len(poseflow.read(tmp_path)) == 1


def test_frames_of_two_videos_in_one_folder_are_named(tmp_path):
    save(tmp_path, "street_000000000000", people(4.5))
    save(tmp_path, "park_000000000001", people(5.5))
    with pytest.warns(UserWarning, match="2 videos by their names, 'park' and 'street"):
        assert len(poseflow.read(tmp_path)) == 2

"""Metadata of results: skeleton, rate, size, times, tracker and version."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest

import poseflow
from poseflow import Frame, Poses, PoseSequence, Skeleton, skeletons

MOUSE = Skeleton(
    "mouse",
    ("nose", "ear_l", "ear_r", "tail"),
    limbs=(("nose", "tail"),),
    sigmas=(0.02, 0.03, 0.03, 0.08),
    pairs=(("ear_l", "ear_r"),),
)


def sequence(skeleton, names=("000000.jpg", "000002.jpg"), **changes):
    rng = np.random.default_rng(1)
    shape = 2, len(skeleton)
    poses = Poses(
        rng.uniform(1, 600, (*shape, 2)),
        rng.uniform(0.1, 1, shape),
        track_ids=[4, 7],
        skeleton=skeleton,
        dtype=np.float64,
    )
    frames = (Frame(0, 0.0, poses, name=names[0]), Frame(2, 0.08, poses, name=names[1]))
    known = {
        "name": "walk",
        "size": (640, 480),
        "fps": 25.0,
        "names": {4: "Anna"},
        "tracker": "oks",
        "version": "9.9",
    }
    return PoseSequence(frames, skeleton, **known | changes)


def facts(result):
    return replace(result, frames=())


@pytest.mark.parametrize("format", ["alphapose", "forvis"])
@pytest.mark.parametrize("skeleton", [MOUSE, *map(skeletons.get, skeletons.names())])
def test_everything_comes_back(tmp_path, format, skeleton):
    written = sequence(skeleton)
    poseflow.write(written, tmp_path / "out.json", format)
    again = poseflow.read(tmp_path / "out.json")
    assert again.skeleton == skeleton
    assert again.skeleton.pairs == skeleton.pairs
    assert again == written
    assert (again.tracker, again.version) == ("oks", "9.9")


@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("posetrack17", "posetrack17"),
        ("posetrack18", "posetrack18"),
        ("posetrack21", "posetrack18"),
    ],
)
@pytest.mark.parametrize("names", [("000000.jpg", "000001.jpg"), ("b.png", "a.png")])
def test_posetrack_files_come_back(tmp_path, format, name, names):
    written = sequence(skeletons.get(name), names)
    moved = [replace(f, index=k, time=0.1 * k) for k, f in enumerate(written)]
    written = replace(written, frames=tuple(moved))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        poseflow.write(written, tmp_path / "out.json", format)
        again = poseflow.read(tmp_path / "out.json")
    assert facts(again) == facts(written)
    for frame, before in zip(again, written, strict=True):
        assert (frame.index, frame.name, frame.time) == (
            before.index,
            before.name,
            before.time,
        )
        np.testing.assert_array_equal(frame.poses.keypoints, before.poses.keypoints)
        np.testing.assert_allclose(frame.poses.boxes, before.poses.boxes)


def test_a_posetrack18_file_of_others_has_17_slots(tmp_path):
    keypoints = np.arange(51.0)
    keypoints[9:12] = 0  # the left ear
    document = {
        "images": [{"id": 5, "file_name": "images/v/000005.jpg", "frame": "x"}],
        "annotations": [{"image_id": 5, "keypoints": keypoints.tolist()}],
        "categories": [],
    }
    (tmp_path / "gt.json").write_text(json.dumps(document | {"vid": "track_id"}))
    read = poseflow.read(tmp_path / "gt.json", "posetrack18")
    assert read.skeleton.name == "posetrack18"
    present = read[0].poses.present[0]
    assert present.sum() == 16
    assert not present[skeletons.POSETRACK18.index("left_ear")]
    np.testing.assert_array_equal(read[0].poses.keypoints[0, 16], [48, 49])
    assert (read[0].index, read[0].name) == (0, "images/v/000005.jpg")
    named = poseflow.read(tmp_path / "gt.json", "posetrack18", skeleton="posetrack17")
    assert named.skeleton.name == "posetrack17"
    with pytest.raises(poseflow.PoseFlowError, match=r"gt\.json.*found coco17"):
        poseflow.read(tmp_path / "gt.json", "posetrack18", skeleton="coco17")


def test_frame_times_that_no_rate_gives(tmp_path):
    written = sequence(skeletons.COCO17)
    late = replace(written[1], time=0.123456789)
    written = replace(written, frames=(written[0], late))
    poseflow.write(written, tmp_path / "out.json")
    first, _, second, _ = json.loads((tmp_path / "out.json").read_text())
    assert "time" not in first
    assert second["time"] == 0.123456789
    assert poseflow.read(tmp_path / "out.json") == written
    assert poseflow.read(tmp_path / "out.json", fps=10)[1].time == 0.2


def test_indices_that_names_do_not_tell(tmp_path):
    """Frames without people are left out: positions are not indices."""
    written = sequence(skeletons.COCO17, ("b.png", "a10.png"))
    poseflow.write(written, tmp_path / "out.json")
    assert [frame.index for frame in poseflow.read(tmp_path / "out.json")] == [0, 2]


@pytest.mark.parametrize("kept", [slice(1, None), slice(None, None, -1)])
def test_entries_in_another_order_or_without_the_first(tmp_path, kept):
    poseflow.write(sequence(MOUSE), tmp_path / "out.json")
    entries = json.loads((tmp_path / "out.json").read_text())[kept]
    (tmp_path / "edited.json").write_text(json.dumps(entries))
    if "poseflow" in json.dumps(entries):
        assert poseflow.read(tmp_path / "edited.json").skeleton == MOUSE
        return
    with pytest.raises(poseflow.PoseFlowError, match="no known skeleton has 4 joints"):
        poseflow.read(tmp_path / "edited.json")
    read = poseflow.read(tmp_path / "edited.json", skeleton=MOUSE)
    assert read.skeleton == MOUSE


@pytest.mark.parametrize(
    "field",
    [
        *({"time": "soon"}, {"time": float("nan")}, {"frame": -1}, {"frame": 1.5}),
        *({"frame": [3]}, {"poseflow": {"skeleton": {"name": "m", "joints": [1]}}}),
        {"poseflow": {"skeleton": {"name": "m", "joints": ["a"], "sigmas": [-1]}}},
    ],
    ids=str,
)
def test_bad_fields_do_not_lose_people(tmp_path, field):
    entry = {"image_id": "3.jpg", "keypoints": [1.5] * 51}
    (tmp_path / "in.json").write_text(json.dumps([entry | field]))
    with pytest.warns(UserWarning, match=f"ignored 1 optional.*{next(iter(field))}"):
        read = poseflow.read(tmp_path / "in.json")
    assert (read[0].index, read[0].time, len(read[0].poses)) == (3, 0.0, 1)


def test_frame_numbers_that_would_join_frames_are_not_believed(tmp_path):
    entries = [
        {"image_id": name, "keypoints": [1.5] * 51, "frame": 4} for name in ("a", "b")
    ]
    (tmp_path / "in.json").write_text(json.dumps(entries))
    assert [frame.index for frame in poseflow.read(tmp_path / "in.json")] == [0, 1]


def test_a_skeleton_of_a_known_name_with_other_joints(tmp_path):
    odd = Skeleton("coco17", tuple(f"j{k}" for k in range(17)))
    poseflow.write(sequence(odd), tmp_path / "out.json")
    assert poseflow.read(tmp_path / "out.json").skeleton == odd

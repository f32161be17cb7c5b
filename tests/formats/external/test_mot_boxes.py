"""The format `mot`: boxes of poses as MOTChallenge text, and back."""

import warnings

import numpy as np
import pytest

import poseflow
from poseflow.formats.mot import read_mot


def frame(index, *ids, box=(1.5, 2.0, 31.5, 42.0)):
    joints = np.full((len(ids), 17, 2), 5.0)
    poses = poseflow.Poses(
        joints, boxes=np.array([box] * len(ids)).reshape(-1, 4), track_ids=ids
    )
    return poseflow.Frame(index, 0.0, poses, name=f"{index:06d}.jpg")


def test_boxes_of_poses(tmp_path):
    path = tmp_path / "street.txt"
    frames = [frame(0, 1), frame(1), frame(2, 2, 1)]
    poseflow.write(poseflow.PoseSequence.collect(frames), path, "mot")
    assert path.read_text() == (
        "1,1,1.5,2,30,40,1.0000,-1,-1,-1\n"
        "3,2,1.5,2,30,40,1.0000,-1,-1,-1\n"
        "3,1,1.5,2,30,40,1.0000,-1,-1,-1\n"
    )
    assert read_mot(path).track_ids.tolist() == [1, 2, 1]
    assert poseflow.formats.sniff(path).name == "mot"
    found = poseflow.read(path)
    assert [(f.index, f.poses.track_ids.tolist()) for f in found] == [
        (0, [1]),
        (1, []),
        (2, [2, 1]),
    ]
    assert found[0].poses.boxes.tolist() == [[1.5, 2, 31.5, 42]]
    assert not found[0].poses.present.any()


def test_people_without_an_identity(tmp_path):
    path = tmp_path / "det.txt"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        poseflow.write([frame(0, -1), frame(1, -1, -1)], path, "mot")
    assert [line.split(",")[:2] for line in path.read_text().splitlines()] == [
        ["1", "-1"],
        ["2", "-1"],
        ["2", "-1"],
    ]
    with pytest.warns(UserWarning, match="left out 3 boxes of people without"):
        poseflow.write([frame(0, -1), frame(1, -1, 4), frame(2, -1, 4)], path, "mot")
    assert [line.split(",")[:2] for line in path.read_text().splitlines()] == [
        ["2", "4"],
        ["3", "4"],
    ]


def test_boxes_are_tracked_without_joints(tmp_path):
    path = tmp_path / "det.txt"
    frames = [frame(k, -1, box=(10 + 2 * k, 20, 60 + 2 * k, 180)) for k in range(12)]
    poseflow.write(frames, path, "mot")
    tracked = list(poseflow.track(poses=path, tracker="iou"))
    assert {i for f in tracked for i in f.poses.track_ids.tolist()} == {1}


def test_motmetrics_reads_what_is_written(tmp_path):
    import motmetrics

    path = tmp_path / "out.txt"
    poseflow.write([frame(0, 1), frame(1, 1, 2)], path, "mot")
    table = motmetrics.io.loadtxt(path, fmt="mot16", min_confidence=-1)
    assert table.index.tolist() == [(1, 1), (2, 1), (2, 2)]
    assert table[["X", "Y", "Width", "Height"]].iloc[0].tolist() == [0.5, 1, 30, 40]

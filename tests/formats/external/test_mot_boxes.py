"""The format `mot`: boxes of poses as MOTChallenge text, and back."""

import warnings

import numpy as np
import pytest

import poseflow
from poseflow.errors import FormatError
from poseflow.eval import mot_events
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


def lines(*frames, between=","):
    cells = ([frame, 1, 50, 100, 30, 60, 0.9, -1, -1, -1] for frame in frames)
    return "".join(between.join(map(str, row)) + "\n" for row in cells)


@pytest.mark.parametrize("between", [",", " ", "\t", ", "])
def test_commas_or_spaces_between_numbers(tmp_path, between):
    path = tmp_path / "det.txt"
    path.write_text(lines(1, 3, between=between))
    assert poseflow.formats.sniff(path).name == "mot"
    assert [len(frame.poses) for frame in poseflow.read(path)] == [1, 0, 1]


def test_an_empty_cell_is_named(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("1,1,50,,30,60,0.9\n")
    with pytest.raises(FormatError, match=r"line 1: .*nothing as top"):
        poseflow.read(path)


@pytest.mark.parametrize("last", [3002, 10**8, 10**12])
def test_a_number_far_off_makes_no_frames_in_between(tmp_path, last):
    path = tmp_path / "det.txt"
    path.write_text(lines(3, last))
    found = poseflow.read(path)
    assert [frame.index for frame in found] == [0, 1, 2, last - 1]
    events = mot_events(path, path)
    assert events.Type.value_counts()["MATCH"] == 2


def test_a_length_far_off_makes_no_frames(tmp_path):
    folder = tmp_path / "S-01"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt" / "gt.txt").write_text(lines(1))
    for length, frames in ((5, 5), (10**12, 1)):
        (folder / "seqinfo.ini").write_text(f"[Sequence]\nseqLength={length}\n")
        assert len(poseflow.read(folder / "gt" / "gt.txt")) == frames

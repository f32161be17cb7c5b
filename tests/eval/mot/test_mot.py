"""Tracking scores of boxes: equal to py-motmetrics, TrackEval and PoseTrack21's kit."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses, PoseSequence
from poseflow.errors import FormatError
from poseflow.eval.metrics.hota import sum_hota
from poseflow.eval.mot.scoring import (
    box_similarity_table,
    motmetrics_fields,
    score_mot,
    trackeval_fields,
)
from poseflow.formats.mot import read_mot, write_mot

GOLDEN = Path(__file__).parents[2] / "golden" / "generic_mot"
CASES = ("basic", "crowded", "edge")
CLOSE = {"rtol": 0, "atol": 1e-9}


def reference(case):
    with gzip.open(GOLDEN / case / "reference.json.gz", "rt") as file:
        return json.load(file)


def golden_scores(case, convention="motmetrics"):
    expected = reference(case)
    scores = score_mot(
        GOLDEN / case / "gt",
        GOLDEN / case / "pred",
        frames=expected["frames"],
        convention=convention,
    )
    assert [s.name for s in scores] == list(expected["frames"])
    return expected, {s.name: s for s in scores} | {"combined": sum(scores)}


def compare(found, expected, leave=()):
    names = set(expected) - set(leave)
    assert names <= set(found)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], err_msg=name, **CLOSE)


@pytest.mark.parametrize("case", CASES)
def test_equals_motmetrics(case):
    expected, scores = golden_scores(case)
    for name, values in expected["motmetrics"].items():
        # motmetrics averages the sequences' MOTP and cannot if one has no match.
        nan_total = name == "combined" and np.isnan(values["motp"])
        leave = ("motp",) if nan_total else ()
        compare(motmetrics_fields(scores[name]), values, leave)


@pytest.mark.parametrize("case", CASES)
def test_equals_trackeval_clear_and_identity(case):
    expected, scores = golden_scores(case, "trackeval")
    for name in scores:
        found = trackeval_fields(scores[name])
        # Follow from the number of frames, which TrackEval takes as 0 here and there.
        frames = ("CLR_Frames", "FP_per_frame")
        values = expected["trackeval_clear"][name]
        compare(found, values, frames)
        compare(found, expected["trackeval_identity"][name])
        if values["CLR_Frames"]:
            rate = values["CLR_FP"] / values["CLR_Frames"]
            assert values["FP_per_frame"] == pytest.approx(rate)


def box_curves(sums, runs):
    names = {"HOTA_TP": sums.tp, "HOTA_FN": sums.fn, "HOTA_FP": sums.fp}
    curves = sums.scores(runs) | names
    curves["OWTA"] = curves["RHOTA"]
    first = {f"{name}(0)": curve[0] for name, curve in curves.items()}
    product = {"HOTALocA(0)": first["HOTA(0)"] * first["LocA(0)"]}
    return curves | first | product


@pytest.mark.parametrize("case", CASES)
def test_equals_every_hota(case):
    expected, scores = golden_scores(case)
    pairs = [
        (
            read_mot(GOLDEN / case / "gt" / f"{name}.txt", truth=True),
            read_mot(GOLDEN / case / "pred" / f"{name}.txt"),
        )
        for name in expected["frames"]
    ]
    kit = sum_hota(box_similarity_table(pairs), runs="posetrack21")
    for k, name in enumerate([*expected["frames"], "combined"]):
        published = box_curves(scores[name].sums, "published")
        compare(published, expected["trackeval_hota"][name])
        compare(published, expected["published_fragments"][name])
        own = kit.sum() if name == "combined" else kit[k]
        compare(box_curves(own, "posetrack21"), expected["posetrack21_box_hota"][name])


def test_a_written_file_reads_the_same(tmp_path):
    path = GOLDEN / "crowded" / "pred" / "MOT-01.txt"
    write_mot(read_mot(path), tmp_path / "MOT-01.txt")
    before, after = read_mot(path), read_mot(tmp_path / "MOT-01.txt")
    np.testing.assert_array_equal(before.track_ids, after.track_ids)
    np.testing.assert_allclose(before.boxes, after.boxes, atol=1e-6)
    np.testing.assert_array_equal(before.frames, after.frames)
    np.testing.assert_allclose(before.scores, after.scores, atol=5e-5)


def test_a_tracked_pose_sequence_writes_its_boxes(tmp_path):
    boxes = [[1, 2, 11, 22], [5, 5, 9, 9]]
    poses = Poses(np.zeros((2, 17, 2)), boxes=boxes, track_ids=[7, -1])
    sequence = PoseSequence((Frame(4, 0.0, poses),), poses.skeleton, "street")
    write_mot(sequence, tmp_path / "street.txt")
    assert (tmp_path / "street.txt").read_text() == "5,7,1,2,10,20,1.0000,-1,-1,-1\n"
    empty = PoseSequence((), poses.skeleton)
    write_mot(empty, tmp_path / "empty.txt")
    assert len(read_mot(tmp_path / "empty.txt")) == 0


def test_empty_lines_and_files(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("")
    assert len(read_mot(path)) == 0
    path.write_text("\n3 7 1 2 10 20\n\n1,7,1,2,10,20,0.5,-1\n")
    tracks = read_mot(path)
    assert tracks.frames.tolist() == [0, 2]
    assert tracks.scores.tolist() == [0.5, 1.0]
    assert tracks.boxes[0].tolist() == [1, 2, 11, 22]
    assert tracks.num_frames == 3


@pytest.mark.parametrize("rest", ["", ",1", ",1,1,1,-1"])
@pytest.mark.parametrize("truth", [False, True])
def test_frames_numbered_from_0(tmp_path, rest, truth):
    lines = ["2,7,1,2,10,20", "0,7,1,2,10,20", "0,8,50,2,10,20"]
    path = tmp_path / "a.txt"
    path.write_text("\n".join(line + rest for line in lines))
    with pytest.warns(UserWarning, match=r"a\.txt: frames are numbered from 0"):
        tracks = read_mot(path, truth=truth)
    assert (tracks.frames.tolist(), tracks.num_frames) == ([0, 0, 2], 3)
    same = tmp_path / "b.txt"
    write_mot(tracks, same)
    assert read_mot(same).frames.tolist() == [0, 0, 2]


def test_ground_truth_leaves_out_boxes_not_to_be_considered(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_text("1,1,0,0,5,5,1,1,1\n1,2,9,9,5,5,0,1,1\n")
    assert len(read_mot(path, truth=True)) == 1
    assert len(read_mot(path)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("1,2,3", "line 1: expected frame, id", id="short"),
        pytest.param("1,2,3,4,x,6", "line 1: expected a number, found 'x'", id="word"),
        pytest.param("1,2,3,4,nan,6", "expected a finite number", id="nan"),
        pytest.param("-1,2,3,4,5,6", "frames begin with 1", id="frame -1"),
        pytest.param("1.5,2,3,4,5,6", "whole number below", id="half a frame"),
        pytest.param("1,1e300,3,4,5,6", "whole number below", id="huge id"),
        pytest.param("1,2,3,4,-5,6", "width and height", id="negative"),
        pytest.param(
            "1,2,3,4,5,6\n1,2,9,4,5,6",
            r"line 2: id 2 is in frame 1 already \(line 1\)",
            id="id twice",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path, text, message):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(PoseFlowError, match=message):
        read_mot(path)


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(PoseFlowError, match="no such file"):
        read_mot(tmp_path / "nowhere.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PoseFlowError, match="in UTF-16 and breaks at byte 2"):
        read_mot(tmp_path / "binary.txt")
    (tmp_path / "binary.txt").write_bytes(b"\xff\x01\x02")
    with pytest.raises(PoseFlowError, match="expected text in UTF-8 or UTF-16"):
        read_mot(tmp_path / "binary.txt")
    (tmp_path / "gt").mkdir()
    with pytest.raises(PoseFlowError, match=r"holds no \.txt file"):
        score_mot(tmp_path / "gt", tmp_path)
    with pytest.raises(FormatError, match="no such file"):
        score_mot(GOLDEN / "basic" / "gt", tmp_path / "nowhere")


def test_sequences_on_one_side_only(tmp_path):
    truth = GOLDEN / "edge" / "gt"
    (tmp_path / "MOT-09.txt").write_text("1,1,0,0,5,5\n")
    with pytest.warns(UserWarning, match=r"MOT-09\.txt: no such file among"):
        scores = score_mot(truth, tmp_path, missing="empty")
    assert [s.name for s in scores] == ["MOT-01", "MOT-02", "MOT-03"]
    assert sum(scores).recall == 0
    one = score_mot(truth / "MOT-01.txt", GOLDEN / "edge" / "pred" / "MOT-01.txt")
    assert len(one) == 1
    assert one[0].recall > 80

"""Event tables: motmetrics computes the reported figures from them."""

import motmetrics
import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow.cli.app import app
from poseflow.errors import PoseFlowError
from poseflow.eval import mot_events, score_mot
from poseflow.formats.posetrack.annotations import JOINTS

FIELDS = [
    *("num_frames", "num_matches", "num_switches", "num_transfer", "num_ascend"),
    *("num_migrate", "num_misses", "num_false_positives", "num_detections"),
    *("num_objects", "num_predictions", "num_fragmentations", "mostly_tracked"),
    *("mostly_lost", "partially_tracked", "num_unique_objects", "mota", "motp"),
    *("idtp", "idfp", "idfn", "idf1"),
]


def by_motmetrics(table, fields=FIELDS):
    found = motmetrics.metrics.create().compute(
        table, metrics=list(fields), return_dataframe=False
    )
    return {name: float(found[name]) for name in fields}


def boxes(seed, frames=40, people=5):
    """Boxes that jump, vanish and swap their ids: every type of event."""
    rng = np.random.default_rng(seed)
    truth, result = [], []
    names = np.arange(people)
    for frame in range(1, frames + 1):
        if rng.random() < 0.2:
            names = rng.permutation(people)
        for person in range(people):
            x = 20 * person + rng.normal(0, 2) + frame
            if rng.random() < 0.85:
                truth.append(f"{frame},{person + 1},{x:.2f},10,30,60,1,1,1\n")
            if rng.random() < 0.85 and frame % 11:
                x += rng.normal(0, 6)
                track = names[person] + 11
                result.append(f"{frame},{track},{x:.2f},10,30,60,0.9,-1,-1,-1\n")
    return "".join(truth), "".join(result)


@pytest.mark.parametrize("seed", range(4))
def test_boxes_score_the_same_by_motmetrics(tmp_path, seed):
    truth, result = boxes(seed)
    (tmp_path / "a.txt").write_text(truth)
    (tmp_path / "b.txt").write_text(result)
    table = mot_events(tmp_path / "a.txt", tmp_path / "b.txt")
    (ours,) = score_mot(tmp_path / "a.txt", tmp_path / "b.txt")
    found = by_motmetrics(table.loc["a"])
    for name in FIELDS:
        if name in ours.counts:
            assert found[name] == ours.counts[name], name
    assert found["mota"] == pytest.approx(ours.mota / 100)
    assert 1 - found["motp"] == pytest.approx(ours.motp / 100)
    assert found["idf1"] == pytest.approx(ours.idf1 / 100)
    kinds = set(table["Type"])
    assert {"RAW", "MATCH", "SWITCH", "MISS", "FP", "TRANSFER"} <= kinds


@pytest.mark.parametrize("seed", range(2))
def test_the_layout_is_that_of_motmetrics(tmp_path, seed):
    truth, result = boxes(seed, frames=12)
    (tmp_path / "a.txt").write_text(truth)
    (tmp_path / "b.txt").write_text(result)
    ours = mot_events(tmp_path / "a.txt", tmp_path / "b.txt").loc["a"]
    sides = [poseflow.read(tmp_path / f"{name}.txt") for name in "ab"]
    accumulator = motmetrics.MOTAccumulator(auto_id=False)
    for index in range(12):
        a, b = (s[index].poses if index < len(s) else s[0].poses[:0] for s in sides)
        iou = poseflow.similarity.boxes.box_iou(a.boxes, b.boxes)
        distances = np.where(iou >= 0.5, 1 - iou, np.nan)
        accumulator.update(a.track_ids, b.track_ids, distances, frameid=index + 1)
    theirs = accumulator.events
    assert ours.index.names == theirs.index.names
    assert ours.dtypes.to_dict() == theirs.dtypes.to_dict()

    def rows(table):
        flat = table.reset_index().drop(columns="Event")
        flat["D"] = flat["D"].round(9)
        flat["Type"] = flat["Type"].astype(str)
        return sorted(map(str, flat.itertuples(index=False, name=None)))

    assert rows(ours) == rows(theirs)


@pytest.mark.parametrize("mode", ["strict", "poseval"])
@pytest.mark.parametrize("case", ["pt17_basic", "pt18_edge", "pt17_ties"])
def test_joints_score_the_same_by_motmetrics(mode, case):
    from pathlib import Path

    folder = Path(__file__).parents[1] / "golden/poseval" / case
    report = poseflow.evaluate(
        folder / "gt", folder / "pred", mode, "mot", missing="empty"
    )
    counts = report["mot"].counts
    fields = [name for name in FIELDS if name in counts]
    for number, joint in enumerate(JOINTS[:3]):
        table = report.events(joint)
        total = dict.fromkeys(fields, 0.0)
        for name in report.sequences:
            for field, value in by_motmetrics(table.loc[name], fields).items():
                total[field] += value
        assert total == {name: counts[name][number] for name in fields}, joint


def test_events_are_chosen_by_joint_and_sequence():
    from pathlib import Path

    folder = Path(__file__).parents[1] / "golden/poseval/pt17_basic"
    report = poseflow.evaluate(folder / "gt", folder / "pred", "strict", "mot")
    name = report.sequences[0]
    one = report.events("nose", name)
    assert one.index.names == ["FrameId", "Event"]
    pandas.testing.assert_frame_equal(one, report.events("nose").loc[name])
    pandas.testing.assert_frame_equal(one, report.events(sequence=name).loc["nose"])
    assert report.events().index.names == ["Sequence", "Joint", "FrameId", "Event"]
    with pytest.raises(PoseFlowError, match="joint: expected one of"):
        report.events("tail")
    with pytest.raises(PoseFlowError, match="no sequence 'x'"):
        report.events(sequence="x")


def test_a_sequence_without_people_has_its_frames(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("")
    table = mot_events(tmp_path / "a.txt", tmp_path / "b.txt")
    assert len(table) == 0
    (tmp_path / "a.txt").write_text("3,1,0,0,9,9,1\n")
    table = mot_events(tmp_path / "a.txt", tmp_path / "b.txt").loc["a"]
    assert table["Type"].tolist() == ["RAW", "RAW", "RAW", "RAW", "MISS"]
    assert by_motmetrics(table, ["num_frames"]) == {"num_frames": 3}


def test_the_commands_write_csv(tmp_path, monkeypatch):
    from pathlib import Path

    monkeypatch.chdir(tmp_path)
    truth, result = boxes(0)
    Path("a.txt").write_text(truth)
    Path("b.txt").write_text(result)
    run = CliRunner().invoke
    done = run(app, ["evaluate-mot", "a.txt", "b.txt", "--events", "out.csv"])
    assert done.exit_code == 0, done.output
    found = pandas.read_csv("out.csv", index_col=["Sequence", "FrameId", "Event"])
    assert found.columns.tolist() == ["Type", "OId", "HId", "D"]
    assert (found["Type"] == "SWITCH").sum() == score_mot("a.txt", "b.txt")[0].counts[
        "num_switches"
    ]
    golden = Path(__file__).parents[1] / "golden/poseval/pt17_basic"
    sides = [str(golden / "gt"), str(golden / "pred"), "--metrics", "mot"]
    done = run(app, ["evaluate", *sides, "--events", "joints.csv"])
    assert done.exit_code == 0, done.output
    found = pandas.read_csv("joints.csv")
    assert set(found["Joint"]) == set(JOINTS)
    done = run(app, ["evaluate-mot", "a.txt", "b.txt", "--events", "out.json"])
    assert done.exit_code == 2
    assert not Path("out.json").exists()

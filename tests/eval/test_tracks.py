"""Tracking scores of files of poses: people and joints, pairing, notes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from poseflow import Frame, PoseFlowError, Poses, PoseSequence, Skeleton, write
from poseflow.cli.app import app
from poseflow.errors import FormatError
from poseflow.eval import evaluate, score_tracking, score_tracks
from poseflow.eval.metrics.similarity_table import SimilarityTable
from poseflow.eval.track_pairs import PCKH_REACH
from poseflow.eval.tracking import score_table
from poseflow.similarity.oks import oks
from poseflow.synthetic import make_scene, write_posetrack

MOUSE = Skeleton("mouse", ("nose", "neck", "tail"), sigmas=(0.05, 0.1, 0.15))
PERSON = Skeleton("stick", ("head_top", "neck", "foot"), sigmas=(0.08, 0.08, 0.09))


def scene(skeleton=MOUSE, people=4, frames=20, seed=0, noise=0.0, name="a"):
    """People who walk past each other; `noise` in pixels, lost joints, lost people."""
    truth = np.random.default_rng(seed)
    shape = truth.uniform(0, 60, (people, len(skeleton), 2))
    speed = truth.normal(0, 8, (people, 1, 2))
    rng = np.random.default_rng(seed + 1)
    out = []
    for t in range(frames):
        points = shape + 40 * np.arange(people)[:, None, None] + speed * t
        points = points + rng.normal(0, noise, points.shape)
        marks = (rng.random(points.shape[:2]) > 0.1 * (noise > 0)).astype(float)
        ids = np.arange(people) + 1
        if noise and t > frames // 2:
            ids = np.roll(ids, 1)
        kept = rng.random(people) > 0.1 * (noise > 0)
        poses = Poses(points, marks, skeleton=skeleton, track_ids=ids, dtype="float64")
        out.append(Frame(t, 0.0, poses[kept], name=f"{t:06d}.jpg"))
    return PoseSequence(tuple(out), skeleton, name)


@pytest.mark.parametrize("similarity", ["oks", "pckh", "iou"])
def test_ground_truth_against_itself_is_perfect(similarity):
    scores = score_tracks(scene(), scene(), similarity)
    both = [scores.total, *scores.joints.values()]
    assert set(scores.joints) == (set() if similarity == "iou" else set(MOUSE.joints))
    for one in both:
        assert (one.mota, one.idf1) == (100, 100)
        assert one.hota == pytest.approx(100)
    assert str(scores).count("20 frames pair up by number") == 1


@pytest.mark.parametrize("similarity", ["oks", "pckh", "iou"])
def test_people_as_in_score_tracking(similarity):
    truth, result = scene(), scene(noise=6.0)
    people = score_tracks(truth, result, similarity).total
    assert (
        people.to_dict() | {"name": "a"}
        == score_tracking(truth, result, similarity).to_dict()
    )
    assert 0 < people.hota < 100


@pytest.mark.parametrize("similarity", ["oks", "pckh"])
def test_each_joint_as_if_scored_alone(similarity):
    truth, result = scene(PERSON), scene(PERSON, noise=6.0)
    scores = score_tracks(truth, result, similarity)
    for k, joint in enumerate(PERSON.joints):
        frames = []
        for a, b in zip(truth, result, strict=True):
            p, q = a.poses, b.poses[np.flatnonzero(b.poses.present[:, k])]
            apart = p.keypoints[:, None, k] - q.keypoints[None, :, k]
            distance = np.sqrt((apart**2).sum(axis=-1))
            if similarity == "oks":
                sides = p.boxes[:, 2:] - p.boxes[:, :2]
                values = oks(
                    p.keypoints[:, [k]],
                    q.keypoints[:, [k]],
                    sides.prod(axis=1),
                    [PERSON.sigmas[k]],
                    np.ones((len(p), 1), bool),
                )
            else:
                head = p.keypoints[:, 0] - p.keypoints[:, 1]
                size = np.sqrt((head**2).sum(axis=1))[:, None]
                values = 1 - distance / size / PCKH_REACH
            values = np.where(values > 0, values, np.nan)
            frames.append((p.track_ids, q.track_ids, values))
        needed = 0.5 if similarity == "oks" else 1 - 0.5 / PCKH_REACH
        table = SimilarityTable.from_frames(frames)
        (alone,) = score_table(table, [joint], [20], needed)
        found, expected = scores.joints[joint].to_dict(), alone.to_dict()
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, abs=1e-9), (joint, name)
    pooled = scores.all_joints.counts["num_objects"]
    assert pooled == sum(s.counts["num_objects"] for s in scores.joints.values())


def test_head_sizes_of_people_without_a_head_follow_the_others():
    truth = scene(PERSON, people=2, frames=1)
    poses = truth[0].poses
    marks = np.ones((2, 3))
    marks[1, 0] = 0  # no head
    boxes = [[0, 0, 10, 40], [100, 100, 110, 120]]
    points = [[[5, 0], [5, 8], [5, 40]], [[0, 0], [105, 104], [105, 120]]]
    poses = Poses(points, marks, boxes, skeleton=PERSON, track_ids=[1, 2])
    # Head sizes 8 and 4: matches within 4 and 2 pixels.
    for shift, expected in ((1.9, 2), (2.1, 1), (3.9, 1), (4.1, 0)):
        moved = Poses(
            np.add(points, [shift, 0]), marks, skeleton=PERSON, track_ids=[1, 2]
        )
        scores = score_tracks(
            PoseSequence((Frame(0, 0.0, poses),), PERSON, "a"),
            PoseSequence((Frame(0, 0.0, moved),), PERSON, "a"),
            "pckh",
        )
        assert scores.total.counts["num_detections"] == expected, shift


def test_frames_pair_by_the_names_of_their_images():
    truth = scene()
    later = [
        replace(f, index=f.index + 7, name=f"img/{f.name[:-4]}.png") for f in truth
    ]
    result = replace(truth, frames=tuple(later[:15]))
    scores = score_tracks(truth, result)
    assert scores.matchings[0].by == "name"
    assert scores.matchings[0].truth_only == tuple(f"{k:06d}" for k in range(15, 20))
    assert scores.total.precision == 100
    assert scores.total.recall == pytest.approx(75)


def test_frames_that_do_not_pair_are_an_error():
    truth = scene()
    apart = [replace(f, index=f.index + 500, name="") for f in truth]
    with pytest.raises(PoseFlowError, match=r"frames 0 to 19 .*result 500 to 519"):
        score_tracks(truth, replace(truth, frames=tuple(apart)))
    none = replace(truth, frames=())
    assert score_tracks(truth, none).total.recall == 0


def save(folder, **sequences):
    folder.mkdir()
    for name, sequence in sequences.items():
        write(sequence, folder / f"{name}.json")


def test_command(tmp_path):
    save(tmp_path / "gt", a=scene(), b=scene(seed=5))
    save(tmp_path / "pred", a=scene(noise=6.0), b=scene(seed=5, noise=6.0))
    out = tmp_path / "scores.json"
    sides = [str(tmp_path / "gt"), str(tmp_path / "pred"), "--json", str(out)]
    done = CliRunner().invoke(app, ["evaluate-tracks", *sides])
    assert done.exit_code == 0, done.output
    rows = [line.split()[0] for line in done.output.splitlines() if line]
    assert rows[:4] == ["sequence", "a", "b", "total"]
    assert "note: sigmas of skeleton 'mouse'" in done.output
    found = json.loads(out.read_text())
    expected = score_tracks(tmp_path / "gt", tmp_path / "pred")
    assert found == json.loads(json.dumps(expected.to_dict()))
    assert found["frames"]["a"]["both"] == 20
    done = CliRunner().invoke(
        app, ["evaluate-tracks", *sides, "--similarity", "pckh", "--table", "markdown"]
    )
    assert done.output.startswith("| sequence | HOTA |")


def test_a_missing_sequence_is_an_error_unless_asked_for(tmp_path):
    save(tmp_path / "gt", a=scene(), b=scene(seed=5))
    save(tmp_path / "pred", a=scene(), c=scene())
    with pytest.raises(FormatError, match=r"no sequence b \(1 of 2"):
        score_tracks(tmp_path / "gt", tmp_path / "pred")
    scores = score_tracks(tmp_path / "gt", tmp_path / "pred", missing="empty")
    assert [s.recall for s in scores.people] == [100, 0]
    assert len([n for n in scores.notes if "score" in n]) == 2
    done = CliRunner().invoke(
        app, ["evaluate-tracks", str(tmp_path / "gt"), str(tmp_path / "nowhere")]
    )
    assert done.exit_code == 1


def test_files_of_other_kinds_are_left_out(tmp_path):
    save(tmp_path / "gt", a=scene(), b=scene(seed=5))
    save(tmp_path / "pred", a=scene(), b=scene(seed=5))
    (tmp_path / "gt" / "README.md").write_text("# Sequences")
    with pytest.warns(UserWarning, match=r"README\.md: no known file of poses"):
        scores = score_tracks(tmp_path / "gt", tmp_path / "pred")
    assert [s.name for s in scores.people] == ["a", "b"]
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "README.md").write_text("# Sequences")
    with pytest.raises(FormatError, match="holds no file of poses"):
        score_tracks(tmp_path / "none", tmp_path / "pred")


@pytest.mark.parametrize(
    ("suffix", "format"),
    [
        (".json", "coco-annotations"),
        (".csv", "csv"),
        (".jsonl", "jsonl"),
        (".npz", "npz"),
    ],
)
@pytest.mark.filterwarnings("error:.*id .* two people")
def test_sides_may_be_in_different_formats(tmp_path, suffix, format):
    truth, result = scene(PERSON), scene(PERSON, noise=6.0)
    expected = score_tracks(truth, result).total
    write(truth, tmp_path / f"gt{suffix}", format=format)
    write(result, tmp_path / "pred.json")
    found = score_tracks(
        tmp_path / f"gt{suffix}", tmp_path / "pred.json", skeleton=PERSON
    ).total
    assert found.mota == pytest.approx(expected.mota, abs=0.5)
    assert found.hota == pytest.approx(expected.hota, abs=0.5)


def test_posetrack_without_head_boxes(tmp_path):
    """`evaluate` names the command that scores it all the same."""
    path = tmp_path / "a.json"
    made = make_scene("street", seed=1, frames=8, skeleton="posetrack18")
    write_posetrack(made, path)
    document = json.loads(path.read_text())
    for person in document["annotations"]:
        del person["bbox_head"]
    path.write_text(json.dumps(document))
    report = evaluate(path, path, "strict")
    assert any("evaluate-tracks scores" in str(p) for p in report.problems)
    assert score_tracks(path, path).total.mota == 100

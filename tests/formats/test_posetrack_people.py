"""PoseTrack files of tracked videos: people without identity."""

import json

import numpy as np
import pytest

import poseflow
from poseflow import Frame, Poses, PoseSequence, synthetic
from poseflow.formats.posetrack.conversion import annotations_from_poses
from poseflow.formats.posetrack.reader import read_posetrack


def frames(*ids):
    for k, row in enumerate(ids):
        points = np.full((len(row), 15, 2), 9.0)
        people = Poses(points, track_ids=row, skeleton="posetrack17")
        yield Frame(k, 0.0, people, name=f"{k:06d}.jpg")


@pytest.mark.parametrize("format", ["posetrack18", "posetrack21"])
@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        pytest.param([[-1, -1]], [None, None], id="no identities: all people stay"),
        pytest.param([[1, -1], [-1]], [1], id="tracked: only people with an id"),
        pytest.param([[1, 2], []], [1, 2], id="all tracked"),
    ],
)
def test_people_without_identity(tmp_path, format, ids, kept):
    path = tmp_path / "000001_mpii_test.json"
    mixed = len(kept) < sum(map(len, ids))
    if mixed:
        with pytest.warns(UserWarning, match="without an identity"):
            poseflow.write(frames(*ids), path, format=format)
    else:
        poseflow.write(frames(*ids), path, format=format)
    people = json.loads(path.read_text())["annotations"]
    assert [person.get("track_id") for person in people] == kept


def test_a_result_is_scored_without_people_without_identity(tmp_path):
    path = tmp_path / "000001_mpii_test.json"
    scene = synthetic.make_scene("street", seed=2, frames=4, skeleton="posetrack18")
    synthetic.write_posetrack(scene, path)
    gt = read_posetrack(path)["000001_mpii_test"]
    truth = scene.truth()
    ghosts = [
        Frame(
            f.index,
            f.time,
            Poses.concatenate([f.poses, f.poses[:1].replace(track_ids=[-1])]),
            name=f.name,
        )
        for f in truth
    ]
    plain = annotations_from_poses(truth, gt)
    mixed = annotations_from_poses(PoseSequence.collect(ghosts), gt)
    assert mixed.track_ids.tolist() == plain.track_ids.tolist()
    assert mixed.frames.tolist() == plain.frames.tolist()
    assert any("4 people without an identity" in str(p) for p in mixed.problems)


@pytest.mark.parametrize("format", ["posetrack17", "posetrack18"])
def test_repeated_identities_are_named(tmp_path, format):
    path = tmp_path / "clip.json"
    poseflow.write(frames([4, 5], [4]), path, format=format)
    text = path.read_text()
    old = '"track_id": [5]' if format == "posetrack17" else '"track_id": 5'
    path.write_text(
        text.replace(old, old.replace("5", "4")).replace(
            old.replace(" ", ""), old.replace(" ", "").replace("5", "4")
        )
    )
    with pytest.warns(UserWarning, match="id 4 is that of two people in frame"):
        found = poseflow.read(path)
    assert [frame.poses.track_ids.tolist() for frame in found] == [[4, 4], [4]]

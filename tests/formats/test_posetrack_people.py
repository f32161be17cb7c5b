"""Whom a PoseTrack file of a tracked video holds."""

import json

import numpy as np
import pytest

import poseflow
from poseflow import Frame, Poses


def frames(*ids):
    for k, row in enumerate(ids):
        points = np.full((len(row), 15, 2), 9.0)
        people = Poses(points, track_ids=row, skeleton="posetrack17")
        yield Frame(k, 0.0, people, name=f"{k:06d}.jpg")


@pytest.mark.parametrize("format", ["posetrack18", "posetrack21"])
@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        pytest.param([[-1, -1]], [None, None], id="nobody tracked: everybody stays"),
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

"""The released association, number for number (tests/golden/poseflow/README.md)."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from poseflow import Poses, Tracker

GOLDEN = Path(__file__).parents[2] / "golden" / "poseflow"


def unzip(path):
    return json.loads(gzip.decompress(path.read_bytes()))


def frames_of(folder):
    """Name and float64 poses of every frame, people in the list's order."""
    people = {}
    for person in unzip(folder / "input.json.gz"):
        people.setdefault(person["image_id"], []).append(person)
    for name, entries in people.items():
        joints = np.array([e["keypoints"] for e in entries]).reshape(-1, 17, 3)
        yield (
            name,
            Poses(
                joints[..., :2],
                joints[..., 2],
                scores=[e["score"] for e in entries],
                dtype=np.float64,
            ),
        )


@pytest.mark.parametrize("sequence", ["seq_a", "seq_b"])
def test_every_number_of_the_reference(sequence):
    folder = GOLDEN / sequence
    reference = unzip(folder / "reference.json.gz")
    tracker = Tracker(
        "released",
        compat=True,
        correspondences=folder / "correspondences.npz",
        image_size=tuple(reference["image_size"]),
    )
    fake = len(reference["fake_correspondence_pairs"])
    steps = []
    with pytest.warns(UserWarning, match="no correspondences") if fake else _calm():
        for (name, poses), expected in zip(
            frames_of(folder), reference["frames"], strict=True
        ):
            assert name == expected["image_id"]
            tracked = tracker.update(poses, name=name)
            step = tracker.last_step
            steps.append(step)
            people = expected["people"]
            assert tracked.track_ids.tolist() == [p["idx"] for p in people]
            np.testing.assert_allclose(
                step.match_scores,
                [p["match_score"] for p in people],
                rtol=0,
                atol=1e-12,
            )
            assert step.boxes[:, [0, 2, 1, 3]].tolist() == [
                p["box_x1x2y1y2"] for p in people
            ]
    for step, expected in zip(steps[1:], reference["association"], strict=True):
        assert step.candidate_ids.tolist() == expected["candidate_ids"]
        assert step.from_former_frame.tolist() == expected["from_former_frame"]
        np.testing.assert_allclose(step.grades, expected["grades"], rtol=0, atol=1e-12)
        assert step.pairs.tolist() == expected["pairs"]
    assert (
        len(np.unique(np.concatenate([s.candidate_ids for s in steps])))
        <= (reference["num_ids"])
    )


class _calm:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False

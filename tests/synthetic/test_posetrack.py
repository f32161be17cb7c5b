"""Synthetic scenes as PoseTrack ground truth."""

import numpy as np
import pytest

import poseflow
from poseflow import PoseFlowError
from poseflow.formats.posetrack.reader import read_posetrack
from poseflow.synthetic import make_scene, write_posetrack

NAME = "000004_mpii_test"


@pytest.fixture(scope="module")
def scene():
    return make_scene("street", seed=4, frames=6, skeleton="posetrack18")


def test_export_and_read_back(scene, tmp_path):
    path = tmp_path / f"{NAME}.json"
    write_posetrack(scene, path)
    back = poseflow.read(path)
    truth = poseflow.convert(scene.truth(), back.skeleton)
    # PoseTrack 2018 has slots for the ears and no annotations of them.
    annotated = [not joint.endswith("ear") for joint in back.skeleton.joints]
    assert [len(f.poses) for f in back] == [len(f.poses) for f in truth]
    for read, made in zip(back, truth, strict=True):
        assert read.poses.track_ids.tolist() == made.poses.track_ids.tolist()
        present = made.poses.present & annotated
        assert read.poses.present.tolist() == present.tolist()
        error = np.abs(read.poses.keypoints - made.poses.keypoints)
        assert error[read.poses.present].max() <= 0.01
    found = read_posetrack(path)[NAME]
    assert (found.head_sizes > 0).all()
    assert not found.problems


def test_scored_against_itself_it_is_perfect(scene, tmp_path):
    write_posetrack(scene, tmp_path / f"{NAME}.json")
    report = poseflow.evaluate(tmp_path, tmp_path, mode="strict").to_dict()
    assert report["ap"]["ap"][-1] == pytest.approx(100)
    assert report["mot"]["mota"][-1] == pytest.approx(100)


def test_other_joints_are_refused(tmp_path):
    with pytest.raises(PoseFlowError, match="posetrack18"):
        write_posetrack(make_scene("street", frames=2), tmp_path / "a.json")


def test_a_street_without_people(tmp_path):
    scene = make_scene("street", seed=1, frames=3, people=0, skeleton="posetrack18")
    write_posetrack(scene, tmp_path / f"{NAME}.json")
    assert [len(f.poses) for f in poseflow.read(tmp_path / f"{NAME}.json")] == [0] * 3

"""The kit's figures for twenty sequences of a hundred frames, made from their seed."""

import gzip
import json
from pathlib import Path

import pytest
from posetrack_case import LARGE_21, write_case

import poseflow
from poseflow.formats.posetrack.annotations import JOINTS

REFERENCE = Path(__file__).parents[2] / "golden" / "posetrack21" / "large.json.gz"


def test_the_large_case_equals_the_kit(tmp_path):
    with gzip.open(REFERENCE, "rt") as file:
        reference = json.load(file)
    assert LARGE_21[0] == reference["generator"]["seed"]
    write_case(tmp_path, *LARGE_21)
    report = poseflow.evaluate(tmp_path / "gt", tmp_path / "pred", "posetrack21")
    assert list(report.sequences) == reference["sequence_order"]
    order = [*(JOINTS.index(name) for name in reference["joint_names"][:15]), 15]
    for name, values in reference["pose_estimation_stable"]["per_joint"].items():
        found = report["ap"].joints[name][order]
        assert found == pytest.approx(values, abs=1e-9), name
    hota = report["hota"]
    compared = 0
    for name, values in reference["pose_tracking"]["combined"].items():
        if name in hota.joints:
            assert hota.joints[name][order] / 100 == pytest.approx(values, abs=1e-9)
            compared += 1
    assert compared == 12

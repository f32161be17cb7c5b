"""Benchmark of scoring: seeded cases equal the golden files; reports."""

import gzip
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from posetrack_case import LARGE, make_case, options_from, write_case

import poseflow
from poseflow.benchmark.scoring import stage_times, write_set
from poseflow.eval.metrics.average_precision import precision_recall

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = (
    *("poseval/pt17_ties", "poseval/pt17_edge", "poseval/pt17_mixed_scores"),
    *("poseval/gt18_pred17", "posetrack21/ties"),
)


def load(path):
    with gzip.open(path, "rt") as file:
        return json.load(file)


@pytest.mark.parametrize("case", CASES)
def test_a_seed_gives_the_golden_files(case):
    arguments = load(GOLDEN / case / "reference.json.gz")["generator"]
    sides = make_case(arguments["seed"], options_from(arguments))
    for side, files in zip(("gt", "pred"), sides, strict=True):
        for name, document in files.items():
            stored = load(GOLDEN / case / side / f"{name}.gz")
            assert json.loads(json.dumps(document)) == stored


def test_stages_are_timed():
    stages = stage_times(GOLDEN / "poseval" / "pt17_ties", repeats=1)
    assert set(stages) == {"loading", "ap", "mot"}
    assert all(math.isfinite(seconds) for seconds in stages.values())


def test_the_synthetic_set_is_scored(tmp_path):
    write_set(tmp_path, 2, frames=8)
    report = poseflow.evaluate(tmp_path / "gt", tmp_path / "pred", "strict")
    assert len(report.sequences) == 2
    assert 0 < report.mean_ap < 100


@pytest.mark.skipif(
    "POSEFLOW_LARGE" not in os.environ,
    reason="makes 38 MB of files, 15 s; set POSEFLOW_LARGE to run",
)
def test_large_case_equals_the_reference(tmp_path):
    write_case(tmp_path, *LARGE)
    report = poseflow.evaluate(tmp_path / "gt", tmp_path / "pred", "poseval")
    reference = load(GOLDEN / "poseval" / "large.json.gz")
    for field, values in reference["total_MOT"].items():
        np.testing.assert_allclose(report["mot"].joints[field], values, atol=1e-9)
    for field in ("pre", "rec"):
        found = report["ap"].joints[field]
        np.testing.assert_allclose(found, reference["total_AP"][field], atol=1e-9)
    # The reference's AP comes from an unstable sort of scores, a few of them equal, so
    # it lies between what the best and the worst order of those give.
    joints = report["ap"].extra["ranked_joints"]
    for joint, expected in enumerate(reference["total_AP"]["ap"][:15]):
        there = joints.present[:, joint]
        correct = joints.correct[there, joint]
        found = []
        for order in (np.argsort(correct, kind="stable"), np.argsort(~correct)):
            curve = precision_recall(
                joints.scores[there, joint][order],
                correct[order],
                int(joints.annotated[joint]),
                tied_together=False,
            )
            found.append(100 * curve.average_precision)
        assert found[0] - 1e-9 > found[1]
        assert found[1] - 1e-9 <= expected <= found[0] + 1e-9
        assert found[0] - found[1] < 2e-3

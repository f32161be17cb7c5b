"""Scoring of boxes in several processes."""

import numpy as np
import pytest
from mot_case import write_mot_case

from poseflow.eval import score_mot


@pytest.mark.parametrize("convention", ["motmetrics", "trackeval"])
def test_workers_do_not_change_the_figures(tmp_path, monkeypatch, convention):
    monkeypatch.setattr("poseflow.eval.mot.scoring.WORTH_BYTES", 0)
    write_mot_case(tmp_path, sequences=3, frames=20, people=6)
    sides = tmp_path / "gt", tmp_path / "pred"
    alone = score_mot(*sides, convention=convention)
    several = score_mot(*sides, convention=convention, workers=2)
    assert [s.name for s in alone] == ["CASE-01", "CASE-02", "CASE-03"]
    for one, other in zip(alone, several, strict=True):
        assert one.to_dict() == other.to_dict()
        np.testing.assert_array_equal(one.sums.ass, other.sums.ass)
    assert 50 < sum(alone).mota < 95

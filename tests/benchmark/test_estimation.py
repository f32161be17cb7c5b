"""Benchmark of pose estimation: reports are consistent."""

import pytest

from poseflow.benchmark import estimation
from poseflow.estimator.networks.build import SmallPoseConfig


def test_figures_are_consistent(monkeypatch):
    tiny = SmallPoseConfig(widths=(32, 32), blocks=(1,))
    cases = (("tiny", tiny, 32, 32, "float32"), ("low", tiny, 32, 32, "bfloat16"))
    monkeypatch.setattr(estimation, "CASES", cases)
    report = estimation.measure_estimation(people=2, rounds=1, device="cpu")
    assert [row.name for row in report.rows] == ["tiny", "low"]
    for row in report.rows:
        assert row.bare_ms > 0
        assert row.forward_ratio == pytest.approx(row.forward_ms / row.bare_ms)
        assert row.crops_per_second == pytest.approx(2000 / row.whole_ms)
        assert 0 <= row.host_share <= 1
    assert report.to_dict()["people"] == 2
    assert "| tiny |" in report.table()

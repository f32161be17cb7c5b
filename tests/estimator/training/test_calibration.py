"""Calibration of joint scores: reliability and isotonic regression."""

import numpy as np
import pytest

from poseflow.estimator.calibration import calibrate
from poseflow.estimator.training.pose.calibration import fit_calibration, reliability


def test_reliability_of_calibrated_and_overconfident_scores():
    rng = np.random.default_rng(0)
    scores = rng.random(4000)
    calibrated = reliability(scores, rng.random(4000) < scores)
    assert calibrated.error < 0.05
    assert calibrated.counts.sum() == 4000
    overconfident = reliability(scores, np.zeros(4000, bool))
    assert overconfident.error == pytest.approx(0.5, abs=0.03)
    nothing = reliability(np.zeros(0), np.zeros(0, bool))
    assert np.isnan(nothing.error)


def test_calibration_reduces_calibration_error():
    rng = np.random.default_rng(2)
    scores = rng.uniform(size=8000)
    right = rng.random(8000) < 0.6 * scores**2
    curve = fit_calibration(reliability(scores[:4000], right[:4000]))
    shares = [share for _, share in curve]
    assert shares == sorted(shares)
    raw = reliability(scores[4000:], right[4000:])
    calibrated = reliability(calibrate(scores[4000:], curve), right[4000:])
    assert raw.error > 0.25
    assert calibrated.error < 0.04
    assert calibrate(np.zeros(3), curve).tolist() == [0, 0, 0], "0 is not found"
    assert fit_calibration(reliability(np.zeros(0), np.zeros(0, bool))) == ()

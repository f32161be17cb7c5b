"""IDF1 against py-motmetrics and tables counted by hand."""

import motmetrics
import numpy as np
import pytest

from poseflow.eval.metrics.identity import count_identity
from poseflow.eval.metrics.similarity_table import SimilarityTable


def counts(groups):
    found = count_identity(SimilarityTable.from_groups(groups))
    return np.stack([found[name] for name in ("idtp", "idfp", "idfn")], axis=1)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([], (0, 0, 0), id="nothing"),
        pytest.param([([1], [7], [[1]])] * 3, (3, 0, 0), id="perfect"),
        pytest.param([([1], [], [[]])] * 3, (0, 0, 3), id="nothing found"),
        pytest.param([([], [7], [])] * 3, (0, 3, 0), id="nothing annotated"),
        pytest.param(
            [([1], [7], [[1]])] * 3 + [([1], [8], [[1]])] * 2,
            (3, 2, 2),
            id="the longer part counts",
        ),
        pytest.param(
            # 7 is 1's for three frames and 2's for two; 8 is 1's for two: 2 + 2 > 3.
            [([1, 2], [7, 8], [[1, np.nan], [np.nan, np.nan]])] * 3
            + [([1, 2], [7, 8], [[np.nan, 1], [1, np.nan]])] * 2,
            (4, 6, 6),
            id="the best total, not the best pair",
        ),
    ],
)
def test_counted_by_hand(frames, expected):
    assert counts([frames])[0].tolist() == list(expected)


def test_equals_motmetrics_on_random_crowds():
    rng = np.random.default_rng(5)
    groups = []
    for _ in range(10):
        frames = []
        for _ in range(20):
            g = rng.permutation(5)[: rng.integers(0, 6)]
            p = rng.permutation(7)[: rng.integers(0, 8)]
            d = rng.random((len(g), len(p)))
            d[rng.random(d.shape) < 0.6] = np.nan
            frames.append((g, p, d))
        groups.append(frames)
    found = counts(groups)
    for k, frames in enumerate(groups):
        accumulator = motmetrics.MOTAccumulator(auto_id=True)
        for frame in frames:
            accumulator.update(*frame)
        names = ["idtp", "idfp", "idfn"]
        expected = motmetrics.metrics.create().compute(accumulator, metrics=names)
        assert found[k].tolist() == expected.iloc[0].tolist()

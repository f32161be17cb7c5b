"""CLEAR against py-motmetrics, which defines PoseTrack's reading of it."""

import motmetrics
import numpy as np
import pytest

from poseflow.eval.metrics.clear import count_clear, match_clear
from poseflow.eval.metrics.similarity_table import SimilarityTable

FIELDS = [
    "num_matches",
    "num_switches",
    "num_transfer",
    "num_ascend",
    "num_migrate",
    "num_detections",
    "num_misses",
    "num_false_positives",
    "num_objects",
    "num_predictions",
    "num_unique_objects",
    "mostly_tracked",
    "partially_tracked",
    "mostly_lost",
    "num_fragmentations",
]


def crowd(seed, frames=12, people=4, tracks=5, allowed=0.5):
    """Random ids and distances; all pairs may match."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(frames):
        g = rng.permutation(people)[: rng.integers(0, people + 1)]
        p = rng.permutation(tracks)[: rng.integers(0, tracks + 1)] + 50
        d = rng.random((len(g), len(p)))
        d[rng.random(d.shape) > allowed] = np.nan
        out.append((g, p, d))
    return out


def score(groups):
    table = SimilarityTable.from_groups(groups)
    matches = match_clear(table, table.similarity)
    return count_clear(table, matches, table.similarity)


def motmetrics_counts(frames):
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for g, p, d in frames:
        accumulator.update(g, p, d)
    summary = motmetrics.metrics.create().compute(
        accumulator, metrics=[*FIELDS, "motp"], name="x"
    )
    return summary.loc["x"]


def test_no_people_at_all():
    counts = score([[], [([], [], np.zeros((0, 0)))]])
    assert {name: values.tolist() for name, values in counts.items()} == {
        name: [0, 0] for name in counts
    }


@pytest.mark.parametrize("allowed", [0.2, 0.5, 1.0])
def test_equals_motmetrics_on_random_crowds(allowed):
    groups = [crowd(seed, allowed=allowed) for seed in range(12)]
    counts = score(groups)
    for group, frames in enumerate(groups):
        expected = motmetrics_counts(frames)
        for field in FIELDS:
            assert counts[field][group] == expected[field], (group, field)
        if expected["num_detections"]:
            motp = counts["sum_distance"][group] / counts["num_detections"][group]
            assert motp == pytest.approx(expected["motp"], abs=1e-12)


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param([([1], [7], [[0.1]])] * 3, (3, 0, 0, 0), id="perfect"),
        pytest.param([([1], [], [[]])] * 3, (0, 0, 3, 0), id="nothing found"),
        pytest.param([([], [7], [])] * 3, (0, 0, 0, 3), id="nothing annotated"),
        pytest.param(
            [([1], [7], [[0.1]]), ([1], [8], [[0.1]]), ([1], [7], [[0.1]])],
            (1, 2, 0, 0),
            id="another id and back",
        ),
        pytest.param(
            [([1], [7], [[0.1]]), ([], [], []), ([1], [8], [[0.1]])],
            (1, 1, 0, 0),
            id="comes back under another id",
        ),
        pytest.param(
            [([1], [7], [[0.1]]), ([1], [7, 8], [[0.4, 0.1]])],
            (2, 0, 0, 1),
            id="stays although another one is nearer",
        ),
        pytest.param(
            [([1, 2], [7, 8], [[0.1, 0.3], [0.2, np.nan]])],
            (2, 0, 0, 0),
            id="more pairs before smaller distances",
        ),
    ],
)
def test_hand_counted(frames, expected):
    counts = score([frames])
    names = ("num_matches", "num_switches", "num_misses", "num_false_positives")
    assert tuple(int(counts[name][0]) for name in names) == expected


def test_groups_do_not_influence_each_other():
    groups = [crowd(seed, frames=5 + seed) for seed in range(6)]
    together = score(groups)
    for group, frames in enumerate(groups):
        alone = score([frames])
        for name, values in together.items():
            assert values[group] == pytest.approx(alone[name][0], abs=1e-12)

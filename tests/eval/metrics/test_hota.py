"""HOTA against tables counted by hand."""

import numpy as np
import pytest

from poseflow.eval.metrics.hota import ALPHAS, HotaSums, alignment, sum_hota
from poseflow.eval.metrics.similarity_table import SimilarityTable

NO = float("nan")


def scores(frames, **options):
    """All scores at the lowest threshold."""
    runs = options.get("runs", "published")
    curves = sum_hota(SimilarityTable.from_frames(frames), **options)[0].scores(runs)
    return {name: curve[0] for name, curve in curves.items()}


# Each case: frames of (people, ids, similarity), then what one counts on paper.
ONE = [[0.9]]
TABLE = [
    pytest.param(
        [([1], [7], ONE)] * 4,
        {"HOTA": 1, "DetA": 1, "AssA": 1, "LocA": 0.9, "FragA": 1, "FA-HOTA": 1},
        id="perfect but for the place",
    ),
    pytest.param(
        [([1], [], [[]])] * 4,
        {"HOTA": 0, "DetA": 0, "AssA": 0, "LocA": 1, "FragA": 0, "DetRe": 0},
        id="nothing found",
    ),
    pytest.param(
        [([], [7], [])] * 4,
        {"HOTA": 0, "DetA": 0, "AssA": 0, "LocA": 1, "FA-HOTA": 0, "DetPr": 0},
        id="nothing annotated",
    ),
    pytest.param(
        # Two halves under two ids: each match has TPA 2, FNA 2, FPA 0.
        [([1], [7], ONE)] * 2 + [([1], [8], ONE)] * 2,
        {"DetA": 1, "AssA": 0.5, "AssRe": 0.5, "AssPr": 1, "FragA": 0.5},
        id="another id halfway",
    ),
    pytest.param(
        # 3 of 4 found. TPA 3, FNA 1: A = 3/4; runs of 1 and 2 over a union of 4.
        [([1], [7], ONE), ([1], [], [[]]), ([1], [7], ONE), ([1], [7], ONE)],
        {
            "DetA": 3 / 4,
            "AssA": 3 / 4,
            "FragA": (1 * 1 + 2 * 2) / 4 / 3,
            "FA-HOTA": np.sqrt(3 / 4 * np.sqrt(3 / 4) * (1 + 2 * np.sqrt(2)) / 2 / 3),
        },
        id="a miss cuts the run",
    ),
    pytest.param(
        # The person is away in the second frame, and so is the id: nothing is cut.
        [([1], [7], ONE), ([], [], []), ([1], [7], ONE)],
        {"DetA": 1, "AssA": 1, "FragA": 1, "HOTA": 1, "FA-HOTA": 1},
        id="both away together",
    ),
    pytest.param(
        # Ids swapped in the second of two frames: every match has TPA 1 of 3.
        [
            ([1, 2], [7, 8], [[0.9, NO], [NO, 0.9]]),
            ([1, 2], [8, 7], [[0.9, NO], [NO, 0.9]]),
        ],
        {"DetA": 1, "AssA": 1 / 3, "AssRe": 0.5, "AssPr": 0.5, "FragA": 1 / 3},
        id="a swap",
    ),
    pytest.param(
        # One id stands on two people in turn; it is there in all four frames.
        [([1], [7], ONE)] * 3 + [([2], [7], ONE)],
        {
            "DetA": 1,
            "AssA": (3 * 3 / 4 + 1 / 4) / 4,
            "AssRe": 1,
            "AssPr": (3 * 3 / 4 + 1 / 4) / 4,
        },
        id="one id for two people",
    ),
]


@pytest.mark.parametrize(("frames", "expected"), TABLE)
def test_counted_by_hand(frames, expected):
    found = scores(frames)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_thresholds():
    """A match of similarity s counts at alphas up to s, rounding forgiven."""
    assert pytest.approx(np.arange(1, 20) / 20) == ALPHAS
    frames = [([1], [7], [[s]]) for s in (0.04, 0.05, 0.5, 0.95, 1.0)]
    sums = sum_hota(SimilarityTable.from_frames(frames))[0]
    assert sums.tp[[0, 1, 9, 10, 18]].tolist() == [4, 3, 3, 2, 2]
    assert (sums.tp + sums.fn == 5).all()
    assert (sums.tp + sums.fp == 5).all()


def test_alignment_decides_between_equal_neighbours():
    # In the second frame the wrong id lies a little nearer.
    frames = [
        ([1], [7], [[0.9]]),
        ([1], [7, 8], [[0.80, 0.81]]),
        ([1], [7], [[0.9]]),
    ]
    assert scores(frames)["AssA"] == pytest.approx(1)
    assert scores(frames, align=False)["AssA"] < 1


def test_alignment_score_counted_by_hand():
    table = SimilarityTable.from_frames(
        [([1], [7, 8], [[0.6, 0.3]]), ([1], [7], [[0.5]])]
    )
    # Shares 0.6 / 0.9 and 0.3 / 0.9, then 1; over frames of either minus the shared.
    shared = np.array([2 / 3 + 1, 1 / 3])
    either = np.array([2 + 2, 2 + 1]) - shared
    expected = (shared / either)[[0, 1, 0]]
    np.testing.assert_allclose(alignment(table), expected, rtol=1e-14)


def test_a_run_of_the_kit_survives_a_miss():
    frames = [([1], [7], ONE), ([1], [], [[]]), ([1], [7], ONE)]
    assert scores(frames)["FragA"] == pytest.approx(1 / 3)
    kit = scores(frames, runs="posetrack21")
    assert kit["FragA"] == kit["AssA"] == pytest.approx(2 / 3)
    there_and_back = [([1], [7], ONE), ([1], [8], ONE), ([1], [7], ONE)]
    kit = scores(there_and_back, runs="posetrack21")
    assert kit["FragA"] == pytest.approx((1 / 3 + 1 / 3 + 1 / 3) / 3)


def random_frames(seed, people=4, tracks=5, frames=15):
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(frames):
        g = rng.permutation(people)[: rng.integers(0, people + 1)]
        p = rng.permutation(tracks)[: rng.integers(0, tracks + 1)]
        s = rng.random((len(g), len(p)))
        s[rng.random(s.shape) < 0.5] = NO
        out.append((g, p, s))
    return out


def literal(frames, alpha):
    """HOTA, DetA, AssA, FA-HOTA at one threshold, straight from the definitions.

    Takes the matches from a brute-force assignment of similarity (no alignment).
    """
    from itertools import permutations

    matches, tp, fn, fp = [], 0, 0, 0
    for t, (g, p, s) in enumerate(frames):
        weights = np.nan_to_num(np.asarray(s).reshape(len(g), len(p)))
        padded = np.zeros((max(weights.shape, default=0),) * 2)
        padded[: len(g), : len(p)] = weights
        n = len(padded)
        best = max(permutations(range(n)), key=lambda c: padded[range(n), c].sum())
        found = [
            (t, g[i], p[j])
            for i, j in enumerate(best)
            if i < len(g) and j < len(p) and weights[i, j] >= alpha
        ]
        matches += found
        tp, fn, fp = tp + len(found), fn + len(g) - len(found), fp + len(p) - len(found)
    together = set(matches)
    shares, roots = [], []
    for t, a, b in matches:
        there = [u for u, (g, p, _) in enumerate(frames) if a in g or b in p]
        hits = [u for u in there if (u, a, b) in together]
        share = len(hits) / (
            sum(a in g for g, _, _ in frames)
            + sum(b in p for _, p, _ in frames)
            - len(hits)
        )
        at = there.index(t)
        first = last = at
        while first > 0 and (there[first - 1], a, b) in together:
            first -= 1
        while last + 1 < len(there) and (there[last + 1], a, b) in together:
            last += 1
        run = (last - first + 1) / len(hits) * share
        shares.append(share)
        roots.append(np.sqrt(share * run))
    det = tp / max(1, tp + fn + fp)
    ass, fra = (sum(x) / max(1, tp) for x in (shares, roots))
    return np.sqrt(det * ass), det, ass, np.sqrt(det * fra)


@pytest.mark.parametrize("seed", range(6))
def test_equals_the_definitions_on_random_sequences(seed):
    frames = random_frames(seed)
    curves = sum_hota(SimilarityTable.from_frames(frames), align=False)[0].scores()
    for k in (0, 6, 12):
        found = [curves[name][k] for name in ("HOTA", "DetA", "AssA", "FA-HOTA")]
        assert found == pytest.approx(literal(frames, ALPHAS[k]), abs=1e-12)


def test_groups_add_up_like_one_long_sequence():
    parts = [random_frames(seed) for seed in range(3)]
    sums = sum_hota(SimilarityTable.from_groups(parts))
    apart = [sum_hota(SimilarityTable.from_frames(frames))[0] for frames in parts]
    total = sum(apart[1:], apart[0])
    for name, values in sums.sum().scores().items():
        np.testing.assert_allclose(values, total.scores()[name], atol=1e-14)
    # The same people never meet across sequences: other ids in each make one sequence.
    long = [
        (g + 100 * k, p + 100 * k, s)
        for k, frames in enumerate(parts)
        for g, p, s in frames
    ]
    one = sum_hota(SimilarityTable.from_frames(long))[0].scores()
    for name, values in total.scores().items():
        np.testing.assert_allclose(values, one[name], atol=1e-14)


def test_nothing_at_all():
    none = sum_hota(SimilarityTable.from_groups([[], []]))
    assert none.tp.shape == (2, 19)
    assert (none.scores()["LocA"] == 1).all()
    assert (none.scores()["HOTA"] == 0).all()
    assert (HotaSums.zeros(19).scores()["FA-HOTA"] == 0).all()

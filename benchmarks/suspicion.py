"""Suspicion of identity errors: recall of real switches, and the fit of its weights.

    python benchmarks/suspicion.py recall     # development and test seeds
    python benchmarks/suspicion.py fit        # weights, from the development seeds
    python benchmarks/suspicion.py review     # a simulated review, on the test seeds

Recall: the most suspicious places of `poseflow events`, in as many different frames as
a share of the clip has; a real switch counts as shown if a place names one of its
tracks at most five frames away.

Review: a simulated reviewer opens the places in the order of their suspicion. Where the
truth has a switch of one of the place's tracks at most five frames away, the two ids
are swapped from its frame on, and the list is made anew; places seen stay seen.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from poseflow import PoseSequence, Tracker, edit
from poseflow.benchmark.clips import make_clip
from poseflow.benchmark.tracking import (
    DEV_SEEDS,
    SUITES,
    TEST_SEEDS,
    Final,
    run_clip,
)
from poseflow.events import (
    Event,
    find_errors,
    find_events,
    found_switches,
    places,
)
from poseflow.events.people import People
from poseflow.events.suspicion import CUES, INTERCEPT, WEIGHTS, suspicion

SHARES = (0.05, 0.1, 0.2)

FIT_TRACKERS = {"default": 1.0, "iou": 0.1}
"""Trackers whose errors are learned from, and the weight of one of their poses."""

LEAST_REVIEWED = 0.001
MOST_SWITCHES_OF_A_PLACE = 5

RIDGE = 1e-3
UNCERTAIN_FRAMES = 4
"""Poses of a switch's tracks so near to it count neither as errors nor as correct."""


def results(
    tracker: str, seeds: tuple[int, ...]
) -> Iterator[tuple[str, PoseSequence, PoseSequence]]:
    """Suite, truth and result of every clip."""
    for suite in SUITES:
        for seed in seeds:
            clip = make_clip(suite, seed)
            chosen = Tracker(tracker)
            result, _ = run_clip(Final(chosen), clip)
            yield suite, clip.truth, replace(result, fps=clip.scene.fps)


def print_recall(tracker: str = "default") -> None:
    """Print recall on both splits, per suite."""
    for split, seeds in (("development", DEV_SEEDS), ("test", TEST_SEEDS)):
        hits: dict[float, Counter[str]] = {share: Counter() for share in SHARES}
        total: Counter[str] = Counter()
        for suite, truth, result in results(tracker, seeds):
            switches = find_errors(truth, result).switches
            events = find_events(result, least_suspicion=0)
            total[suite] += len(switches)
            for share in SHARES:
                shown = places(events, int(share * len(result)))
                hits[share][suite] += len(found_switches(shown, switches))
        for share in SHARES:
            found = hits[share]
            parts = ", ".join(f"{s} {found[s]}/{total[s]}" for s in SUITES)
            recall = 100 * found.total() / max(total.total(), 1)
            print(f"{split}, {share:.0%} of the frames: {recall:.1f} % ({parts})")


def fit() -> None:
    """Print the weights that logistic regression finds."""
    cues, labels, weights = [], [], []
    for tracker, weight in FIT_TRACKERS.items():
        for _, truth, result in results(tracker, DEV_SEEDS):
            people = People.of(result)
            found = suspicion(people, result.fps or 25.0)
            label = np.zeros(len(people))
            counts = np.where((people.ids >= 0) & (people.position > 0), weight, 0)
            for switch in find_errors(truth, result).switches:
                involved = np.isin(people.ids, switch.tracks)
                near = np.abs(people.frame - switch.frame) <= UNCERTAIN_FRAMES
                counts[involved & near] = 0
                wrong = (people.ids == switch.tracks[1]) & (
                    people.frame == switch.frame
                )
                label[wrong], counts[wrong] = 1, weight
            cues.append(found.cues[counts > 0])
            labels.append(label[counts > 0])
            weights.append(counts[counts > 0])
    x, y, w = map(np.concatenate, (cues, labels, weights))
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.column_stack([(x - mean) / spread, np.ones(len(x))])

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        odds = z @ beta
        ridge = np.append(beta[:-1], 0)
        value = (w * (np.logaddexp(0, odds) - y * odds)).sum() / w.sum()
        slope = z.T @ (w * (1 / (1 + np.exp(-odds)) - y)) / w.sum()
        return value + RIDGE * (ridge**2).sum(), slope + 2 * RIDGE * ridge

    beta = minimize(loss, np.zeros(z.shape[1]), jac=True, method="L-BFGS-B").x
    slopes = beta[:-1] / spread
    for name, value, used in zip(CUES, slopes, WEIGHTS, strict=True):
        print(f"{name:<17} {value:6.2f}   in use {used:6.2f}")
    print(
        f"{'intercept':<17} {beta[-1] - mean @ slopes:6.2f}   in use {INTERCEPT:6.2f}"
    )


def review(tracker: str = "default") -> None:
    """Print how many places a reviewer opens until no switch is left."""
    print(
        "suite, seed: switches, places opened for half of them, for all that are found"
    )
    total: Counter[str] = Counter()
    for seed in TEST_SEEDS:
        for suite, truth, result in results(tracker, (seed,)):
            opened, left = reviewed(truth, result)
            first, last = left[0], left[-1]
            half = next((k for k, n in enumerate(left) if n <= first / 2), opened)
            done = left.index(last)
            total.update(switches=first, left=last, opened=done, frames=len(result))
            print(
                f"{suite} {seed}: {first} to {last}, {half} and {done} places",
                flush=True,
            )
    print(dict(total))


def reviewed(truth: PoseSequence, result: PoseSequence) -> tuple[int, list[int]]:
    """Places opened in all, and the switches that are left after each of them."""
    seen: set[tuple[int, int]] = set()

    def listed() -> list[Event]:
        return places(find_events(result, least_suspicion=LEAST_REVIEWED), len(result))

    events, switches = listed(), find_errors(truth, result).switches
    left = [len(switches)]
    while switches:
        place = next((e for e in events if (e.frame, e.tracks[0]) not in seen), None)
        if place is None:
            break
        seen.add((place.frame, place.tracks[0]))
        changed = False
        for _ in range(MOST_SWITCHES_OF_A_PLACE):
            here = found_switches([place], switches)
            if not here:
                break
            result = edit.swap(result, *here[0].tracks, here[0].frame)
            switches, changed = find_errors(truth, result).switches, True
        if changed:
            events = listed()
        left.append(len(switches))
    return len(seen), left


if __name__ == "__main__":
    {"recall": print_recall, "fit": fit, "review": review}[sys.argv[1]]()

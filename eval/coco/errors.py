"""Errors of poses on COCO, by kind, and the AP that mending each kind gains.

Source: Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose
Estimation" (ICCV 2017), section 3: localisation errors of matched detections by
keypoint similarity ks = exp(-d^2 / (2 area (2 sigma)^2)), a term of OKS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.eval.coco.engines import (
    Dataset,
    Engine,
    Results,
    average_precision,
    oks_by_image,
)

GOOD, NEAR = 0.85, 0.5
"""ks from which a joint is right, and from which it is at a place at all."""
MATCH = 0.1
"""OKS that a detection needs with a person to be taken for that person."""
SAME_PERSON = 0.5
"""OKS from which a detection without a match is a duplicate; COCO's lowest."""

JOINT_KINDS = ("good", "jitter", "inversion", "swap", "miss")
"""What a joint of a matched detection is:

- good: ks >= 0.85 with its place;
- jitter: 0.5 <= ks < 0.85;
- inversion: less, but ks >= 0.5 with another annotated joint of the same person;
- swap: less, but ks >= 0.5 with an annotated joint of another person;
- miss: at no annotated joint.
"""
STEPS = ("miss", "swap", "inversion", "jitter", "duplicate", "false positive")
"""Order in which errors are mended: joints move to their place, detections go."""


@dataclass(frozen=True, eq=False)
class CocoErrors:
    """Errors by kind, and what mending them gains.

    Attributes:
        joints: Names of the K joints.
        kinds: `(K, 5)` joints of matched detections by kind, in the order of
            `JOINT_KINDS`.
        matched: Detections with a person.
        duplicates: Detections without one, but with OKS >= 0.5 to a person.
        false_positives: The other detections, but those in ignored regions.
        missed: People without a detection.
        ap: `given`, then every step of `STEPS`: percent AP after it.
    """

    joints: tuple[str, ...]
    kinds: Ints
    matched: int
    duplicates: int
    false_positives: int
    missed: int
    ap: Mapping[str, float]

    @property
    def gains(self) -> dict[str, float]:
        """AP that each step gains, percent; `rest` is what remains to 100.

        The rest are missed people, deviations of good joints and the order of scores.
        """
        values = list(self.ap.values())
        gains = dict(zip(STEPS, np.diff(values).tolist(), strict=True))
        return {**gains, "rest": 100 - values[-1]}

    def table(self) -> str:
        """Gains, detections and joints as text."""
        shares = self.kinds.sum(axis=0) / max(1, self.kinds.sum())
        counts = {
            "duplicate": self.duplicates,
            "false positive": self.false_positives,
            "rest": self.missed,
        }
        lines = [f"{'AP as given':<16}{self.ap['given']:7.2f}"]
        for step, gain in self.gains.items():
            if step in JOINT_KINDS:
                about = f"{100 * shares[JOINT_KINDS.index(step)]:.1f} % of the joints"
            elif step == "rest":
                about = f"{counts[step]} people missed, order of scores, good joints"
            else:
                about = f"{counts[step]} detections"
            lines.append(f"  {step:<14}{gain:+7.2f}   {about}")
        width = max(len(name) for name in (*self.joints, "joint"))
        head = "".join(f"{kind:>11}" for kind in JOINT_KINDS)
        lines += ["", f"{'joint':<{width}}{head}   (percent)"]
        for name, row in zip(self.joints, self.kinds, strict=True):
            cells = (f"{100 * value / max(1, row.sum()):11.1f}" for value in row)
            lines.append(f"{name:<{width}}{''.join(cells)}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    def to_dict(self) -> dict[str, Any]:
        """JSON types; AP and gains in percent."""
        return {
            "ap": dict(self.ap),
            "gains": self.gains,
            "joints": {
                name: dict(zip(JOINT_KINDS, row, strict=True))
                for name, row in zip(self.joints, self.kinds.tolist(), strict=True)
            },
            "matched": self.matched,
            "duplicates": self.duplicates,
            "false_positives": self.false_positives,
            "missed": self.missed,
        }


def find_errors(
    dataset: Dataset,
    results: Results,
    sigmas: Sequence[float],
    joints: Sequence[str],
    engine: Engine = "pycocotools",
) -> CocoErrors:
    """Errors of all detections, and AP after mending one kind after the other.

    Args:
        dataset: Annotations with everything that pycocotools reads.
        results: Predicted people.
        sigmas: OKS constants of the joints.
        joints: Their names.
        engine: What computes AP.
    """
    kinds = np.zeros((len(joints), len(JOINT_KINDS)), np.int64)
    fates = np.full(len(results), "", dtype=object)
    mended: dict[str, list[tuple[int, Bools, Floats]]] = {s: [] for s in STEPS[:4]}
    missed = 0
    for people, found, similarity in oks_by_image(dataset, results, sigmas).values():
        real = np.array([not person["ignore"] for person in people], np.bool_)
        partner = _match(similarity, real)
        missed += int(real.sum()) - int((partner >= 0).sum())
        places, shown, areas = _annotated(people, len(joints))
        for row, detection in enumerate(found):
            number = int(detection["id"]) - 1
            person = int(partner[row])
            if person < 0:
                fates[number] = _fate(similarity[row], real)
                continue
            fates[number] = "matched"
            points = np.array(detection["keypoints"], np.float64).reshape(-1, 3)[:, :2]
            kind = _joint_kinds(points, person, places, shown, areas, sigmas)
            for k, name in enumerate(JOINT_KINDS):
                kinds[:, k] += kind == k
                if name in mended and (kind == k).any():
                    mended[name].append((number, kind == k, places[person]))
    ap = {"given": _ap(dataset, results, sigmas, engine)}
    corrected = [dict(result) for result in results]
    removed = np.zeros(len(results), np.bool_)
    for step in STEPS:
        for number, wrong, right in mended.get(step, ()):
            points = np.array(corrected[number]["keypoints"], np.float64).reshape(-1, 3)
            points[wrong, :2] = right[wrong]
            corrected[number]["keypoints"] = points.ravel().tolist()
        removed |= fates == step
        kept = [corrected[k] for k in np.flatnonzero(~removed).tolist()]
        ap[step] = _ap(dataset, kept, sigmas, engine)
    counts = {
        fate: int((fates == fate).sum())
        for fate in ("matched", "duplicate", "false positive")
    }
    return CocoErrors(
        tuple(joints),
        kinds,
        counts["matched"],
        counts["duplicate"],
        counts["false positive"],
        missed,
        ap,
    )


def _match(similarity: Floats, real: Bools) -> Ints:
    """The person of each detection, by falling score: the most similar one left.

    Args:
        similarity: `(D, G)` OKS.
        real: `(G,)` people who are not ignored.

    Returns:
        `(D,)`, -1 without an OKS of `MATCH` with anyone left.
    """
    free = real.copy()
    partner = np.full(len(similarity), -1)
    for row, values in enumerate(similarity):
        open_values = np.where(free, values, -1.0)
        best = int(open_values.argmax()) if len(open_values) else -1
        if best >= 0 and open_values[best] >= MATCH:
            partner[row] = best
            free[best] = False
    return partner


def _fate(similarity: Floats, real: Bools) -> str:
    """What a detection without a person is, by its `(G,)` OKS with all people."""
    if similarity[~real].max(initial=0) >= SAME_PERSON:
        return "ignored"
    duplicate = similarity[real].max(initial=0) >= SAME_PERSON
    return "duplicate" if duplicate else "false positive"


def _annotated(
    people: Sequence[Mapping[str, Any]], joints: int
) -> tuple[Floats, Bools, Floats]:
    """Places `(G, K, 2)`, annotated joints `(G, K)` and areas `(G,)` of people."""
    triples = np.array([person["keypoints"] for person in people], np.float64)
    triples = triples.reshape(len(people), joints, 3)
    areas = np.array([person["area"] for person in people], np.float64)
    return triples[..., :2], triples[..., 2] > 0, areas


def _joint_kinds(
    points: Floats,
    person: int,
    places: Floats,
    shown: Bools,
    areas: Floats,
    sigmas: Sequence[float],
) -> Ints:
    """Index in `JOINT_KINDS` of each joint, -1 where the person's is not annotated.

    Args:
        points: `(K, 2)` the detection.
        person: Whose detection it is.
        places: `(G, K, 2)` of all people.
        shown: `(G, K)` annotated joints.
        areas: `(G,)`.
        sigmas: `(K,)`.
    """
    spread = 2 * np.square(2 * np.asarray(sigmas, np.float64))
    squares = np.square(points[:, None, None] - places[None]).sum(axis=-1)
    near = np.exp(-squares / (spread * (areas[:, None] + np.spacing(1))))
    near = np.where(shown, near, 0)  # (K, G, K): joint, person, annotated joint
    own = near[np.arange(len(points)), person, np.arange(len(points))]
    same = near[:, person].max(axis=1) >= NEAR
    others = np.delete(near, person, axis=1).max(axis=(1, 2), initial=0) >= NEAR
    kinds = np.select(
        [own >= GOOD, own >= NEAR, same, others],
        [JOINT_KINDS.index(kind) for kind in ("good", "jitter", "inversion", "swap")],
        JOINT_KINDS.index("miss"),
    )
    return np.where(shown[person], kinds, -1)


def _ap(
    dataset: Dataset, results: Results, sigmas: Sequence[float], engine: Engine
) -> float:
    """AP in percent, 0 where undefined."""
    value = float(average_precision(dataset, results, sigmas, engine)[0])
    return 100 * max(value, 0.0)

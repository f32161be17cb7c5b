"""`diagnose`: which share of the lost HOTA, MOTA and IDF1 has which cause."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from poseflow.eval.diagnosis.ladder import STEPS, Diagnosed, climb
from poseflow.eval.diagnosis.moments import Moment, worst_moments
from poseflow.eval.diagnosis.track_table import TrackTable
from poseflow.eval.metrics.clear import Convention

FIGURES = ("HOTA", "MOTA", "IDF1")

ORACLES: Mapping[str, str] = {
    "given": "the result as given",
    "true ids": "true ids on the given poses",
    "true poses": "given ids on the true poses",
}
"""Scores that stand above the parts, and what they are of."""


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What a result lost, by cause. Percent.

    Attributes:
        scores: `given`, `true ids` (on the given poses) and `true poses` (with the
            given ids): HOTA, MOTA and IDF1 of each.
        parts: Figure -> cause -> percent lost by it, in the order in which they are
            mended; they sum up to 100 minus the given figure.
        moments: The ten worst moments, worst first.
    """

    scores: Mapping[str, Mapping[str, float]]
    parts: Mapping[str, Mapping[str, float]]
    moments: tuple[Moment, ...]

    def table(self) -> str:
        """Oracles, parts and worst moments as text."""
        titles = [*ORACLES.values(), "lost", *(f"  {step}" for step in STEPS)]
        rows = [*self.scores.values()]
        rows.append({f: sum(self.parts[f].values()) for f in FIGURES})
        rows += [{f: self.parts[f][step] for f in FIGURES} for step in STEPS]
        width = max(map(len, titles))
        lines = ["".join(["".ljust(width), *(f"{f:>8}" for f in FIGURES)])]
        lines += [
            "".join([title.ljust(width), *(_cell(row[f]) for f in FIGURES)])
            for title, row in zip(titles, rows, strict=True)
        ]
        if self.moments:
            lines += ["", "Worst moments:"]
            lines += [f"  {moment}" for moment in self.moments]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    def to_dict(self) -> dict[str, Any]:
        """JSON types: percent, unrounded, None where undefined."""

        def plain(values: Mapping[str, float]) -> dict[str, float | None]:
            return {k: None if math.isnan(v) else v for k, v in values.items()}

        return {
            "scores": {name: plain(values) for name, values in self.scores.items()},
            "parts": {name: plain(values) for name, values in self.parts.items()},
            "moments": [moment.to_dict() for moment in self.moments],
        }


def diagnose(
    tables: Sequence[TrackTable],
    threshold: float = 0.5,
    convention: Convention = "motmetrics",
) -> Diagnosis:
    """Causes of what a result lost, over all sequences together.

    Args:
        tables: The sequences, at least one.
        threshold: Similarity that a match needs.
        convention: Which program's CLEAR; see `match_clear`.
    """
    people = [Diagnosed.of(table, threshold, convention) for table in tables]
    rungs = {
        step: {"HOTA": s.hota, "MOTA": s.mota, "IDF1": s.idf1}
        for step, s in climb(people, threshold, convention).items()
    }
    names = ("given", *STEPS)
    parts = {
        figure: {
            step: rungs[step][figure] - rungs[before][figure]
            for before, step in pairwise(names)
        }
        for figure in FIGURES
    }
    return Diagnosis(
        {
            "given": rungs["given"],
            "true ids": rungs["true ids"],
            "true poses": rungs["localisation"],
        },
        parts,
        worst_moments(people, threshold),
    )


def _cell(value: float) -> str:
    return f"{'-' if math.isnan(value) else f'{value:.2f}':>8}"

"""Tracking scores of pose sequences: MOTA, IDF1 and HOTA by OKS or IoU.

It compares whole people, of any skeleton, by object keypoint similarity (OKS) or by the
IoU of their boxes. PoseTrack's figures joint by joint are in `poseflow.evaluate`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from poseflow.errors import PoseFlowError
from poseflow.eval.frame_matching import frame_numbers
from poseflow.eval.metrics.clear import Convention, count_clear, match_clear
from poseflow.eval.metrics.hota import EPS, HotaSums, Runs, sum_hota
from poseflow.eval.metrics.identity import count_identity
from poseflow.eval.metrics.similarity_table import SimilarityTable
from poseflow.eval.track_pairs import SIMILARITIES, Similarity, pair_people
from poseflow.safety.terminal import one_line
from poseflow.sequence import PoseSequence

Layout = Literal["text", "markdown", "latex"]

COLUMNS = (
    *("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR"),
    *("precision", "recall", "IDs", "Frag", "MT", "ML", "FP", "FN"),
)


@dataclass(frozen=True, eq=False)
class TrackingScores:
    """Tracking scores of one sequence, or of several added together.

    Ratios are in percent and NaN where there is nothing to divide by. `a + b` pools the
    counts of two sequences, so that long ones weigh more; `sum(scores)` works.

    Attributes:
        name: Name of the sequence, or `total`.
        counts: py-motmetrics' counts (`num_misses`, `idtp`, ...), and `sum_similarity`
            of the matches.
        sums: HOTA's sums over matches, `(alphas,)` each.
        threshold: The similarity that a match needs, in CLEAR and identity scores.
    """

    name: str
    counts: Mapping[str, float]
    sums: HotaSums
    threshold: float = 0.5

    def __add__(self, other: TrackingScores) -> TrackingScores:
        """Both together.

        Raises:
            PoseFlowError: If the two were made with different thresholds.
        """
        if self.threshold != other.threshold:
            raise PoseFlowError(
                f"scores at threshold {self.threshold} and {other.threshold} cannot "
                "be added; score both at the same threshold"
            )
        counts = {k: v + other.counts[k] for k, v in self.counts.items()}
        name = self.name if self.name == other.name else "total"
        return TrackingScores(name, counts, self.sums + other.sums, self.threshold)

    def __radd__(self, other: int) -> TrackingScores:
        """`0 + scores`, with which `sum` starts."""
        return self

    def _ratio(self, over: str | float, *under: str) -> float:
        value = self.counts[over] if isinstance(over, str) else over
        total = sum(self.counts[name] for name in under)
        return 100 * float(value) / float(total) if total else math.nan

    @property
    def mota(self) -> float:
        """1 - (misses + false positives + switches) / annotated; at most 100."""
        names = ("num_misses", "num_false_positives", "num_switches")
        wrong = sum(self.counts[name] for name in names)
        return 100 - self._ratio(wrong, "num_objects")

    @property
    def motp(self) -> float:
        """Mean similarity of the matches."""
        return self._ratio("sum_similarity", "num_detections")

    @property
    def precision(self) -> float:
        """Matches over detections of the result."""
        return self._ratio("num_detections", "num_predictions")

    @property
    def recall(self) -> float:
        """Matches over annotated detections."""
        return self._ratio("num_detections", "num_objects")

    @property
    def idf1(self) -> float:
        """Harmonic mean of IDP and IDR."""
        return self._ratio(2 * self.counts["idtp"], "num_objects", "num_predictions")

    @property
    def idp(self) -> float:
        """Share of the result's detections that have their person's best id."""
        return self._ratio("idtp", "num_predictions")

    @property
    def idr(self) -> float:
        """Share of annotated detections that have their person's best id."""
        return self._ratio("idtp", "num_objects")

    @property
    def id_switches(self) -> int:
        """Matches of a person whose last match was to another id."""
        return int(self.counts["num_switches"])

    @property
    def fragmentations(self) -> int:
        """Interruptions of people's tracking."""
        return int(self.counts["num_fragmentations"])

    @property
    def mostly_tracked(self) -> int:
        """People matched in at least 80 % of their frames."""
        return int(self.counts["mostly_tracked"])

    @property
    def mostly_lost(self) -> int:
        """People matched in less than 20 % of their frames."""
        return int(self.counts["mostly_lost"])

    def curves(self, runs: Runs = "published") -> dict[str, npt.NDArray[Any]]:
        """HOTA's scores in percent at each of the 19 thresholds."""
        return {name: 100 * v for name, v in self.sums.scores(runs).items()}

    def _mean(self, name: str) -> float:
        return float(self.curves()[name].mean())

    @property
    def hota(self) -> float:
        """Mean over the thresholds of sqrt(DetA AssA)."""
        return self._mean("HOTA")

    @property
    def det_a(self) -> float:
        """Mean detection accuracy."""
        return self._mean("DetA")

    @property
    def ass_a(self) -> float:
        """Mean association accuracy."""
        return self._mean("AssA")

    @property
    def loc_a(self) -> float:
        """Mean localisation accuracy."""
        return self._mean("LocA")

    def to_dict(self) -> dict[str, Any]:
        """Every score under the field's name, ready for JSON; NaN becomes None.

        HOTA's are means over the thresholds.
        """
        ratios: dict[str, float] = {
            k: float(v.mean()) for k, v in self.curves().items()
        }
        ratios |= {"MOTA": self.mota, "MOTP": self.motp, "IDF1": self.idf1}
        ratios |= {"IDP": self.idp, "IDR": self.idr}
        ratios |= {"precision": self.precision, "recall": self.recall}
        known = {k: None if math.isnan(v) else v for k, v in ratios.items()}
        whole = {
            k: int(v) if float(v).is_integer() else float(v)
            for k, v in self.counts.items()
        }
        return {"name": self.name, "threshold": self.threshold, **known, **whole}

    def row(self) -> dict[str, str]:
        """The figures of `table`, rounded as printed."""
        values = self.to_dict()
        values |= {"IDs": self.id_switches, "Frag": self.fragmentations}
        values |= {"MT": self.mostly_tracked, "ML": self.mostly_lost}
        values["FP"] = int(self.counts["num_false_positives"])
        values["FN"] = int(self.counts["num_misses"])
        return {name: _cell(values[name]) for name in COLUMNS}

    def table(self, format: Layout = "text") -> str:
        """The figures, one sequence a line; see `tracking_table` for several.

        Args:
            format: Aligned text, a markdown table, or rows of a LaTeX tabular.

        Examples:
            >>> from poseflow import PoseSequence, skeletons
            >>> empty = PoseSequence((), skeletons.COCO17, "empty")
            >>> print(score_tracking(empty, empty).table()[:26])
            sequence  HOTA  DetA  AssA
        """
        return tracking_table([self], format)

    def __str__(self) -> str:
        return self.table()


def tracking_table(
    scores: Iterable[TrackingScores],
    format: Layout = "text",
    title: str = "sequence",
) -> str:
    """Several sequences' figures, one line each under a common header."""
    rows = [[title, *COLUMNS]]
    rows += [[one_line(s.name), *s.row().values()] for s in scores]
    if format == "markdown":
        rows.insert(1, ["---", *["---:"] * len(COLUMNS)])
        return "\n".join(f"| {' | '.join(row)} |" for row in rows)
    if format == "latex":
        head = f"% {' & '.join(rows[0])}"
        return "\n".join([head, *(" & ".join(row) + r" \\" for row in rows[1:])])
    if format != "text":
        raise PoseFlowError(
            f"unknown table format {format!r}; expected text, markdown or latex"
        )
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1f}"


def score_table(
    table: SimilarityTable,
    names: Iterable[str],
    frames: Iterable[int],
    threshold: float = 0.5,
    convention: Convention = "motmetrics",
) -> list[TrackingScores]:
    """Scores of each group of a table of similarities.

    Args:
        table: All pairs with a similarity above 0, in [0, 1].
        names: Name of each group.
        frames: Number of frames of each group.
        threshold: A match needs similarity >= threshold, up to rounding.
        convention: Which program's CLEAR MOT; see `match_clear`.
    """
    near = table.keep(table.similarity >= threshold - EPS)
    distances = 1 - near.similarity
    matches = match_clear(near, distances, convention)
    counts = count_clear(near, matches, distances, convention) | count_identity(near)
    counts["sum_similarity"] = counts["num_detections"] - counts.pop("sum_distance")
    sums = sum_hota(table)
    return [
        TrackingScores(
            name,
            {"num_frames": length, **{k: v[k_th].item() for k, v in counts.items()}},
            sums[k_th],
            threshold,
        )
        for k_th, (name, length) in enumerate(zip(names, frames, strict=True))
    ]


def score_tracking(
    truth: PoseSequence,
    result: PoseSequence,
    similarity: Similarity = "oks",
    threshold: float = 0.5,
) -> TrackingScores:
    """Tracking scores (HOTA, MOTA, IDF1) of a result against ground truth.

    Frames pair by `Frame.index`; a frame that one side lacks has no people on that
    side. OKS counts the joints that are present in the ground truth, over the area of
    its box; joints pair by name if the skeletons differ. Annotated people without a
    joint do not count with `"oks"` and `"pckh"`, and people without an id in the result
    never do. `poseflow.eval.score_tracks` does the same for files, and joint by joint.

    Args:
        truth: Ground truth; every person has a track id.
        result: A tracker's result.
        similarity: `"oks"`, `"pckh"` (the share of the annotated joints within half a
            head size) or `"iou"` (of the boxes).
        threshold: Similarity that a match needs in CLEAR and identity scores, above 0,
            at most 1.

    Raises:
        PoseFlowError: If an annotated person has no id, an id comes twice in a frame, a
            frame comes twice in a sequence, or the skeletons have no common joint.
    """
    check_similarity(similarity, threshold)
    numbers = [
        frame_numbers(sequence, side)
        for sequence, side in ((truth, "truth"), (result, "result"))
    ]
    indices, moments = np.unique(np.concatenate(numbers), return_inverse=True)
    sides = moments[: len(truth)], moments[len(truth) :]
    pairs = pair_people(truth, result, sides, similarity)
    name = truth.name or result.name or "sequence"
    table = pairs.people_table(similarity)
    return score_table(table, [name], [len(indices)], threshold)[0]


def check_similarity(similarity: str, threshold: float) -> None:
    """Refuse an unknown similarity and a threshold out of range.

    Raises:
        PoseFlowError: If one of them is wrong.
    """
    if similarity not in SIMILARITIES:
        raise PoseFlowError(
            f"similarity must be 'oks', 'pckh' or 'iou', got {similarity!r}"
        )
    if not 0 < threshold <= 1:
        raise PoseFlowError(f"threshold must be above 0, at most 1, got {threshold}")

"""`CocoReport`: the ten figures of COCO's keypoint challenge, and errors by kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from poseflow.errors import PoseFlowError
from poseflow.eval.coco.errors import CocoErrors

COLUMNS = (
    *("AP", "AP50", "AP75", "APM", "APL"),
    *("AR", "AR50", "AR75", "ARM", "ARL"),
)
"""pycocotools' ten figures: over OKS 0.50:0.95, at 0.50, at 0.75, medium, large."""


@dataclass(frozen=True)
class CocoReport:
    """OKS average precision and recall in percent; NaN where nothing is annotated.

    Attributes:
        values: The ten figures of `COLUMNS`.
        images: Annotated images.
        annotations: Annotated people.
        predictions: Predicted people.
        notes: What was assumed about the input.
        errors: Errors by kind, if asked for.
    """

    values: tuple[float, ...]
    images: int
    annotations: int
    predictions: int
    notes: tuple[str, ...] = ()
    errors: CocoErrors | None = None

    def __getitem__(self, name: str) -> float:
        """One figure by its name in `COLUMNS`."""
        return self.values[COLUMNS.index(name)]

    def to_dict(self) -> dict[str, Any]:
        """All figures, ready for JSON; an undefined one is None."""
        values = (None if math.isnan(v) else v for v in self.values)
        return {
            **dict(zip(COLUMNS, values, strict=True)),
            "images": self.images,
            "annotations": self.annotations,
            "predictions": self.predictions,
            "notes": list(self.notes),
            **({"errors": self.errors.to_dict()} if self.errors else {}),
        }

    def table(self, format: Literal["text", "markdown", "latex"] = "text") -> str:
        """The figures: two lines of text, a markdown table, or a row for LaTeX.

        Raises:
            PoseFlowError: If the format is unknown.
        """
        cells = ["-" if math.isnan(v) else f"{v:.1f}" for v in self.values]
        if format == "markdown":
            rows = [COLUMNS, ["---:"] * len(COLUMNS), cells]
            return "\n".join(f"| {' | '.join(row)} |" for row in rows)
        if format == "latex":
            return f"% {' & '.join(COLUMNS)}\n{' & '.join(cells)} " + r"\\"
        if format != "text":
            raise PoseFlowError(
                f"unknown table format {format!r}; expected text, markdown or latex"
            )
        head = "  ".join(name.rjust(5) for name in COLUMNS)
        return f"{head}\n" + "  ".join(cell.rjust(5) for cell in cells)

    def published_table(
        self, format: Literal["text", "markdown", "latex"] = "text"
    ) -> str:
        """AP beside published figures of other methods, with their sources.

        Raises:
            PoseFlowError: If the format is unknown.
        """
        from poseflow.eval.published import published_tables

        own = dict(zip(COLUMNS, self.values, strict=True))
        return published_tables({"oks": own}, format)

    def __str__(self) -> str:
        return self.table()

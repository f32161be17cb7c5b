"""Model cards: data, training and accuracy of weights, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from poseflow.estimator.training.detection.metrics import DetectionReport
from poseflow.estimator.training.pose.calibration import Reliability
from poseflow.estimator.training.pose.validation import PoseReport
from poseflow.estimator.training.task import ValidationReport

MOST_ROWS = 12
"""Epochs of the curve that are shown."""

NOTE = (
    "Trained on Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011) and "
    "COCO images, and negatives from BSDS500, all for research use; check their "
    "terms before any other use."
)
"""Notice that is logged when weights of the embedded models are loaded."""

DATA = """\
| data | use | licence |
|---|---|---|
| Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011) | single people in sports | research use; cite the paper |
| COCO 2017, a small part (Lin et al., ECCV 2014) | people in context | annotations CC BY 4.0; images keep their owners' Flickr licences |
| BSDS500, images without people (Arbelaez et al., TPAMI 2011) | background | non-commercial research and education |
| `poseflow.synthetic` scenes | upright people in streets | this project's |
"""  # noqa: E501 (a Markdown table)

CAUTIONS = """\
Not for medical, biometric, surveillance or safety purposes, and not for identifying
people. The data are small, mostly young athletes photographed for Flickr; other
people, clothes, places and cameras are not represented as the world is, and accuracy by
groups of people has not been measured.
"""


def card(
    title: str,
    command: str,
    rows: Sequence[Mapping[str, Any]],
    reports: Mapping[str, ValidationReport],
    curve: Reliability | None = None,
) -> str:
    """A model card.

    Args:
        title: Its first line.
        command: What makes the weights again.
        rows: Of the training's log, one an epoch.
        reports: Figures by split, of the exported weights.
        curve: Of the joint scores.

    Returns:
        Markdown.
    """
    parts = [f"# {title}", f"Made by `{command}`.", "## Data", DATA.rstrip()]
    parts += ["## Training", _curve(rows), "## Accuracy"]
    for split, report in reports.items():
        parts += [f"On the split `{split}`:", _figures(report)]
    if curve is not None:
        parts += ["## Calibration of joint scores", _reliability(curve)]
    parts += ["## Uses to avoid", CAUTIONS.rstrip()]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None or value != value else f"{100 * value:.1f}"


def _curve(rows: Sequence[Mapping[str, Any]]) -> str:
    """Loss and main figure over the epochs, at most a dozen of them."""
    names = [
        n for n in ("pck02", "pck05", "recall", "ap50") if any(n in r for r in rows)
    ]
    step = max(-(-len(rows) // MOST_ROWS), 1)
    shown = [*rows[step - 1 : -1 : step], *rows[-1:]]
    minutes = sum(float(row["seconds"]) for row in rows) / 60
    table = _table(
        ["epoch", "loss", *names],
        [
            [
                str(row["epoch"]),
                f"{row['loss']:.3g}",
                *(_percent(row.get(name)) for name in names),
            ]
            for row in shown
        ],
    )
    return f"{len(rows)} epochs, {minutes:.0f} minutes.\n\n{table}"


def _figures(report: ValidationReport) -> str:
    if isinstance(report, PoseReport):
        joints = [
            [name, _percent(near), _percent(far)]
            for name, (near, far) in report.joints.items()
        ]
        joints.append(["**all**", _percent(report.pck02), _percent(report.pck05)])
        table = _table(["joint", "PCK@0.2", "PCK@0.5"], joints)
        groups = _table(
            ["people", "number", "PCK@0.2", "PCK@0.5", "left and right exchanged"],
            [
                [
                    name,
                    str(group.people),
                    *map(_percent, (group.pck02, group.pck05, group.mirrored)),
                ]
                for name, group in report.groups.items()
            ],
        )
        return (
            f"{table}\n\n{groups}\n\n{report.people} people; PCKh@0.5 "
            f"{_percent(report.pckh)}, OKS AP {_percent(report.ap)} with ground-truth "
            f"boxes, left and right exchanged {_percent(report.mirrored)} %. A dash: "
            "no person has that joint labelled, so its accuracy is not known."
        )
    assert isinstance(report, DetectionReport)
    rows = [
        (
            "best within the bounds",
            report.threshold,
            report.recall,
            report.false_positives,
            report.false_positives_empty,
        ),
        (
            "as shipped",
            report.own_threshold,
            report.own_recall,
            report.own_false_positives,
            report.own_false_positives_empty,
        ),
    ]
    table = _table(
        ["threshold", "score", "recall, tall people", "false/image", "false/empty"],
        [
            [name, f"{score:.3f}", _percent(recall), f"{wrong:.3f}", f"{empty:.3f}"]
            for name, score, recall, wrong, empty in rows
        ],
    )
    return (
        f"{table}\n\nAP {_percent(report.ap)}, AP50 {_percent(report.ap50)}; "
        f"{report.people} people, {report.tall} of them tall, in {report.pictures} "
        f"images; {report.empty} images without people."
    )


def _reliability(curve: Reliability) -> str:
    table = _table(
        ["mean score", "within 0.2 torso", "joints"],
        [
            [f"{score:.2f}", _percent(right), str(count)]
            for score, right, count in zip(
                curve.scores, curve.right, curve.counts, strict=True
            )
        ],
    )
    return f"{table}\n\nExpected calibration error {_percent(curve.error)} %."

"""OKS average precision of single images, as pycocotools computes it.

Source: the COCO keypoint challenge (cocodataset.org/#keypoints-eval); the numbers come
from pycocotools' own `COCOeval`, fed with checked input.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from poseflow.eval.coco.annotations import check_annotations, joint_count, joint_names
from poseflow.eval.coco.engines import Engine, average_precision
from poseflow.eval.coco.errors import find_errors
from poseflow.eval.coco.report import CocoReport
from poseflow.eval.coco.results import check_results
from poseflow.eval.coco.sigmas import Sigmas, joint_sigmas
from poseflow.eval.coco.whole_body import is_whole_body
from poseflow.formats.input_file import read_text
from poseflow.formats.json.reader import parse


def evaluate_coco(
    gt: str | Path,
    pred: str | Path,
    sigmas: Sigmas | None = None,
    *,
    engine: Engine = "pycocotools",
    diagnose: bool = False,
) -> CocoReport:
    """Score keypoints against COCO annotations.

    Args:
        gt: COCO keypoint annotations, `.json` or `.json.gz`.
        pred: A JSON list with image_id, category_id, keypoints (x, y, score, ...) and
            score of every person. An image_id may also be the image's file name.
        sigmas: OKS constants: a number for each joint, one for all, or those of a
            skeleton (`"halpe26"`, `"crowdpose"`, `"mouse.yaml"`, ...), by the names of
            the annotation's joints where these are the skeleton's. Default: the list
            `sigmas` of the annotation's category; else those of the skeleton whose
            joints it names (the built-in ones and CrowdPose); else those of the
            built-in skeleton with as many joints, with a note unless they are COCO's
            people.

        engine: Program that computes the figures: `"pycocotools"`, the reference, or
            `"hotcoco"`, compiled, with the same figures.
        diagnose: Find errors by kind, and the AP that mending each gains:
            `CocoReport.errors`.

    Raises:
        FormatError: If a file cannot be read or an entry lacks what is needed; the
            message names file, entry, field and what was expected.
        PoseFlowError: If no sigmas are known for the joints.
    """
    notes: list[str] = []
    entries = _load(pred)
    dataset = check_annotations(_load(gt), gt, notes, whole_body=is_whole_body(entries))
    joints = joint_count(dataset, gt)
    results = check_results(entries, pred, dataset, joints, notes)
    chosen = joint_sigmas(dataset, joints, sigmas, notes)
    stats = average_precision(dataset, results, chosen, engine)
    errors = None
    if diagnose:
        names = joint_names(dataset, joints)
        errors = find_errors(dataset, results, chosen, names, engine)
    values = [math.nan if v < 0 else 100 * float(v) for v in stats]
    return CocoReport(
        tuple(values),
        len(dataset["images"]),
        len(dataset["annotations"]),
        len(results),
        tuple(notes),
        errors,
    )


def _load(path: str | Path) -> Any:
    return parse(read_text(path), Any, path)

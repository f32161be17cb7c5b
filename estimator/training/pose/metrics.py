"""Metrics of single-person poses: heatmap accuracy, PCK, PCKh, OKS AP."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats, Ints
from poseflow.skeletons.skeleton import Skeleton

TORSO = (("left_shoulder", "right_hip"), ("right_shoulder", "left_hip"))

MIRROR_LEAST_PAIRS = 2
"""Least number of labelled left-right pairs of people that count as mirrored."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of N people, beside the ground truth.

    Attributes:
        keypoints: `(N, K, 2)` predicted, image pixels.
        scores: `(N, K)`.
        truth: `(N, K, 2)` annotated, image pixels.
        labelled: `(N, K)`.
        heatmap_error: `(N, K)` distance of the heatmaps' maximum from the target in
            tenths of the heatmap's sides.
    """

    keypoints: Floats
    scores: Floats
    truth: Floats
    labelled: Bools
    heatmap_error: Floats

    def of(self, people: Bools) -> Predictions:
        """The predictions of a mask `(N,)`."""
        return Predictions(*(getattr(self, f.name)[people] for f in fields(self)))


def torso_sizes(truth: Floats, labelled: Bools, skeleton: Skeleton) -> Floats:
    """Torso length: mean of the diagonals from a shoulder to the opposite hip.

    Args:
        truth: `(N, K, 2)` pixels.
        labelled: `(N, K)`.
        skeleton: The joints.

    Returns:
        `(N,)` pixels, over the diagonals with both ends labelled; NaN where there is
        none: such people do not count in PCK.
    """
    lengths = np.full((len(TORSO), len(truth)), np.nan)
    for row, (shoulder, hip) in enumerate(TORSO):
        if shoulder in skeleton.joints and hip in skeleton.joints:
            a, b = skeleton.index(shoulder), skeleton.index(hip)
            both = labelled[:, a] & labelled[:, b]
            step = np.linalg.norm(truth[:, a] - truth[:, b], axis=1)
            lengths[row] = np.where(both & (step > 0), step, np.nan)
    known = np.isfinite(lengths)
    total = np.where(known, lengths, 0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def pck(
    distances: Floats, labelled: Bools, sizes: Floats, threshold: float
) -> tuple[Floats, float]:
    """Percentage of correct keypoints (Yang and Ramanan, TPAMI 2013), as fractions.

    Args:
        distances: `(N, K)` pixels between prediction and ground truth.
        labelled: `(N, K)`.
        sizes: `(N,)` units of the distances; people with NaN are left out.
        threshold: Largest distance of a correct joint, in sizes.

    Returns:
        Per joint `(K,)`, NaN without labels; and over all joints of all people.
    """
    counted = labelled & np.isfinite(sizes)[:, None]
    right = counted & (distances <= threshold * np.nan_to_num(sizes)[:, None])
    number = counted.sum(axis=0)
    with np.errstate(invalid="ignore"):
        per_joint = right.sum(axis=0) / number
    return per_joint, float(right.sum() / number.sum()) if number.sum() else np.nan


def heatmap_accuracy(error: Floats, labelled: Bools) -> float:
    """Heatmap accuracy, "acc" of training recipes since Newell et al. (ECCV 2016).

    Mean over joints of the fraction with an error below half a tenth of the map.
    """
    number = labelled.sum(axis=0)
    if not number.any():
        return float("nan")
    right = (labelled & (error < 0.5)).sum(axis=0)
    return float((right[number > 0] / number[number > 0]).mean())


def mirrored_share(found: Predictions, skeleton: Skeleton) -> float:
    """Share of people whose prediction fits better with left and right exchanged.

    Counts people with at least two labelled left-right pairs.
    """
    pairs = np.array(skeleton.left_right, dtype=int).reshape(-1, 2)
    if not len(pairs):
        return float("nan")
    both = found.labelled[:, pairs].all(axis=2).repeat(2, axis=1)
    counted = both.sum(axis=1) >= 2 * MIRROR_LEAST_PAIRS
    if not counted.any():
        return float("nan")
    truth = found.truth[:, pairs.ravel()]

    def error(columns: npt.NDArray[Any]) -> Floats:
        step = np.linalg.norm(found.keypoints[:, columns] - truth, axis=2)
        total: Floats = np.where(both, step, 0).sum(axis=1)
        return total

    worse = error(pairs.ravel()) > error(pairs[:, ::-1].ravel())
    return float(worse[counted].mean())


def oks_ap(
    found: Predictions,
    areas: Floats,
    boxes: Floats,
    image_of: Ints,
    skeleton: Skeleton,
) -> float:
    """COCO's keypoint AP (OKS 0.5 to 0.95) by pycocotools, as a fraction.

    The crops are those of the annotated boxes, so this is an upper bound of the AP with
    a detector.

    Args:
        found: N people.
        areas: `(N,)` square pixels.
        boxes: `(N, 4)` xyxy pixels.
        image_of: `(N,)` index of each person's image.
        skeleton: Joints and sigmas.
    """
    people = np.flatnonzero(found.labelled.any(axis=1))
    if not len(people):
        return float("nan")
    flags = np.where(found.labelled, 2, 0)[..., None]
    truth = np.concatenate([found.truth, flags], axis=2).reshape(len(found.truth), -1)
    guess = np.concatenate([found.keypoints, found.scores[..., None]], axis=2)
    guess = guess.reshape(len(guess), -1)
    box = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    annotations = [
        {
            "image_id": int(image_of[n]),
            "iscrowd": 0,
            "area": float(areas[n]),
            "bbox": box[n].tolist(),
            "keypoints": truth[n].tolist(),
            "num_keypoints": int(found.labelled[n].sum()),
        }
        for n in people
    ]
    results = [
        {
            "image_id": int(image_of[n]),
            "keypoints": guess[n].tolist(),
            "score": float(found.scores[n].mean()),
        }
        for n in people
    ]
    return coco_keypoint_ap(annotations, results, skeleton)


def coco_keypoint_ap(
    annotations: Sequence[dict[str, Any]],
    results: Sequence[dict[str, Any]],
    skeleton: Skeleton,
) -> float:
    """Mean AP over OKS 0.5 to 0.95 of all sizes, by pycocotools, as a fraction.

    Args:
        annotations: COCO annotations of people: `image_id`, `keypoints`,
            `num_keypoints`, `area`, `bbox`, `iscrowd`.
        results: COCO results: `image_id`, `keypoints`, `score`.
        skeleton: Joints and sigmas.

    Returns:
        In [0, 1]; NaN without annotated people, 0 without results.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not any(note["num_keypoints"] for note in annotations):
        return float("nan")
    if not results:
        return 0.0
    image_ids = {entry["image_id"] for entry in (*annotations, *results)}
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": k} for k in sorted(image_ids)],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [
                {**note, "id": n, "category_id": 1}
                for n, note in enumerate(annotations, start=1)
            ],
        }
        coco.createIndex()
        found = coco.loadRes([{**entry, "category_id": 1} for entry in results])
        evaluation = COCOeval(coco, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])

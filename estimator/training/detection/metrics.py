"""Detection metrics: recall at bounded false positives, and AP."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.estimator.protocols import Detections
from poseflow.estimator.training.detection.dataset import BoxedImages
from poseflow.similarity.boxes import box_area, box_iou

MATCH_IOU = 0.5
"""Least IoU of a detection with the person that it matches."""

IGNORED_SHARE = 0.5
"""Detections with such a share in an ignored region do not count."""


@dataclass(frozen=True)
class Matches:
    """Detections of all images, matched to the ground truth.

    Attributes:
        scores: `(D,)`.
        image_of: `(D,)`.
        found: `(D,)` position of the person in the table of boxes, -1 for none.
        neutral: `(D,)` without a person but in an ignored region: neither true nor
            false positive.
    """

    scores: Floats
    image_of: Ints
    found: Ints
    neutral: Bools


@dataclass(frozen=True)
class DetectionReport:
    """Accuracy on a split; fractions in [0, 1], NaN where nothing could be measured.

    Attributes:
        pictures: Number of images of data sets with people.
        empty: Number of images of data sets without people.
        people: Number of people, of any size.
        tall: Number of tall people.
        recall: Share of tall people found, at the lowest threshold that keeps false
            positives an image within bounds.
        threshold: That threshold.
        false_positives: An image, there.
        false_positives_empty: An empty image, there.
        own_threshold: The threshold that the weights carry.
        own_recall: Share of tall people found at that one.
        own_false_positives: An image, there.
        own_false_positives_empty: An empty image, there.
        ap: COCO's AP, IoU 0.5 to 0.95.
        ap50: AP at IoU 0.5.
    """

    pictures: int
    empty: int
    people: int
    tall: int
    recall: float
    threshold: float
    false_positives: float
    false_positives_empty: float
    own_threshold: float
    own_recall: float
    own_false_positives: float
    own_false_positives_empty: float
    ap: float
    ap50: float

    @property
    def score(self) -> float:
        """AP at IoU 0.5; 0 where there are no people."""
        return self.ap50 if np.isfinite(self.ap50) else 0.0

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON; NaN as None."""
        return {
            k: None if isinstance(v, float) and not np.isfinite(v) else v
            for k, v in asdict(self).items()
        }

    def table(self) -> str:
        """A table for a terminal, percentages."""
        rows = [
            f"{'at score':<12}{'recall':>9}{'FP/image':>12}{'FP/empty':>10}",
            f"{self.threshold:<12.3f}{100 * self.recall:>9.1f}"
            f"{self.false_positives:>12.3f}{self.false_positives_empty:>10.3f}",
            f"{self.own_threshold:<12.3f}{100 * self.own_recall:>9.1f}"
            f"{self.own_false_positives:>12.3f}"
            f"{self.own_false_positives_empty:>10.3f}  (the weights' own threshold)",
            f"AP {100 * self.ap:.1f}  AP50 {100 * self.ap50:.1f}  ({self.people} "
            f"people, {self.tall} tall, in {self.pictures} images; {self.empty} "
            "without people)",
        ]
        return "\n".join(rows)


def match(found: Sequence[Detections], table: BoxedImages) -> Matches:
    """Match every person with the best-scored box that overlaps it most.

    Args:
        found: Detections of each image of the table.
        table: The ground truth.
    """
    scores, image_of, person_of, neutral = [], [], [], []
    for index, detections in enumerate(found):
        where = table.of(index)
        truth, ignored = table.boxes[where], table.ignored[where]
        order = np.argsort(-detections.scores, kind="stable")
        boxes = detections.boxes[order]
        iou = box_iou(boxes, truth[~ignored])
        people = np.flatnonzero(~ignored) + where.start
        mine = np.full(len(boxes), -1, np.int64)
        for k in range(len(boxes)):
            best = int(iou[k].argmax()) if iou.shape[1] else 0
            if iou.shape[1] and iou[k, best] >= MATCH_IOU:
                mine[k] = people[best]
                iou[:, best] = 0
        scores.append(detections.scores[order])
        image_of.append(np.full(len(boxes), index))
        person_of.append(mine)
        neutral.append((mine < 0) & _within(boxes, truth[ignored]))
    return Matches(
        np.concatenate([np.zeros(0), *scores]),
        np.concatenate([np.zeros(0, np.int64), *image_of]),
        np.concatenate([np.zeros(0, np.int64), *person_of]),
        np.concatenate([np.zeros(0, bool), *neutral]),
    )


def _within(boxes: Floats, regions: Floats) -> Bools:
    """Which boxes lie with at least `IGNORED_SHARE` in one of the regions."""
    low = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    inside = box_area(np.concatenate([low, high], axis=2)).max(axis=1, initial=0)
    return np.asarray(inside >= IGNORED_SHARE * np.maximum(box_area(boxes), 1e-6))


def measure(
    found: Sequence[Detections],
    table: BoxedImages,
    *,
    tall_px: float,
    false_positives: float,
    false_positives_empty: float,
    own_threshold: float,
) -> DetectionReport:
    """Compute detection metrics over all images.

    Args:
        found: Of each image, down to a low threshold.
        table: The ground truth.
        tall_px: People of greater height are tall.
        false_positives: Largest number per image with people.
        false_positives_empty: Largest number per image without people.
        own_threshold: The threshold stored with the weights.
    """
    matches = match(found, table)
    heights = table.boxes[:, 3] - table.boxes[:, 1]
    counts = ~table.ignored
    tall = counts & (heights > tall_px)
    wrong = (matches.found < 0) & ~matches.neutral
    on_empty = table.empty[matches.image_of]
    right = np.zeros(len(matches.scores), bool)
    hit = matches.found >= 0
    right[hit] = tall[matches.found[hit]]
    empty = int(table.empty.sum())
    images = len(table) - empty

    def at(threshold: float) -> tuple[float, float, float]:
        kept = matches.scores >= threshold
        return (
            _share((right & kept).sum(), tall.sum()),
            _share((wrong & kept & ~on_empty).sum(), images),
            _share((wrong & kept & on_empty).sum(), empty),
        )

    threshold = max(
        _lowest(matches.scores[wrong & ~on_empty], false_positives * images),
        _lowest(matches.scores[wrong & on_empty], false_positives_empty * empty),
    )
    recall, per_image, per_empty = at(threshold)
    own_recall, own_per_image, own_per_empty = at(own_threshold)
    ap, ap50 = box_ap(found, table)
    return DetectionReport(
        pictures=images,
        empty=empty,
        people=int(counts.sum()),
        tall=int(tall.sum()),
        recall=recall,
        threshold=threshold,
        false_positives=per_image,
        false_positives_empty=per_empty,
        own_threshold=own_threshold,
        own_recall=own_recall,
        own_false_positives=own_per_image,
        own_false_positives_empty=own_per_empty,
        ap=ap,
        ap50=ap50,
    )


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _lowest(wrong: Floats, most: float) -> float:
    """Lowest threshold that at most `most` of these scores reach."""
    ranked = np.sort(wrong)[::-1]
    beyond = int(np.floor(most + 1e-9))
    return float(np.nextafter(ranked[beyond], 1)) if beyond < len(ranked) else 0.0


def box_ap(found: Sequence[Detections], table: BoxedImages) -> tuple[float, float]:
    """COCO's AP at IoU 0.5 to 0.95, and at 0.5, by pycocotools; NaN without people."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if table.ignored.all():
        return float("nan"), float("nan")
    if not any(len(detections) for detections in found):
        return 0.0, 0.0
    sides = table.boxes[:, 2:] - table.boxes[:, :2]
    truth = np.concatenate([table.boxes[:, :2], sides], axis=1)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": k} for k in range(len(table))],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": [
                {
                    "id": n + 1,
                    "image_id": int(table.image_of[n]),
                    "category_id": 1,
                    "iscrowd": int(table.ignored[n]),
                    "area": float(sides[n].prod()),
                    "bbox": truth[n].tolist(),
                }
                for n in range(len(truth))
            ],
        }
        coco.createIndex()
        results = coco.loadRes(
            [
                {
                    "image_id": index,
                    "category_id": 1,
                    "bbox": [*box[:2], *(box[2:] - box[:2])],
                    "score": score,
                }
                for index, detections in enumerate(found)
                for box, score in zip(
                    detections.boxes.astype(float),
                    detections.scores.tolist(),
                    strict=True,
                )
            ]
        )
        evaluation = COCOeval(coco, results, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])

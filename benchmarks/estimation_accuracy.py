"""Accuracy and calibration of MoveNet's presets on data in the COCO layout.

    python benchmarks/estimation_accuracy.py people.json=images.zip [more.json=folder]
        [--empty FOLDER] [--quality balanced ...] [--folds 10] [--test 4 9] [--fit]

Recall and AP of person boxes as `poseflow validate` has them, keypoint AP of the
13 joints from nose to ankles as pycocotools computes it, and reliability: of the people
and joints with scores in a range, how many are right. Images are split into folds by
id, empty ones by name; everything is printed for the folds of the test, and for the
rest. With --fit, the constants of `estimator/movenet/scores.py` are fitted on the rest.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from poseflow.arrays import Bools, Floats
from poseflow.estimator.movenet import scores as calibration
from poseflow.estimator.movenet.fusion import combined
from poseflow.estimator.movenet.multipose import MultiPose
from poseflow.estimator.movenet.poses import MoveNetPoses
from poseflow.estimator.movenet.presets import PRESETS, SKELETON
from poseflow.estimator.movenet.scores import Logistic, log_odds
from poseflow.estimator.protocols import Detections
from poseflow.estimator.training.detection.config import (
    CocoBoxesConfig,
    EmptyBoxesConfig,
)
from poseflow.estimator.training.detection.dataset import BoxedImages, read_boxes
from poseflow.estimator.training.detection.metrics import (
    MATCH_IOU,
    match,
    measure,
)
from poseflow.eval.coco.evaluate import evaluate_coco
from poseflow.poses import Poses
from poseflow.similarity.boxes import box_iou

JOINTS = [SKELETON.index("nose"), *range(SKELETON.index("left_shoulder"), 17)]
SIGMAS = np.asarray(SKELETON.sigmas)
RIGHT_OKS = 0.5
LEAST_SCORE = 0.02
BINS = np.linspace(0, 1, 6)


@dataclass(frozen=True)
class Raw:
    """What the networks give for an image: people of both stages, raw scores.

    Attributes:
        first: MultiPose's people.
        again: `(P,)` who of them has joints of the second stage.
        second: Those, with these joints.
        boxed: The second stage's joints in the boxes of `labelled`.
        image_size: Width and height of the image.
    """

    first: Poses
    again: Bools
    second: Poses
    boxed: Poses | None
    image_size: calibration.Size


@dataclass(frozen=True)
class Labelled:
    """People of an image with keypoints.

    Attributes:
        keypoints: `(P, 17, 3)` x, y, v.
        boxes: `(P, 4)` xyxy.
        areas: `(P,)` square pixels.
    """

    keypoints: Floats
    boxes: Floats
    areas: Floats

    def right(self, people: Sequence[int], keypoints: Floats) -> Bools:
        """`(P, 17)` whether joints are labelled and near the label."""
        truth = self.keypoints[people]
        away = np.square(keypoints - truth[..., :2]).sum(axis=2)
        scale = 2 * self.areas[people, None] * np.square(2 * SIGMAS)
        return (np.exp(-away / scale) >= RIGHT_OKS) & (truth[..., 2] > 0)


class Data:
    """The images of some folds."""

    def __init__(self, options: argparse.Namespace, fold: Sequence[int]) -> None:
        folds = {"folds": options.folds, "fold": tuple(fold)}
        sets: list[Any] = []
        self.images: dict[str, dict[str, Any]] = {}
        notes: dict[str, list[dict[str, Any]]] = {}
        for pair in options.data:
            annotations, _, images = pair.partition("=")
            place = {"annotations": annotations, "images": images or "."}
            sets.append(CocoBoxesConfig(**place, **folds))
            content = json.loads(Path(annotations).read_text())
            names = {image["id"]: image["file_name"] for image in content["images"]}
            for note in content["annotations"]:
                notes.setdefault(names[note["image_id"]], []).append(note)
        if options.empty:
            sets.append(EmptyBoxesConfig(images=options.empty, **folds))
        self.table: BoxedImages = read_boxes(sets, Path())
        names = self.table.image_files.names
        self.notes = [notes.get(name, []) for name in names]
        self.labelled = [_labelled(each) for each in self.notes]

    def __len__(self) -> int:
        return len(self.table)


def _labelled(notes: Sequence[dict[str, Any]]) -> Labelled | None:
    """The people with keypoints, if all people of the image have them annotated."""
    people = [n for n in notes if not n.get("iscrowd")]
    if not people or not all(
        n.get("keypoints_known", "keypoints" in n) for n in people
    ):
        return None
    people = [n for n in people if n.get("num_keypoints")]
    boxes = np.array([n["bbox"] for n in people], float).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    keypoints = np.array([n["keypoints"] for n in people], float).reshape(-1, 17, 3)
    return Labelled(keypoints, boxes, np.array([n["area"] for n in people], float))


def run(data: Data, quality: str) -> list[Raw]:
    """The networks' results for all images."""
    estimator = MoveNetPoses(quality, "cpu")
    detector = estimator.detector
    assert isinstance(detector, MultiPose)
    results = []
    for index in range(len(data)):
        image = data.table.image_files.read(index)
        (first,) = detector.people([image])
        image_size = image.shape[1::-1]
        probability = calibration.person_scores(first, image_size)
        first, probability = (
            first[probability >= LEAST_SCORE],
            probability[probability >= LEAST_SCORE],
        )
        again = probability < estimator.refine_below
        (second,) = estimator.second_stage.near([image], [first[again]])
        boxed = None
        labelled = data.labelled[index]
        if labelled is not None:
            boxes = labelled.boxes.astype(np.float32)
            (boxed,) = estimator.second_stage.in_boxes([image], [boxes])
        results.append(Raw(first, again, second, boxed, image_size))
        if sys.stderr.isatty():
            print(f"\r{quality} {index + 1}/{len(data)}", end="", file=sys.stderr)
    return results


def scored(raw: Raw, quality: str) -> Poses:
    """The people of an image with calibrated scores."""
    network = PRESETS[quality].single
    return calibration.probable_both(
        raw.first, raw.again, raw.second, raw.image_size, network
    )


def accuracy(data: Data, people: Sequence[Poses]) -> str:
    """Recall, AP of boxes and keypoint AP."""
    found = [Detections(poses.boxes, poses.scores) for poses in people]
    report = measure(
        found,
        data.table,
        tall_px=100,
        false_positives=0.3,
        false_positives_empty=1e9,
        own_threshold=0.5,
    )
    return (
        f"recall {100 * report.recall:.1f} at score {report.threshold:.2f}; box AP "
        f"{100 * report.ap:.1f}, AP50 {100 * report.ap50:.1f}; keypoint AP "
        f"{keypoint_ap(data, people):.1f}; scores from 0.5: recall "
        f"{100 * report.own_recall:.1f}, false positives per image "
        f"{report.own_false_positives:.2f}, per empty image "
        f"{report.own_false_positives_empty:.2f}"
    )


def keypoint_ap(data: Data, people: Sequence[Poses]) -> float:
    """AP of 13 joints on the images with keypoints, in percent."""
    notes, results, images = [], [], []
    for index, labelled in enumerate(data.labelled):
        if labelled is None:
            continue
        images.append({"id": index})
        for note in data.notes[index]:
            keypoints = np.reshape(note.get("keypoints") or [0] * 51, (17, 3))[JOINTS]
            count = int((keypoints[:, 2] > 0).sum())
            changed = {"id": len(notes) + 1, "image_id": index, "category_id": 1}
            joints = {"keypoints": keypoints.ravel().tolist(), "num_keypoints": count}
            notes.append({**note, **changed, **joints})
        for keypoints, score in zip(
            people[index].keypoints[:, JOINTS], people[index].scores, strict=True
        ):
            flat = np.pad(keypoints, ((0, 0), (0, 1)), constant_values=1).ravel()
            entry = {"image_id": index, "category_id": 1, "score": float(score)}
            results.append({**entry, "keypoints": flat.tolist()})
    names = [SKELETON.joints[k] for k in JOINTS]
    category = {"id": 1, "name": "person", "keypoints": names}
    truth = {"images": images, "annotations": notes, "categories": [category]}
    with tempfile.TemporaryDirectory() as folder:
        gt, pred = Path(folder, "gt.json"), Path(folder, "pred.json")
        gt.write_text(json.dumps(truth))
        pred.write_text(json.dumps(results))
        return evaluate_coco(gt, pred, SIGMAS[JOINTS].tolist())["AP"]


Samples = tuple[list[Floats], Bools]
"""Inputs of a logistic function, each `(N,)`, and what is right, `(N,)`."""


def person_samples(data: Data, raws: Sequence[Raw], *, again: bool) -> Samples:
    """Inputs of people's scores, and whether there is a person.

    Args:
        data: The images.
        raws: Of each image.
        again: Those of the second stage, with its inputs; else all, without.
    """
    found = [Detections(raw.first.boxes, raw.first.scores) for raw in raws]
    matches = match(found, data.table)
    person = np.split(matches.found, np.cumsum([len(each) for each in found])[:-1])
    neutral = np.split(matches.neutral, np.cumsum([len(each) for each in found])[:-1])
    columns, right = [], []
    for raw, who, unsure in zip(raws, person, neutral, strict=True):
        # In the order of the raw scores, as the matches are.
        order = np.argsort(-raw.first.scores, kind="stable")
        inputs = np.full((5 if again else 3, len(order)), np.nan)
        if again:
            inputs[:, raw.again] = calibration.refined_inputs(
                raw.first[raw.again], raw.second, raw.image_size
            )
        else:
            inputs[:] = calibration.person_inputs(raw.first, raw.image_size)
        counted = ~unsure & np.isfinite(inputs[0, order])
        columns.append(inputs[:, order[counted]])
        right.append(who[counted] >= 0)
    return list(np.concatenate(columns, axis=1)), np.concatenate(right)


def joint_samples(
    data: Data, raws: Sequence[Raw], stage: Callable[[Raw], Poses | None]
) -> Samples:
    """Log odds of the joints of people who were found, and whether they are right."""
    scores, right = [np.zeros((0, 17))], [np.zeros((0, 17), bool)]
    for raw, labelled in zip(raws, data.labelled, strict=True):
        poses = stage(raw)
        if labelled is None or poses is None or not len(poses):
            continue
        overlap = box_iou(labelled.boxes, poses.boxes)
        people = np.flatnonzero((overlap >= MATCH_IOU).any(axis=1))
        rows = overlap[people].argmax(axis=1)
        scores.append(poses.keypoint_scores[rows])
        right.append(labelled.right(people, poses.keypoints[rows]))
    odds = log_odds(np.concatenate(scores).ravel())
    return [odds], np.concatenate(right).ravel()


def refined(raw: Raw) -> Poses | None:
    """The joints of both stages, with the second one's raw scores."""
    return combined(raw.first[raw.again], raw.second)


def fitted(parts: Iterable[Samples]) -> Logistic:
    """The logistic function with the greatest likelihood."""
    inputs, right = zip(*parts, strict=True)
    columns = [np.concatenate(column) for column in zip(*inputs, strict=True)]
    rows = np.stack([*columns, np.ones(len(columns[0]))], axis=1)
    truth = np.concatenate(right)

    def loss(weights: Floats) -> float:
        z = rows @ weights
        return float((np.logaddexp(0, z) - truth * z).mean())

    weights = minimize(loss, np.zeros(rows.shape[1])).x
    *slopes, offset = np.round(weights, 2).tolist()
    return Logistic(tuple(slopes), offset)


def reliability(name: str, function: Logistic, samples: Samples) -> str:
    """A row of a table: of each range of scores, the mean and how many are right."""
    columns, right = samples
    probability = function(*columns)
    cells = []
    for low, high in pairwise(BINS):
        inside = (probability >= low) & (probability < high)
        share = f"{right[inside].mean():.2f}" if inside.any() else "-"
        mean = f"{probability[inside].mean():.2f}" if inside.any() else "-"
        cells.append(f"{mean} {share} ({inside.sum()})")
    return f"| {name} | " + " | ".join(cells) + " |"


SamplesOf = Callable[[Data, Sequence[Raw]], Samples]

FIRST: dict[str, SamplesOf] = {
    "PERSON": partial(person_samples, again=False),
    "JOINT": partial(joint_samples, stage=lambda raw: raw.first),
}
"""Samples for constants of `poseflow.estimator.movenet.scores`."""

SECOND: dict[str, SamplesOf] = {
    "person": partial(person_samples, again=True),
    "joint": partial(joint_samples, stage=refined),
    "boxed_joint": partial(joint_samples, stage=lambda raw: raw.boxed),
}
"""Samples for the fields of its `SecondCalibration`."""


def main() -> None:
    """Measure, or fit, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", nargs="+", help="ANNOTATIONS.json=IMAGES")
    parser.add_argument("--empty", help="Images without people: a folder or zip file.")
    parser.add_argument("--quality", nargs="+", default=list(PRESETS), choices=PRESETS)
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--test", type=int, nargs="*", default=[4, 9])
    parser.add_argument("--fit", action="store_true", help="Fit the constants.")
    options = parser.parse_args()
    rest = [fold for fold in range(options.folds) if fold not in options.test]
    parts = {"test": Data(options, options.test), "rest": Data(options, rest)}
    raws = {
        (part, quality): run(data, quality)
        for part, data in parts.items()
        for quality in options.quality
    }
    if options.fit:
        fit(parts["rest"], {q: raws["rest", q] for q in options.quality})
    for part, data in parts.items():
        print(f"{part}: {len(data)} images")
        for quality in options.quality:
            raw = raws[part, quality]
            people = [scored(each, quality) for each in raw]
            print(f"{quality}: {accuracy(data, people)}")
        print("| | " + " | ".join(f"{a:.1f}-{b:.1f}" for a, b in pairwise(BINS)) + " |")
        for quality in options.quality:
            raw = raws[part, quality]
            second = calibration.SECOND[PRESETS[quality].single]
            for name, samples_of in (FIRST | SECOND).items():
                samples = samples_of(data, raw)
                if len(samples[1]):
                    owner = calibration if name in FIRST else second
                    function = getattr(owner, name)
                    print(reliability(f"{quality}: {name}", function, samples))


def fit(data: Data, raws: dict[str, list[Raw]]) -> None:
    """Fit all constants, use them, and print them.

    Args:
        data: The images.
        raws: Of each image, by quality.
    """

    def fitted_to(samples_of: SamplesOf, qualities: Iterable[str]) -> Logistic | None:
        samples = [samples_of(data, raws[quality]) for quality in qualities]
        return fitted(samples) if sum(len(right) for _, right in samples) else None

    for name, samples_of in FIRST.items():
        setattr(
            calibration, name, fitted_to(samples_of, raws) or getattr(calibration, name)
        )
        print(f"{name} = {getattr(calibration, name)}")
    for network, before in calibration.SECOND.items():
        qualities = [quality for quality in raws if PRESETS[quality].single == network]
        found = {name: fitted_to(of, qualities) for name, of in SECOND.items()}
        after = replace(before, **{name: f for name, f in found.items() if f})
        calibration.SECOND[network] = after
        print(f"{network}: {after}")


if __name__ == "__main__":
    main()

"""Tune the parameters of parametric pose NMS on a development set.

Source: Fang et al., "RMPE" (ICCV 2017), section 3.3: two parameters are optimised at
a time, the others fixed, until the accuracy stops rising.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator.topdown.pose_nms import PoseNMSParameters, suppress
from poseflow.estimator.training.pose.metrics import coco_keypoint_ap
from poseflow.formats.input_file import read_text
from poseflow.formats.json.reader import parse
from poseflow.poses import Poses
from poseflow.similarity.boxes import xyxy_to_xywh
from poseflow.skeletons.skeleton import Skeleton

# RMPE's pairs: the two widths, then weight and threshold.
PAIRS = (
    ("sigma_score", "sigma_distance_px"),
    ("spatial_weight", "same_similarity"),
)

FIRST_FACTOR = 1.5
LAST_FACTOR = 1.05


@dataclass(frozen=True)
class Tuning:
    """Result of tuning.

    Attributes:
        parameters: The best parameters found.
        before: OKS AP of the initial parameters, a fraction.
        after: OKS AP of the best.
        trials: Number of sets of parameters that were tried.
    """

    parameters: PoseNMSParameters
    before: float
    after: float
    trials: int

    def to_json(self) -> str:
        """The parameters as JSON, for `load_nms_parameters`."""
        return json.dumps(asdict(self.parameters), indent=1) + "\n"


def load_nms_parameters(path: str | Path) -> PoseNMSParameters:
    """Load parameters that `poseflow tune-nms` wrote.

    Raises:
        FormatError: If the file holds no such parameters.
    """
    try:
        return msgspec.json.decode(read_text(path), type=PoseNMSParameters)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: not parameters of pose NMS: {error}") from error


def tune_nms(
    people: Sequence[tuple[Any, Poses]],
    annotations: Sequence[dict[str, Any]],
    start: PoseNMSParameters | None = None,
    *,
    most_trials: int = 200,
) -> Tuning:
    """Find the parameters with which pose NMS gives the best OKS AP.

    Coordinate search in pairs: from `start`, the parameters of a pair are multiplied
    and divided by a factor, in all nine combinations; the best is kept, then the other
    pair follows. When neither pair improves, the factor shrinks.

    Args:
        people: Image's id, and the poses found in it before any suppression; their
            `scores` are the boxes'.
        annotations: COCO annotations of the same images.
        start: Initial parameters; default the published ones.
        most_trials: Largest number of sets of parameters to try.

    Raises:
        PoseFlowError: If there are no images, or no annotated person in them.
    """
    if not people:
        raise PoseFlowError("tune_nms: expected poses of at least one image, got none")
    skeleton = people[0][1].skeleton
    shown = {image_id for image_id, _ in people}
    truth = [note for note in annotations if note["image_id"] in shown]

    def accuracy(parameters: PoseNMSParameters) -> float:
        results = []
        for image_id, poses in people:
            kept = suppress(poses, parameters)
            results += _results(image_id, kept)
        return coco_keypoint_ap(truth, results, skeleton)

    best = start or PoseNMSParameters()
    before = after = accuracy(best)
    if math.isnan(before):
        raise PoseFlowError(
            "tune_nms: no person is annotated in the images of the poses"
        )
    trials, factor = 1, FIRST_FACTOR
    while factor > LAST_FACTOR and trials < most_trials:
        improved = False
        for pair in PAIRS:
            candidates = _around(best, pair, factor)[: most_trials - trials]
            trials += len(candidates)
            best, after, better = _best_of(candidates, accuracy, best, after)
            improved |= better
        if not improved:
            factor = math.sqrt(factor)
    return Tuning(best, before, after, trials)


def _around(
    parameters: PoseNMSParameters, pair: tuple[str, str], factor: float
) -> list[PoseNMSParameters]:
    """The eight neighbours of a pair of parameters."""
    steps = itertools.product((1.0, 1 / factor, factor), repeat=2)
    return [
        _scaled(_scaled(parameters, pair[0], a), pair[1], b)
        for a, b in steps
        if (a, b) != (1, 1)
    ]


def _scaled(p: PoseNMSParameters, name: str, factor: float) -> PoseNMSParameters:
    if name == "same_similarity":
        return replace(p, same_similarity=p.same_similarity * factor)
    value = getattr(p.similarity, name) * factor
    return replace(p, similarity=replace(p.similarity, **{name: value}))


def _best_of(
    candidates: list[PoseNMSParameters],
    accuracy: Callable[[PoseNMSParameters], float],
    best: PoseNMSParameters,
    score: float,
) -> tuple[PoseNMSParameters, float, bool]:
    improved = False
    for candidate in candidates:
        found = accuracy(candidate)
        if found > score:
            best, score, improved = candidate, found, True
    return best, score, improved


def _results(image_id: Any, poses: Poses) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image_id,
            "score": float(poses.scores[n]),
            "keypoints": [
                float(v)
                for point, mark in zip(
                    poses.keypoints[n], poses.keypoint_scores[n], strict=True
                )
                for v in (*point, mark)
            ],
            "bbox": xyxy_to_xywh(poses.boxes[n]).tolist(),
        }
        for n in range(len(poses))
    ]


def read_for_tuning(
    truth: str | Path, poses: str | Path, skeleton: Skeleton | str | Path | None = None
) -> tuple[list[tuple[Any, Poses]], list[dict[str, Any]]]:
    """Read poses and annotations of the same images, matched by file name.

    Args:
        truth: COCO keypoints JSON.
        poses: Poses before suppression, in any format that `poseflow.read` knows.
        skeleton: Their joints, where the file does not say.

    Raises:
        PoseFlowError: If a file cannot be read, or no image is in both.
    """
    from poseflow.formats import read

    path = Path(truth)
    try:
        content = parse(read_text(path), Any, path)
        id_of = {Path(i["file_name"]).stem: i["id"] for i in content["images"]}
        annotations = [
            note for note in content["annotations"] if "num_keypoints" in note
        ]
    except FormatError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path}: not COCO keypoints: {type(error).__name__}: {error}"
        ) from error
    people = [
        (id_of[Path(frame.name).stem], frame.poses)
        for frame in read(poses, skeleton=skeleton)
        if Path(frame.name).stem in id_of
    ]
    if not people:
        raise PoseFlowError(
            f"{poses}: none of its images is in {truth}; file names must agree"
        )
    return people, annotations

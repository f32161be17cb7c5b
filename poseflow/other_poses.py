"""Arrays from the objects that other packages use for poses, without importing them.

Objects are known by their attributes. Values may be tensors on any device, arrays or
lists. `Poses.from_ultralytics` and its like build on these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.errors import PoseFlowError

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Columns:
    """The people of one image as arrays; None where the object has no such thing.

    Attributes:
        keypoints: `(P, K, 2)` pixels; `(0, 0, 2)` where even K is unknown.
        keypoint_scores: `(P, K)`.
        boxes: `(P, 4)` x1, y1, x2, y2.
        scores: `(P,)`.
        track_ids: `(P,)` int64, -1 for none.
    """

    keypoints: Array
    keypoint_scores: Array | None = None
    boxes: Array | None = None
    scores: Array | None = None
    track_ids: Array | None = None


def as_array(value: Any) -> Array:
    """A tensor on any device, an array or a list as a numpy array of float."""
    for step in ("detach", "cpu", "numpy"):
        if hasattr(value, step):
            value = getattr(value, step)()
    if isinstance(value, list | tuple):
        value = [as_array(item) if hasattr(item, "cpu") else item for item in value]
    try:
        found: Array = np.asarray(value, np.float32 if _single(value) else np.float64)
    except (TypeError, ValueError) as error:
        raise PoseFlowError(f"expected an array of numbers ({error})") from error
    return found


def _single(value: Any) -> bool:
    return getattr(value, "dtype", None) in (np.dtype("float32"), np.dtype("float16"))


def _optional(value: Any) -> Array | None:
    return None if value is None else as_array(value)


def _ids(value: Any) -> Array | None:
    """Identities; None for a person is -1."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        value = [-1 if item is None else item for item in value]
    ids = as_array(value)
    return np.where(np.isfinite(ids), ids, -1).astype(np.int64)


def of_ultralytics(result: Any) -> Columns:
    """A result of an ultralytics pose model, such as `model(image)[0]`.

    Raises:
        PoseFlowError: If it has people and no joints, as a detection model gives.
    """
    boxes = getattr(result, "boxes", None)
    keypoints = getattr(result, "keypoints", None)
    scores = None if boxes is None else as_array(boxes.conf).reshape(-1)
    if scores is not None and not len(scores):
        return Columns(np.zeros((0, 0, 2)))
    if keypoints is None:
        raise PoseFlowError(
            "this ultralytics result has boxes without joints, expected that of a pose "
            "model; UltralyticsDetector takes detection models"
        )
    joints = as_array(keypoints.data)  # (P, K, 3) with scores, or (P, K, 2)
    if joints.size == 0:
        return Columns(np.zeros((0, 0, 2)))
    if joints.ndim != 3 or joints.shape[2] not in (2, 3):
        raise PoseFlowError(
            f"ultralytics keypoints: expected (people, joints, 2 or 3), got "
            f"{joints.shape}"
        )
    if joints.shape[2] == 3:
        marks = np.maximum(joints[..., 2], 0)
    elif scores is not None:
        marks = np.repeat(scores[:, None], joints.shape[1], axis=1)
    else:
        marks = np.ones(joints.shape[:2])
    return Columns(
        joints[..., :2],
        marks,
        None if boxes is None else as_array(boxes.xyxy),
        scores,
        None if boxes is None else _ids(getattr(boxes, "id", None)),
    )


def of_mmpose(result: Any) -> Columns:
    """The people of one image in MMPose's objects.

    Args:
        result: What `MMPoseInferencer` yields for an image, its list of instances, a
            `PoseDataSample` or the list that `inference_topdown` returns, or MMPose
            0.x's list of dictionaries.

    Raises:
        PoseFlowError: If it is none of these, or holds several images.
    """
    if isinstance(result, dict) and "predictions" in result:
        images = result["predictions"]
        if len(images) != 1:
            raise PoseFlowError(
                f"MMPose's predictions of {len(images)} images, expected those of one: "
                "take each item of result['predictions']"
            )
        result = images[0]
    if hasattr(result, "pred_instances"):
        result = [result]
    if not isinstance(result, Sequence):
        raise PoseFlowError(
            f"expected MMPose's predictions of an image, got {type(result).__name__}"
        )
    parts = [_mmpose_part(part) for part in result]
    parts = [part for part in parts if len(part.keypoints)]
    return _joined(parts)


def _mmpose_part(part: Any) -> Columns:
    people = getattr(part, "pred_instances", part)
    if isinstance(people, dict):
        return _mmpose_instance(people)
    if not hasattr(people, "keypoints"):
        raise PoseFlowError(
            f"expected MMPose's instances with keypoints, got {type(part).__name__}"
        )
    keypoints = as_array(people.keypoints)
    keypoints = keypoints.reshape(-1, *keypoints.shape[-2:])
    return Columns(
        keypoints[..., :2],
        as_array(people.keypoint_scores).reshape(keypoints.shape[:2]),
        _optional(getattr(people, "bboxes", None)),
        _optional(getattr(people, "bbox_scores", None)),
        _ids(getattr(people, "track_ids", None)),
    )


def _mmpose_instance(person: dict[str, Any]) -> Columns:
    """A dictionary: 1.x has scores beside the joints, 0.x in them and in the box."""
    keypoints = as_array(person["keypoints"])
    marks = _optional(person.get("keypoint_scores"))
    if marks is None and keypoints.shape[-1] == 3:
        marks = keypoints[:, 2]
    box, score = person.get("bbox"), person.get("bbox_score", person.get("score"))
    if box is not None:
        sides = as_array(box).reshape(-1)
        score = sides[4] if len(sides) > 4 and score is None else score
        box = sides[None, :4]
    track = person.get("track_id")
    return Columns(
        keypoints[None, :, :2],
        None if marks is None else marks[None],
        box,
        None if score is None else as_array(score).reshape(1),
        None if track is None else _ids([track]),
    )


def _joined(parts: Sequence[Columns]) -> Columns:
    """All people; what some of them lack is filled as `Poses` would."""
    if not parts:
        return Columns(np.zeros((0, 0, 2)))

    def column(name: str, missing: Any) -> Array | None:
        values = [getattr(part, name) for part in parts]
        if all(value is None for value in values):
            return None
        if any(value is None for value in values) and missing is None:
            return None
        filled = [
            np.full(len(part.keypoints), missing) if value is None else value
            for part, value in zip(parts, values, strict=True)
        ]
        return np.concatenate(filled)

    return Columns(
        np.concatenate([part.keypoints for part in parts]),
        column("keypoint_scores", None),
        column("boxes", None),
        column("scores", None),
        column("track_ids", -1),
    )


def of_rtmlib(keypoints: Any, scores: Any) -> Columns:
    """The two arrays that rtmlib's models return.

    Args:
        keypoints: `(P, K, 2)`; also `(K, 2)` for one person.
        scores: `(P, K)` or `(K,)`.
    """
    points = as_array(keypoints)
    if points.size == 0:
        joints = points.shape[-2] if points.ndim == 3 else 0
        return Columns(np.zeros((0, joints, 2)))
    points = points.reshape(-1, *points.shape[-2:])
    marks = None if scores is None else np.maximum(as_array(scores), 0)
    if marks is not None:
        marks = marks.reshape(points.shape[:2])
    return Columns(points[..., :2], marks)


def of_supervision(keypoints: Any, detections: Any = None) -> Columns:
    """`supervision.KeyPoints`, with the boxes and ids of `Detections` if given.

    Args:
        keypoints: Its joints; what is not `visible` is missing.
        detections: The same people's boxes, confidences and tracker ids. Without them,
            ids are those in `keypoints.data["tracker_id"]`, if any.

    Raises:
        PoseFlowError: If the numbers of people differ.
    """
    points = as_array(keypoints.xy)
    scores = getattr(keypoints, "keypoint_confidence", None)
    if scores is None:  # supervision before 0.27
        scores = getattr(keypoints, "confidence", None)
    marks = np.ones(points.shape[:2]) if scores is None else as_array(scores)
    visible = getattr(keypoints, "visible", None)
    if visible is not None:
        marks = np.where(np.asarray(visible, bool), marks, 0)
    data = getattr(keypoints, "data", None) or {}
    boxes: Any = data.get("xyxy")
    confidences: Any = getattr(keypoints, "detection_confidence", None)
    ids: Any = data.get("tracker_id")
    if detections is not None:
        if len(detections.xyxy) != len(points):
            raise PoseFlowError(
                f"detections: expected those of the {len(points)} people with joints, "
                f"got {len(detections.xyxy)}"
            )
        boxes, confidences = detections.xyxy, detections.confidence
        ids = detections.tracker_id
    return Columns(points, marks, _optional(boxes), _optional(confidences), _ids(ids))


def to_supervision(
    keypoints: Array, marks: Array, boxes: Array, scores: Array, ids: Array
) -> Any:
    """`supervision.KeyPoints`; joints that are missing are at (0, 0) and not visible.

    Raises:
        PoseFlowError: If supervision is not installed.
    """
    try:
        import supervision
    except ImportError as error:
        raise PoseFlowError(
            "to_supervision needs supervision: pip install supervision"
        ) from error
    present = marks > 0
    fields: dict[str, Any] = {
        "xy": np.where(present[..., None], keypoints, 0).astype(np.float32),
        "class_id": np.zeros(len(keypoints), np.int64),
        "data": {"xyxy": np.array(boxes), "tracker_id": np.array(ids)},
    }
    known: Iterable[str] = supervision.KeyPoints.__dataclass_fields__
    later = "keypoint_confidence" in known
    name = "keypoint_confidence" if later else "confidence"
    fields[name] = marks.astype(np.float32)
    if later:
        fields["detection_confidence"] = scores.astype(np.float32)
        fields["visible"] = present
    return supervision.KeyPoints(**fields)

"""Adapters: trackers of other packages, given poses as `poseflow.Tracker` is.

Each `update` returns the same poses with ids. Box trackers get the boxes around the
joints. A package is imported when a tracker is made.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from poseflow.arrays import Floats
from poseflow.poses import NO_TRACK, Poses
from poseflow.similarity.boxes import keypoint_extent


def _boxes(poses: Poses) -> Floats:
    """Boxes around the joints, at least a pixel wide."""
    boxes = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    return boxes


def _scores(poses: Poses) -> Floats:
    """Scores in [0, 1], as box trackers expect them; AlphaPose's are higher."""
    return np.minimum(poses.scores.astype(np.float64), 1)


class RoboflowTracker:
    """One of roboflow's `trackers`: `SORTTracker`, `ByteTrackTracker`, ...

    Args:
        name: Of the class.
        **options: Its options.
    """

    def __init__(self, name: str, **options: Any) -> None:
        import trackers

        self._tracker = getattr(trackers, name)(**options)

    def update(self, poses: Poses, image: Any = None) -> Poses:
        """The same poses with ids; -1 for those that it does not return."""
        import supervision

        detections = supervision.Detections(
            xyxy=_boxes(poses).astype(np.float32),
            confidence=_scores(poses).astype(np.float32),
            class_id=np.zeros(len(poses), int),
            data={"pose": np.arange(len(poses))},
        )
        found = self._tracker.update(detections)
        ids = np.full(len(poses), NO_TRACK)
        if len(found) and found.tracker_id is not None:
            at = np.asarray(found.data["pose"], np.int64)
            given = np.asarray(found.tracker_id, np.int64)
            ids[at] = np.where(given >= 0, given + 1, NO_TRACK)
        return poses.replace(track_ids=ids)


class NorfairTracker:
    """Norfair on keypoints or boxes.

    Args:
        distance: `"keypoints"` (mean distance over the person's size) or `"iou"`.
        **options: Of `norfair.Tracker`.
    """

    def __init__(self, distance: str = "keypoints", **options: Any) -> None:
        import norfair

        self._boxes = distance == "iou"
        function: Any = "iou" if self._boxes else _keypoint_distance
        self._tracker = norfair.Tracker(distance_function=function, **options)

    def update(self, poses: Poses, image: Any = None) -> Poses:
        """The same poses with ids."""
        import norfair

        boxes = _boxes(poses)
        detections = []
        for p in range(len(poses)):
            if self._boxes:
                points, scores = boxes[p].reshape(2, 2), np.full(2, poses.scores[p])
            else:
                points = poses.keypoints[p].astype(np.float64)
                scores = poses.keypoint_scores[p].astype(np.float64)
            detections.append(norfair.Detection(points, scores, data=p))
        ids = np.full(len(poses), NO_TRACK)
        for person in self._tracker.update(detections):
            # Only those detected in this frame: the others are predictions.
            detection = person.last_detection
            if person.id is not None and any(detection is d for d in detections):
                ids[detection.data] = person.id
        return poses.replace(track_ids=ids)


def _keypoint_distance(detection: Any, tracked: Any) -> float:
    """Mean distance of common joints over the person's size."""
    seen = detection.scores > 0
    seen &= tracked.last_detection.scores > 0
    if not seen.any():
        return float(np.inf)
    points = detection.points[detection.scores > 0]
    size = max(float((points.max(axis=0) - points.min(axis=0)).max()), 1.0)
    step = np.linalg.norm(detection.points - tracked.estimate, axis=1)
    return float(step[seen].mean() / size)


class BoxmotTracker:
    """One of boxmot's motion trackers, without weights.

    Args:
        name: Of the class, such as `"OcSort"`.
        **options: Its options.
    """

    def __init__(self, name: str, **options: Any) -> None:
        import boxmot

        self._tracker = getattr(boxmot, name)(**options)
        self._blank = np.zeros((720, 1280, 3), np.uint8)

    def update(self, poses: Poses, image: Any = None) -> Poses:
        """The same poses with ids."""
        table = np.concatenate(
            [_boxes(poses), _scores(poses)[:, None], np.zeros((len(poses), 1))], axis=1
        )
        found = self._tracker.update(table, self._blank if image is None else image)
        rows = np.asarray(getattr(found, "data", found), np.float64)
        ids = np.full(len(poses), NO_TRACK)
        if rows.size:
            ids[rows[:, 7].astype(np.int64)] = rows[:, 4].astype(np.int64)
        return poses.replace(track_ids=ids)


class SleapTracker:
    """One of sleap-nn's trackers with Kalman filters, such as `botsort`.

    Args:
        name: `sort`, `bytetrack`, `ocsort` or `botsort`.
        **options: Of its parameters, such as `similarity="oks"`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        from sleap_nn.tracking.mot import bytetrack, ocsort, params, sort

        kinds = {
            "sort": sort.SORTTracker,
            "bytetrack": bytetrack.ByteTracker,
            "ocsort": ocsort.OCSORTTracker,
            "botsort": bytetrack.BoTSORTTracker,
        }
        self._tracker = kinds[name](params.MOTParams.for_tracker(name, **options))
        self._skeleton: Any = None
        self._frame = 0

    def update(self, poses: Poses, image: Any = None) -> Poses:
        """The same poses with ids."""
        import sleap_io

        if self._skeleton is None:
            self._skeleton = sleap_io.Skeleton(list(poses.skeleton.joints))
        people = []
        for p in range(len(poses)):
            points = poses.keypoints[p].astype(np.float64).copy()
            points[~poses.present[p]] = np.nan
            people.append(
                sleap_io.PredictedInstance.from_numpy(
                    points,
                    skeleton=self._skeleton,
                    point_scores=poses.keypoint_scores[p].astype(np.float64),
                    score=float(_scores(poses)[p]),
                )
            )
        found = self._tracker.track(people, self._frame, image)
        self._frame += 1
        place = {id(person): p for p, person in enumerate(people)}
        ids = np.full(len(poses), NO_TRACK)
        for person in found:
            track = getattr(person, "track", None)
            if track is not None and id(person) in place:
                ids[place[id(person)]] = self._number(track.name)
        return poses.replace(track_ids=ids)

    def _number(self, name: str) -> int:
        known = self.__dict__.setdefault("_names", {})
        number: int = known.setdefault(name, len(known) + 1)
        return number


class UltralyticsTracker:
    """One of ultralytics' trackers without images, such as `botsort`.

    Args:
        name: `bytetrack`, `botsort` or another of the package.
        **options: Changes to the package's own settings of that tracker.
    """

    def __init__(self, name: str, **options: Any) -> None:
        import yaml
        from ultralytics.trackers.track import TRACKER_MAP
        from ultralytics.utils import ROOT

        path = ROOT / "cfg" / "trackers" / f"{name}.yaml"
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings |= {"gmc_method": "none", **options}
        self._tracker = TRACKER_MAP[name](SimpleNamespace(**settings))

    def update(self, poses: Poses, image: Any = None) -> Poses:
        """The same poses with ids."""
        from ultralytics.engine.results import Boxes

        table = np.concatenate(
            [_boxes(poses), _scores(poses)[:, None], np.zeros((len(poses), 1))], axis=1
        )
        rows = np.asarray(self._tracker.update(Boxes(table, (720, 1280))), np.float64)
        ids = np.full(len(poses), NO_TRACK)
        if rows.size:
            ids[rows[:, 7].astype(np.int64)] = rows[:, 4].astype(np.int64)
        return poses.replace(track_ids=ids)

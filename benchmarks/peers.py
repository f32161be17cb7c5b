"""Trackers of other packages, on the tracking benchmark; those that are installed.

    python benchmarks/peers.py                  the table of poseflow benchmark tracking
    python benchmarks/peers.py --quick          fewer frames
    python benchmarks/peers.py --tune           every setting, on development seeds

Each is given the same poses; box trackers get the boxes around the joints. Each is
measured with its best setting on the development seeds: `BEST`, found with --tune.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from poseflow.arrays import Floats
from poseflow.benchmark.tracking import (
    DEV_SEEDS,
    SUITES,
    make_clip,
    mean_row,
    measure_suites,
    score_clips,
)
from poseflow.poses import NO_TRACK, Poses
from poseflow.similarity.boxes import keypoint_extent

Factory = Callable[[], Any]


def _boxes(poses: Poses) -> Floats:
    """Boxes around the joints, at least a pixel wide."""
    boxes = keypoint_extent(poses.keypoints, poses.present).astype(np.float64)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    return boxes


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
            confidence=poses.scores.astype(np.float32),
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
            [_boxes(poses), poses.scores[:, None], np.zeros((len(poses), 1))], axis=1
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
                    score=float(poses.scores[p]),
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


def _roboflow(name: str, **options: Any) -> Factory:
    return lambda: RoboflowTracker(name, **options)


def _norfair(**options: Any) -> Factory:
    return lambda: NorfairTracker(**options)


def _boxmot(name: str, **options: Any) -> Factory:
    return lambda: BoxmotTracker(name, **options)


def _sleap(name: str, **options: Any) -> Factory:
    return lambda: SleapTracker(name, **options)


LOW = {"track_activation_threshold": 0.2, "high_conf_det_threshold": 0.3}
"""Thresholds for a detector whose highest scores are 0.7."""

SETTINGS: dict[str, tuple[str, dict[str, Factory]]] = {
    "roboflow SORT": (
        "trackers",
        {
            f"iou {iou}, buffer {age}": _roboflow(
                "SORTTracker",
                minimum_iou_threshold=iou,
                lost_track_buffer=age,
                track_activation_threshold=0.1,
                minimum_consecutive_frames=2,
            )
            for iou in (0.1, 0.3)
            for age in (30, 60)
        },
    ),
    "roboflow ByteTrack": (
        "trackers",
        {
            f"iou {iou}, buffer {age}": _roboflow(
                "ByteTrackTracker",
                minimum_iou_threshold=iou,
                lost_track_buffer=age,
                **LOW,
            )
            for iou in (0.1, 0.2)
            for age in (30, 60)
        },
    ),
    "roboflow OC-SORT": (
        "trackers",
        {
            f"iou {iou}, buffer {age}": _roboflow(
                "OCSORTTracker",
                minimum_iou_threshold=iou,
                lost_track_buffer=age,
                high_conf_det_threshold=0.3,
            )
            for iou in (0.1, 0.3)
            for age in (30, 60)
        },
    ),
    "roboflow BoT-SORT": (
        "trackers",
        {
            f"buffer {age}": _roboflow(
                "BoTSORTTracker", lost_track_buffer=age, enable_cmc=False, **LOW
            )
            for age in (30, 60)
        },
    ),
    "norfair": (
        "norfair",
        {
            f"keypoints {distance}, hits {hits}": _norfair(
                distance_threshold=distance,
                hit_counter_max=hits,
                initialization_delay=2,
            )
            for distance in (0.15, 0.3)
            for hits in (15, 45)
        },
    ),
    "boxmot ByteTrack": (
        "boxmot",
        {
            f"buffer {age}": _boxmot(
                "ByteTrack", track_thresh=0.3, track_buffer=age, min_conf=0.05
            )
            for age in (30, 60)
        },
    ),
    "boxmot OC-SORT": (
        "boxmot",
        {
            f"age {age}": _boxmot(
                "OcSort", det_thresh=0.2, max_age=age, min_hits=1, min_conf=0.05
            )
            for age in (30, 60)
        },
    ),
    "sleap-nn BoT-SORT, OKS": (
        "sleap_nn",
        {
            f"{preset}, oks {spread}": _sleap(
                "botsort",
                preset=preset,
                similarity="oks",
                oks_stddev=spread,
                new_track_threshold=0.3,
                track_high_threshold=0.25,
            )
            for preset in ("animal", "paper")
            for spread in (0.1, 0.2)
        },
    ),
    "sleap-nn OC-SORT, OKS": (
        "sleap_nn",
        {
            f"{preset}": _sleap("ocsort", preset=preset, similarity="oks")
            for preset in ("animal", "paper")
        },
    ),
}
"""Per peer: the package that it needs, and the settings to choose from."""

BEST = {
    "roboflow SORT": "iou 0.1, buffer 60",
    "roboflow ByteTrack": "iou 0.1, buffer 60",
    "roboflow OC-SORT": "iou 0.3, buffer 30",
    "roboflow BoT-SORT": "buffer 30",
    "norfair": "keypoints 0.3, hits 15",
    "boxmot ByteTrack": "buffer 30",
    "boxmot OC-SORT": "age 30",
    "sleap-nn BoT-SORT, OKS": "animal, oks 0.2",
    "sleap-nn OC-SORT, OKS": "animal",
}
"""Per peer: the setting with the highest IDF1 on the development seeds."""


def best_peers() -> dict[str, Factory]:
    """Installed peers at their best setting."""
    return {label: s[BEST[label]] for label, s in installed_peers().items()}


def installed_peers() -> dict[str, dict[str, Factory]]:
    """Peers whose package is installed, with their settings."""
    return {
        label: settings
        for label, (package, settings) in SETTINGS.items()
        if importlib.util.find_spec(package) is not None
    }


def tune() -> None:
    """Print a line per setting, measured on the development seeds."""
    clips = [[make_clip(suite, seed) for seed in DEV_SEEDS[:2]] for suite in SUITES]
    for label, settings in installed_peers().items():
        for name, make in settings.items():
            row = mean_row([score_clips(make, group, label) for group in clips])
            print(
                f"{label}, {name}: IDF1 {row.idf1:.1f}, AssA {row.ass_a:.1f}, "
                f"switches {row.switches:.1f}",
                flush=True,
            )


def main() -> None:
    """Measure the installed peers and print the table, or tune them."""
    parser = argparse.ArgumentParser(description="Measure trackers of other packages.")
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    parser.add_argument("--tune", action="store_true", help="measure every setting")
    chosen = parser.parse_args()
    if chosen.tune:
        tune()
    else:
        print(measure_suites(best_peers(), quick=chosen.quick).table())


if __name__ == "__main__":
    main()

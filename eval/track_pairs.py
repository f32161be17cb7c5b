"""Similarity of tracked poses: OKS, PCK in head sizes, or IoU, of people and joints.

All pairs of people of a frame are handled at once, as rows of arrays, for a whole
sequence.

Sources: OKS, cocodataset.org/#keypoints-eval; PCKh, Andriluka et al., "2D Human Pose
Estimation: New Benchmark and State of the Art Analysis" (CVPR 2014); PCK by the box's
longer side, Yang and Ramanan, "Articulated Human Detection with Flexible Mixtures of
Parts" (TPAMI 2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.eval.box_similarity import iou_of_pairs
from poseflow.eval.metrics.similarity_table import DetectionKeys, SimilarityTable
from poseflow.poses import NO_TRACK
from poseflow.sequence import PoseSequence
from poseflow.similarity.boxes import box_area
from poseflow.skeletons.skeleton import Skeleton

Similarity = Literal["oks", "pckh", "iou"]
SIMILARITIES: tuple[Similarity, ...] = ("oks", "pckh", "iou")

PCKH_THRESHOLD = 0.5
"""Largest distance of a match, in head sizes."""
PCKH_REACH = 0.5001
"""Distance in head sizes at which a joint's similarity has fallen to 0."""
BOX_PART = 0.2
"""Head size as a part of the box's longer side, for skeletons without a head."""
HEAD_TOPS = ("head_top", "head")
NECKS = ("neck", "upper_neck", "head_bottom")


@dataclass(frozen=True, eq=False)
class PeopleColumns:
    """The people of a sequence as columns, ordered by moment.

    Attributes:
        moments: `(N,)` number of the frame among the moments of both sides.
        ids: `(N,)` identities.
        keypoints: `(N, K, 2)` pixels, NaN where missing.
        boxes: `(N, 4)` xyxy.
    """

    moments: Ints
    ids: Ints
    keypoints: Floats
    boxes: Floats

    def where(self, kept: Bools) -> PeopleColumns:
        """Some of the people, by a mask."""
        return PeopleColumns(
            self.moments[kept], self.ids[kept], self.keypoints[kept], self.boxes[kept]
        )

    @property
    def present(self) -> Bools:
        """`(N, K)` joints that are there."""
        return ~np.isnan(self.keypoints[..., 0])


@dataclass(frozen=True, eq=False)
class TrackPairs:
    """Both sides of a sequence and every pair of people of one frame.

    Attributes:
        truth: Annotated people.
        result: People of the tracker.
        joints: Names of the K joints that both skeletons have; none with `"iou"`.
        sigmas: `(K,)` OKS constants of the truth's skeleton.
        at: `(C,)` row of `truth` of each pair, ascending.
        by: `(C,)` row of `result`.
        head_sizes: `(N,)` of the annotated people in pixels, for PCKh.
    """

    truth: PeopleColumns
    result: PeopleColumns
    joints: tuple[str, ...]
    sigmas: Floats
    at: Ints
    by: Ints
    head_sizes: Floats

    def _distances(self) -> Floats:
        """`(K, C)` squared distances in pixels, NaN where either joint is missing."""
        a = self.truth.keypoints.transpose(2, 1, 0)[..., self.at]
        b = self.result.keypoints.transpose(2, 1, 0)[..., self.by]
        with np.errstate(over="ignore", invalid="ignore"):  # coordinates of 1e200
            squares: Floats = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2
        return squares

    def joint_oks(self) -> Floats:
        """`(K, C)` each joint's term of OKS; 0 where either joint is missing."""
        areas = box_area(self.truth.boxes)[self.at]
        spread = 2 * np.square(2 * self.sigmas)
        with np.errstate(over="ignore", invalid="ignore"):
            exponent = self._distances() / -spread[:, None]
            exponent /= areas + np.spacing(1)
            terms: Floats = np.nan_to_num(np.exp(exponent), copy=False)
        return terms

    def joint_pckh(self) -> Floats:
        """`(K, C)` max(0, 1 - d / 0.5001), d in head sizes; 0 where one is missing."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            distances = np.sqrt(self._distances())
            in_place = distances == 0
            distances /= self.head_sizes[self.at]
        distances[in_place] = 0
        near: Floats = np.nan_to_num(1 - distances / PCKH_REACH, copy=False)
        return np.maximum(near, 0)

    def people_similarity(self, kind: Similarity) -> Floats:
        """`(C,)` similarity of the people, in [0, 1].

        OKS: the mean of the annotated joints' terms. PCKh: the share of the annotated
        joints that match. IoU: of the boxes.
        """
        if kind == "iou":
            return iou_of_pairs(self.truth.boxes[self.at], self.result.boxes[self.by])
        annotated = self.truth.present.T[:, self.at]
        if kind == "oks":
            terms = self.joint_oks()
        else:
            terms = (self.joint_pckh() >= pckh_match()).astype(np.float64)
        total = np.where(annotated, terms, 0).sum(axis=0)
        mean: Floats = total / np.maximum(annotated.sum(axis=0), 1)
        return mean

    def people_table(self, kind: Similarity) -> SimilarityTable:
        """Whole people, one group; all pairs with a similarity above 0."""
        similarity = self.people_similarity(kind)
        near = np.flatnonzero(similarity > 0)
        truth, result = self.truth, self.result
        return SimilarityTable.build(
            DetectionKeys(np.zeros(len(truth.ids)), truth.moments, truth.ids),
            DetectionKeys(np.zeros(len(result.ids)), result.moments, result.ids),
            self.at[near],
            self.by[near],
            similarity[near],
        )

    def joint_table(self, kind: Similarity) -> SimilarityTable:
        """A group for each joint; all pairs of joints with a similarity above 0."""
        similarity = self.joint_oks() if kind == "oks" else self.joint_pckh()
        sides, rows = [], []
        for side in (self.truth, self.result):
            joint, person = np.nonzero(side.present.T)
            sides.append(DetectionKeys(joint, side.moments[person], side.ids[person]))
            row = np.full((len(self.joints), len(side.ids)), -1)
            row[joint, person] = np.arange(len(joint))
            rows.append(row)
        joint, pair = np.nonzero(similarity > 0)
        return SimilarityTable.build(
            sides[0],
            sides[1],
            rows[0][joint, self.at[pair]],
            rows[1][joint, self.by[pair]],
            similarity[joint, pair],
            len(self.joints),
        )


def pckh_match() -> float:
    """Similarity of a joint at exactly the distance of `PCKH_THRESHOLD`."""
    return 1 - PCKH_THRESHOLD / PCKH_REACH


def pair_people(
    truth: PoseSequence,
    result: PoseSequence,
    moments: tuple[Ints, Ints],
    kind: Similarity,
) -> TrackPairs:
    """Columns of both sides and all pairs of people of one moment.

    Annotated people without a joint are left out unless `kind` is `"iou"`; people
    without an id in the result always are.

    Args:
        truth: Ground truth; every person has a track id.
        result: A tracker's result.
        moments: Number of the moment of each frame of `truth` and of `result`, all
            different on each side.
        kind: The similarity that will be asked for.

    Raises:
        PoseFlowError: If an annotated person has no id, an id comes twice in a frame,
            or the skeletons have no common joint.
    """
    if kind == "iou":
        mine: list[int] = []
        theirs: list[int] = []
    else:
        mine, theirs = _common_joints(truth, result)
    a = _columns(truth, moments[0], mine)
    b = _columns(result, moments[1], theirs)
    _require_ids(a, truth, moments[0])
    b = b.where(np.asarray(b.ids != NO_TRACK))
    if kind != "iou":
        a = a.where(np.asarray(a.present.any(axis=1)))
    for side, columns, sequence, numbers in (
        ("truth", a, truth, moments[0]),
        ("result", b, result, moments[1]),
    ):
        _check_ids(columns, side, sequence, numbers)
    at, by = _same_moment(a.moments, b.moments)
    sizes: Floats = np.zeros(len(a.ids))
    if kind == "pckh":
        sizes = head_sizes(truth.skeleton, mine, a)
    sigmas = np.array(truth.skeleton.sigmas)[mine]
    names = tuple(truth.skeleton.joints[k] for k in mine)
    return TrackPairs(a, b, names, sigmas, at, by, sizes)


def head_joints(skeleton: Skeleton) -> tuple[str, str] | None:
    """The joints between which a head is measured, None if the skeleton has none."""
    top = [joint for joint in HEAD_TOPS if joint in skeleton.joints]
    neck = [joint for joint in NECKS if joint in skeleton.joints]
    return (top[0], neck[0]) if top and neck else None


def head_sizes(skeleton: Skeleton, joints: list[int], people: PeopleColumns) -> Floats:
    """Head sizes in pixels: top of the head to neck, else by the box, `(N,)`.

    A person whose head is not annotated gets the sequence's median ratio of head size
    to the box's longer side; a skeleton without a head gets `BOX_PART` of that side.

    Args:
        skeleton: Of the annotation.
        joints: Positions in the skeleton of the joints in `people`.
        people: Annotated people.
    """
    longer = (people.boxes[:, 2:] - people.boxes[:, :2]).max(axis=1, initial=0)
    ends = head_joints(skeleton)
    places = [
        joints.index(skeleton.index(end))
        for end in ends or ()
        if skeleton.index(end) in joints
    ]
    if len(places) != 2:
        of_box: Floats = BOX_PART * longer
        return of_box
    step = people.keypoints[:, places[0]] - people.keypoints[:, places[1]]
    sizes: Floats = np.sqrt(np.square(step).sum(axis=1))
    known = np.isfinite(sizes) & (longer > 0)
    ratio = np.median(sizes[known] / longer[known]) if known.any() else BOX_PART
    return np.where(np.isfinite(sizes), sizes, ratio * longer)


def _columns(sequence: PoseSequence, moments: Ints, joints: list[int]) -> PeopleColumns:
    order = np.argsort(moments, kind="stable").tolist()
    poses = [sequence[k].poses for k in order]
    counts = [len(p) for p in poses]
    none = len(joints)
    keypoints = np.concatenate(
        [np.zeros((0, none, 2)), *(p.keypoints[:, joints] for p in poses)]
    ).astype(np.float64)
    present = np.concatenate(
        [np.zeros((0, none), np.bool_), *(p.present[:, joints] for p in poses)]
    )
    keypoints[~present] = np.nan
    return PeopleColumns(
        np.repeat(moments[order], counts),
        np.concatenate([np.zeros(0, np.int64), *(p.track_ids for p in poses)]),
        keypoints,
        np.concatenate([np.zeros((0, 4)), *(p.boxes for p in poses)]),
    )


def _same_moment(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """Every pair of equal values of two ascending arrays: positions in `a` and `b`."""
    low, high = np.searchsorted(b, a, "left"), np.searchsorted(b, a, "right")
    lengths = high - low
    at = np.repeat(np.arange(len(a)), lengths)
    inside = np.arange(len(at)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return at, np.repeat(low, lengths) + inside


def _common_joints(
    truth: PoseSequence, result: PoseSequence
) -> tuple[list[int], list[int]]:
    mine, theirs = truth.skeleton, result.skeleton
    common = [joint for joint in mine.joints if joint in theirs.joints]
    if not common:
        raise PoseFlowError(
            f"skeletons {mine.name!r} (truth) and {theirs.name!r} (result) have no "
            "joint in common; convert one of them or compare boxes: similarity='iou'"
        )
    return [mine.index(j) for j in common], [theirs.index(j) for j in common]


def _frame_index(sequence: PoseSequence, moments: Ints, moment: int) -> int:
    return sequence[int(np.flatnonzero(moments == moment)[0])].index


def _require_ids(people: PeopleColumns, truth: PoseSequence, moments: Ints) -> None:
    lacking = people.moments[people.ids == NO_TRACK]
    if len(lacking):
        count = int((people.moments == lacking[0]).sum())
        raise PoseFlowError(
            f"truth {truth.name!r}, frame {_frame_index(truth, moments, lacking[0])}: "
            f"{count} people, some without a track id; every annotated person needs "
            "one"
        )


def _check_ids(
    people: PeopleColumns, side: str, sequence: PoseSequence, moments: Ints
) -> None:
    order = np.lexsort((people.ids, people.moments))
    ids, where = people.ids[order], people.moments[order]
    twice = np.flatnonzero((np.diff(ids) == 0) & (np.diff(where) == 0))
    if len(twice):
        identity, moment = ids[twice[0]], where[twice[0]]
        times = int(((ids == identity) & (where == moment)).sum())
        raise PoseFlowError(
            f"{side}, frame {_frame_index(sequence, moments, moment)}: track id "
            f"{identity} is given to {times} people; expected every id once in a frame"
        )

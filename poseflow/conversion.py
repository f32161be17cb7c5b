"""Conversion of poses between skeletons, joint by joint, by name.

A joint is copied where the other skeleton has one of that name, or of another name for
the same place; everything else is missing (score 0) unless estimates are asked for.

Where necks differ: LSP, MPII (`upper_neck`) and PoseTrack (`head_bottom`, or `neck` in
its 2017 order) mark the upper end of the neck; OpenPose and Halpe mean the middle of
the shoulders, and the upper neck lies about a fifth of the way from there to the top of
the head. Each is copied into the other, as the nearest joint.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.poses import Poses
from poseflow.sequence import Frame, PoseSequence
from poseflow.skeleton import Skeleton
from poseflow.skeletons import get

Kind = Literal["copied", "estimated", "missing"]

SYNONYMS = (
    ("neck", "head_bottom", "upper_neck"),
    ("head_top", "head"),
    ("pelvis", "mid_hip", "hip"),
)
"""Names of one joint; each replaces the others where a skeleton lacks them."""

# Medians over the 13 people of the PoseTrack18 sample with all joints involved: the
# nose lies half-way between upper neck and top of the head, and the top of the head
# one and a half times as far from the middle of the shoulders as the nose. Ears lie
# at the height of the nose.
_HEAD = 1.5

_SHOULDERS = {"left_shoulder": 0.5, "right_shoulder": 0.5}
_HIPS = {"left_hip": 0.5, "right_hip": 0.5}
_TO_SHOULDERS = {joint: (1 - _HEAD) * w for joint, w in _SHOULDERS.items()}

ESTIMATES: dict[str, tuple[dict[str, float], ...]] = {
    "neck": (_SHOULDERS,),
    "thorax": (_SHOULDERS,),
    "pelvis": (_HIPS,),
    "head_top": (
        {"nose": _HEAD, **_TO_SHOULDERS},
        {"left_ear": _HEAD / 2, "right_ear": _HEAD / 2, **_TO_SHOULDERS},
    ),
    "nose": ({"neck": 0.5, "head_top": 0.5},),
    "left_hand_root": ({"left_wrist": 1.0},),
    "right_hand_root": ({"right_wrist": 1.0},),
}
"""Joint -> weighted sums that replace it; the first whose joints exist is used.

A rule for the first name of a group of `SYNONYMS` holds for the whole group.
"""


@dataclass(frozen=True)
class JointMap:
    """Map from the joints of a source skeleton to those of a target skeleton.

    Attributes:
        source: The skeleton that is converted.
        target: The skeleton that comes out, K joints.
        kinds: For every target joint `"copied"`, `"estimated"` or `"missing"`.
        recipes: For every target joint its source joints with their weights, which add
            up to 1; empty for a missing joint.

    Examples:
        >>> from poseflow import skeletons
        >>> mapping = joint_map("coco17", "posetrack17", estimate=True)
        >>> mapping.estimated, mapping.missing
        (('neck', 'head_top'), ())
    """

    source: Skeleton
    target: Skeleton
    kinds: tuple[Kind, ...]
    recipes: tuple[tuple[tuple[str, float], ...], ...]

    def _of(self, kind: Kind) -> tuple[str, ...]:
        pairs = zip(self.target.joints, self.kinds, strict=True)
        return tuple(joint for joint, k in pairs if k == kind)

    @property
    def copied(self) -> tuple[str, ...]:
        """Target joints that the source has."""
        return self._of("copied")

    @property
    def estimated(self) -> tuple[str, ...]:
        """Target joints that are computed from others."""
        return self._of("estimated")

    @property
    def missing(self) -> tuple[str, ...]:
        """Target joints that stay empty."""
        return self._of("missing")

    @property
    def unused(self) -> tuple[str, ...]:
        """Source joints that no target joint is made from."""
        used = {joint for recipe in self.recipes for joint, _ in recipe}
        return tuple(joint for joint in self.source.joints if joint not in used)

    @cached_property
    def parents(self) -> Ints:
        """`(K, R)` source joints of every target joint, padded by repetition."""
        width = max(1, *map(len, self.recipes))
        rows = []
        for recipe in self.recipes:
            row = [self.source.index(joint) for joint, _ in recipe] or [0]
            rows.append(row + row[:1] * (width - len(row)))
        return np.array(rows, dtype=np.int64)

    @cached_property
    def weights(self) -> Floats:
        """`(K, R)` weights of `parents`; 0 in the padding and for missing joints."""
        weights = np.zeros(self.parents.shape)
        for row, recipe in zip(weights, self.recipes, strict=True):
            row[: len(recipe)] = [weight for _, weight in recipe]
        return weights

    def describe(self) -> str:
        """The mapping in words: copied, renamed, estimated, missing, left out."""
        lines = [f"{self.source.name} -> {self.target.name}: {len(self.copied)} copied"]
        renamed, estimated = [], []
        rows = zip(self.target.joints, self.kinds, self.recipes, strict=True)
        for joint, kind, recipe in rows:
            if kind == "copied" and recipe[0][0] != joint:
                renamed.append(f"{joint} from {recipe[0][0]}")
            elif kind == "estimated":
                parts = " ".join(f"{weight:+.3g} {name}" for name, weight in recipe)
                estimated.append(f"{joint} = {parts}")
        for title, items in (
            ("under another name", renamed),
            ("estimated", estimated),
            ("missing (score 0)", self.missing),
            ("left out", self.unused),
        ):
            if items:
                lines.append(f"{title}: {_shorten(items)}")
        return "\n".join(lines)


def joint_map(
    source: Skeleton | str, target: Skeleton | str, estimate: bool = False
) -> JointMap:
    """Map the joints of skeleton `source` to those of `target`, by name.

    Args:
        source: Skeleton of the given poses, or its name.
        target: Skeleton of the result, or its name.
        estimate: Fill joints by the rules of `ESTIMATES` where the source has none.

    Raises:
        PoseFlowError: If a name is unknown.

    Examples:
        >>> print(joint_map("lsp14", "posetrack17").describe())
        lsp14 -> posetrack17: 14 copied
        missing (score 0): nose
    """
    source = get(source) if isinstance(source, str) else source
    target = get(target) if isinstance(target, str) else target
    return _joint_map(source, target, estimate)


@lru_cache(maxsize=64)
def _joint_map(source: Skeleton, target: Skeleton, estimate: bool) -> JointMap:
    kinds: list[Kind] = []
    recipes: list[tuple[tuple[str, float], ...]] = []
    for joint in target.joints:
        same = _lookup(source, joint)
        if same is not None:
            kinds.append("copied")
            recipes.append(((same, 1.0),))
            continue
        recipe = _estimate(source, joint, frozenset()) if estimate else None
        kinds.append("estimated" if recipe else "missing")
        recipes.append(tuple(recipe.items()) if recipe else ())
    return JointMap(source, target, tuple(kinds), tuple(recipes))


def _group(joint: str) -> tuple[str, ...]:
    return next((group for group in SYNONYMS if joint in group), (joint,))


def _lookup(source: Skeleton, joint: str) -> str | None:
    """The source's joint of that name, or else of a synonym."""
    names = (joint, *_group(joint))
    return next((name for name in names if name in source.joints), None)


def _estimate(
    source: Skeleton, joint: str, asked: frozenset[str]
) -> dict[str, float] | None:
    """Source joints and weights that replace `joint`; None if there is no rule."""
    head = _group(joint)[0]
    if head in asked:  # a circle: nose from head_top from nose
        return None
    for rule in ESTIMATES.get(head, ()):
        total: dict[str, float] = {}
        for parent, weight in rule.items():
            same = _lookup(source, parent)
            parts = {same: 1.0} if same else _estimate(source, parent, asked | {head})
            if parts is None:
                break
            for name, part in parts.items():
                total[name] = total.get(name, 0.0) + weight * part
        else:
            return total
    return None


@overload
def convert(poses: Poses, target: Skeleton | str, estimate: bool = False) -> Poses: ...
@overload
def convert(
    poses: PoseSequence, target: Skeleton | str, estimate: bool = False
) -> PoseSequence: ...
def convert(
    poses: Poses | PoseSequence, target: Skeleton | str, estimate: bool = False
) -> Poses | PoseSequence:
    """The same people with the joints of another skeleton.

    Boxes, scores and track ids are carried over. A copied joint keeps its score, an
    estimated one has the lowest of those it is made from, and is missing if one of them
    is. Missing joints are (0, 0) with score 0.

    Args:
        poses: People of one frame, or a whole sequence.
        target: Skeleton or its name.
        estimate: Compute joints that the source lacks, where there is a rule.

    Raises:
        PoseFlowError: If a name is unknown.

    Examples:
        >>> import numpy as np
        >>> lsp = Poses(np.ones((1, 14, 2)), skeleton="lsp14")
        >>> convert(lsp, "posetrack17").present.sum()
        np.int64(14)
        >>> convert(lsp, "posetrack17", estimate=True).present.sum()
        np.int64(15)
    """
    if isinstance(poses, PoseSequence):
        mapping = joint_map(poses.skeleton, target, estimate)
        frames = tuple(
            Frame(f.index, f.time, _apply(f.poses, mapping), f.image, f.name)
            for f in poses
        )
        return PoseSequence(frames, mapping.target, poses.name, poses.size, poses.fps)
    return _apply(poses, joint_map(poses.skeleton, target, estimate))


def _apply(poses: Poses, mapping: JointMap) -> Poses:
    if mapping.source == mapping.target:
        return poses
    dtype = poses.keypoints.dtype
    parents, weights = mapping.parents, mapping.weights
    scores: npt.NDArray[Any] = poses.keypoint_scores[:, parents].min(axis=2)
    scores = np.where(weights.any(axis=1), scores, 0)
    points = poses.keypoints[:, parents].astype(np.float64)
    points = (points * weights[..., None]).sum(axis=2)
    points[scores <= 0] = 0
    return Poses(
        points,
        scores,
        poses.boxes,
        poses.scores,
        poses.track_ids,
        mapping.target,
        dtype=dtype,
    )


def _shorten(items: list[str] | tuple[str, ...], most: int = 20) -> str:
    more = f", ... ({len(items)} in all)" if len(items) > most else ""
    return ", ".join(items[:most]) + more

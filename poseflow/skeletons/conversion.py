"""Conversion of poses between skeletons, joint by joint, by name.

A joint is copied where the other skeleton has one of that name, or of another name for
the same place; everything else is missing (score 0) unless estimates are asked for.

Where necks differ: LSP, MPII (`upper_neck`) and PoseTrack (`head_bottom`, or `neck` in
its 2017 order) mark the upper end of the neck; OpenPose and Halpe mean the middle of
the shoulders, and the upper neck lies about a fifth of the way from there to the top of
the head. Each is copied into the other, as the nearest joint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import zip_longest
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Ints
from poseflow.poses import Poses
from poseflow.sequence import PoseSequence
from poseflow.skeletons import get
from poseflow.skeletons.skeleton import Skeleton

Kind = Literal["copied", "estimated", "missing"]

SYNONYMS = (
    ("neck", "head_bottom", "upper_neck"),
    ("head_top", "head"),
    ("pelvis", "mid_hip", "hip"),
)
"""Names of one joint; each replaces the others where a skeleton lacks them."""

NECK_AT_SHOULDERS = ("openpose18", "body25", "halpe26", "halpe136")
"""Skeletons whose `neck` is the middle of the shoulders."""


def _middle(joint: str, weight: float = 1.0) -> dict[str, float]:
    """The middle of the left and the right joint, times a weight."""
    return {f"left_{joint}": weight / 2, f"right_{joint}": weight / 2}


def _from_shoulders(towards: dict[str, float], factor: float) -> dict[str, float]:
    """The middle of the shoulders moved by `factor` of the way to another place."""
    moved = {joint: factor * weight for joint, weight in towards.items()}
    return {**moved, **_middle("shoulder", 1 - factor)}


_EARS = _middle("ear")
_NOSE = {"nose": 1.0}

# Factors for upper neck and top of the head: fitted to every tenth image of LSPET (see
# docs/skeletons.md), between the labels and joints that MoveNet finds. The nose lies
# half-way between the two (13 people of a PoseTrack18 sample).
ESTIMATES: dict[str, tuple[dict[str, float], ...]] = {
    "neck": (
        _from_shoulders(_EARS, 0.3),
        _from_shoulders(_NOSE, 0.3),
        _middle("shoulder"),
    ),
    "thorax": (_middle("shoulder"),),
    "pelvis": (_middle("hip"),),
    "head_top": (_from_shoulders(_EARS, 1.75), _from_shoulders(_NOSE, 1.4)),
    "nose": ({"neck": 0.5, "head_top": 0.5},),
    "left_hand_root": ({"left_wrist": 1.0},),
    "right_hand_root": ({"right_wrist": 1.0},),
}
"""Joint -> weighted sums that replace it, best first. Of each person the first is used
whose joints the person has.

A rule for the first name of a group of `SYNONYMS` holds for the whole group.
"""

Recipe = tuple[tuple[str, float], ...]
"""Source joints with their weights, which add up to 1; empty for a missing joint."""


@dataclass(frozen=True)
class JointMap:
    """Map from the joints of a source skeleton to those of a target skeleton.

    Attributes:
        source: The skeleton that is converted.
        target: The skeleton that comes out, K joints.
        kinds: For every target joint `"copied"`, `"estimated"` or `"missing"`.
        recipes: What every target joint is made from.
        fallbacks: For every target joint the recipes for people who lack joints of the
            first one, best first.

    Examples:
        >>> from poseflow import skeletons
        >>> mapping = joint_map("coco17", "posetrack17", estimate=True)
        >>> mapping.estimated, mapping.missing
        (('neck', 'head_top'), ())
    """

    source: Skeleton
    target: Skeleton
    kinds: tuple[Kind, ...]
    recipes: tuple[Recipe, ...]
    fallbacks: tuple[tuple[Recipe, ...], ...]

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
        used = {
            joint for layer in self._layers for recipe in layer for joint, _ in recipe
        }
        return tuple(joint for joint in self.source.joints if joint not in used)

    @property
    def _choices(self) -> list[tuple[Recipe, ...]]:
        """For every target joint its recipe and the fallbacks."""
        pairs = zip(self.recipes, self.fallbacks, strict=True)
        return [(first, *others) for first, others in pairs]

    @property
    def _layers(self) -> tuple[tuple[Recipe, ...], ...]:
        """First, second, ... recipes of all target joints; empty where none is left."""
        return tuple(zip_longest(*self._choices, fillvalue=()))

    @cached_property
    def tables(self) -> tuple[tuple[Ints, Floats], ...]:
        """Of the recipes, then of each rank of fallbacks: source joints, weights.

        Both are `(K, R)`. Rows are padded with weights of 0.
        """
        return tuple(map(self._table, self._layers))

    def _table(self, layer: Sequence[Recipe]) -> tuple[Ints, Floats]:
        width = max(1, *map(len, layer))
        parents = np.zeros((len(layer), width), np.int64)
        weights = np.zeros((len(layer), width))
        for row, recipe in enumerate(layer):
            for column, (joint, weight) in enumerate(recipe):
                parents[row, column] = self.source.index(joint)
                weights[row, column] = weight
            # So that a padded joint changes no minimum of scores.
            parents[row, len(recipe) :] = parents[row, 0]
        return parents, weights

    def describe(self) -> str:
        """The mapping in words: copied, renamed, estimated, missing, left out."""
        lines = [f"{self.source.name} -> {self.target.name}: {len(self.copied)} copied"]
        renamed, estimated = [], []
        rows = zip(self.target.joints, self.kinds, self._choices, strict=True)
        for joint, kind, every in rows:
            if kind == "copied" and every[0][0][0] != joint:
                renamed.append(f"{joint} from {every[0][0][0]}")
            elif kind == "estimated":
                estimated.append(f"{joint} = {' or '.join(map(_sum, every))}")
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
    choices: list[tuple[Recipe, ...]] = []
    for joint in target.joints:
        same = _lookup(source, joint)
        if same is not None:
            kinds.append("copied")
            choices.append((((same, 1.0),),))
            continue
        at_shoulders = joint == "neck" and target.name in NECK_AT_SHOULDERS
        place = "thorax" if at_shoulders else joint
        sums = list(_estimates(source, place, frozenset())) if estimate else []
        kinds.append("estimated" if sums else "missing")
        choices.append(tuple(tuple(each.items()) for each in sums) or ((),))
    return JointMap(
        source,
        target,
        tuple(kinds),
        tuple(first for first, *_ in choices),
        tuple(tuple(others) for _, *others in choices),
    )


def _group(joint: str) -> tuple[str, ...]:
    return next((group for group in SYNONYMS if joint in group), (joint,))


def _lookup(source: Skeleton, joint: str) -> str | None:
    """The source's joint of that name, or else of a synonym."""
    names = (joint, *_group(joint))
    return next((name for name in names if name in source.joints), None)


def _estimates(
    source: Skeleton, joint: str, asked: frozenset[str]
) -> Iterator[dict[str, float]]:
    """Source joints and weights that replace `joint`, by each rule that applies."""
    head = _group(joint)[0]
    if head in asked:  # a circle: nose from head_top from nose
        return
    for rule in ESTIMATES.get(head, ()):
        total: dict[str, float] = {}
        for parent, weight in rule.items():
            same = _lookup(source, parent)
            parts = {same: 1.0} if same else None
            parts = parts or next(_estimates(source, parent, asked | {head}), None)
            if parts is None:
                break
            for name, part in parts.items():
                total[name] = total.get(name, 0.0) + weight * part
        else:
            yield total


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
    estimated one has the lowest of those it is made from, by the best rule whose joints
    the person has, and is missing if there is none. Missing joints are (0, 0) with
    score 0.

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
        frames = tuple(replace(f, poses=_apply(f.poses, mapping)) for f in poses)
        return replace(poses, frames=frames, skeleton=mapping.target)
    return _apply(poses, joint_map(poses.skeleton, target, estimate))


def _apply(poses: Poses, mapping: JointMap) -> Poses:
    if mapping.source == mapping.target:
        return poses
    dtype = poses.keypoints.dtype
    shape = len(poses), len(mapping.target)
    points = np.zeros((*shape, 2))
    scores = np.zeros(shape, poses.keypoint_scores.dtype)
    for parents, weights in mapping.tables:
        lowest: npt.NDArray[Any] = poses.keypoint_scores[:, parents].min(axis=2)
        new = (lowest > 0) & (scores <= 0) & weights.any(axis=1)
        places = poses.keypoints[:, parents].astype(np.float64)
        points[new] = (places * weights[..., None]).sum(axis=2)[new]
        scores[new] = lowest[new]
    return Poses(
        points,
        scores,
        poses.boxes,
        poses.scores,
        poses.track_ids,
        mapping.target,
        dtype=dtype,
    )


def _sum(recipe: Recipe) -> str:
    """A weighted sum in words."""
    return " ".join(f"{weight:+.3g} {name}" for name, weight in recipe)


def _shorten(items: list[str] | tuple[str, ...], most: int = 20) -> str:
    more = f", ... ({len(items)} in all)" if len(items) > most else ""
    return ", ".join(items[:most]) + more

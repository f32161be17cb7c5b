"""ORB matcher (`orb`): features on people, matched by Hamming distance nearby.

ORB is from Rublee et al., "ORB: an efficient alternative to SIFT or SURF" (ICCV 2011),
the ratio test from Lowe (IJCV 2004). The released tracker finds 10,000 features in the
whole frame, twice, and matches all with all by FLANN. This matcher searches around
people only, keeps a frame's features for the next pair, and compares a feature only
with those within reach; the association uses no others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from poseflow.arrays import Bools, Floats, Image, Ints
from poseflow.poses import Poses
from poseflow.similarity.boxes import keypoint_extent
from poseflow.tracker.base import FrameContext
from poseflow.validation import check_options, option, require

Boxes: TypeAlias = Ints

EDGE_PX = 12
"""Pixels at the border of a crop without features: their patch exceeds the crop."""

ENOUGH_FEATURES = 0.3
"""Fraction of the requested features below which faint corners are searched."""

SMALLEST_CROP_PX = 2 * EDGE_PX + 8
"""Crops with a shorter side are not searched."""

NO_POINTS = np.zeros((0, 2), np.float32)
NO_DESCRIPTORS = np.zeros((0, 32), np.uint8)

FEW_FEATURES = 16
"""With fewer features per cell on average, cells are made larger."""


@dataclass(frozen=True)
class OrbOptions:
    """Parameters of the `orb` matcher.

    Attributes:
        features: Most features per frame, distributed by area among the people.
        levels: Levels of the image pyramid, each 1.2 times coarser than the previous.
        fast_threshold: Grey levels by which a FAST corner must differ from its
            surroundings.
        faint_threshold: The same for people on whom that finds few corners; at most
            `fast_threshold`.
        margin_fraction: Margin of the search region around the joints, over the
            person's longer side.
        reach_fraction: Largest displacement of a feature, over the median person's
            longer side.
        ratio: Lowe's test: the best distance must be below this fraction of the second
            best within reach.
        maximum_distance_bits: Most of 256 bits in which matched descriptors may differ.
    """

    features: int = option(1000, low=1)
    levels: int = option(4, low=1, high=16)
    fast_threshold: int = option(20, low=1, high=255)
    faint_threshold: int = option(7, low=1, high=255)
    margin_fraction: float = option(0.15, low=0)
    reach_fraction: float = option(0.4, low=0)
    ratio: float = option(0.8, low=0, high=1)
    maximum_distance_bits: int = option(64, low=0, high=256)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)
        require("faint_threshold", self.faint_threshold, 1, self.fast_threshold)


@dataclass(frozen=True)
class Features:
    """Features of one frame: `(N, 2)` float32 points, `(N, 32)` uint8 descriptors."""

    points: Floats
    descriptors: Image
    size: tuple[int, int]
    person: float

    def __len__(self) -> int:
        """Number of features, N."""
        return len(self.points)


@dataclass
class OrbMatcher:
    """Correspondences by ORB features; a `Matcher`."""

    options: OrbOptions = field(default_factory=OrbOptions)

    def __post_init__(self) -> None:
        """Start without a previous frame."""
        self._orbs: tuple[Any, Any] | None = None
        self._before: Features | None = None

    def reset(self) -> None:
        """Start a new sequence."""
        self._before = None

    def match(self, frame: FrameContext, poses: Poses) -> Floats | None:
        """Correspondences of the previous frame to this one, `(M, 4)` float64.

        None where either frame has no image, or their sizes differ.
        """
        before, self._before = self._before, None
        if frame.image is None:
            return None
        now = self._before = self._features(frame.image, poses)
        if before is None or before.size != now.size:
            return None
        reach = self.options.reach_fraction * max(before.person, now.person)
        pairs = match_nearby(
            before, now, reach, self.options.ratio, self.options.maximum_distance_bits
        )
        return np.concatenate(
            [before.points[pairs[:, 0]], now.points[pairs[:, 1]]], axis=1
        ).astype(np.float64)

    def _detect(self, grey: Image, share: int) -> tuple[Any, Any]:
        """Keypoints and descriptors; with the faint threshold where corners are few."""
        import cv2

        if self._orbs is None:
            options = self.options
            self._orbs = tuple(  # type: ignore[assignment]
                # The usual edge of 31 pixels would leave nothing of a small person.
                cv2.ORB.create(
                    nlevels=options.levels,
                    fastThreshold=threshold,
                    edgeThreshold=EDGE_PX,
                )
                for threshold in (options.fast_threshold, options.faint_threshold)
            )
        assert self._orbs is not None
        for orb in self._orbs:
            orb.setMaxFeatures(share)
            found, described = orb.detectAndCompute(grey, None)
            if len(found) >= ENOUGH_FEATURES * share:
                break
        return found, described

    def _features(self, image: Image, poses: Poses) -> Features:
        import cv2

        options = self.options
        size = (image.shape[1], image.shape[0])
        crops, person = people_crops(poses, size, options.margin_fraction)
        areas = _areas(crops).astype(np.float64)
        shares = np.maximum(options.features * areas / max(areas.sum(), 1.0), 1)
        points, descriptors = [NO_POINTS], [NO_DESCRIPTORS]
        for k, ((x1, y1, x2, y2), share) in enumerate(
            zip(crops.tolist(), shares.round().astype(int).tolist(), strict=True)
        ):
            crop = image[y1:y2, x1:x2]
            grey = crop if crop.ndim == 2 else _grey(crop)
            found, described = self._detect(grey, share)
            if described is None or not len(found):
                continue
            at = np.asarray(cv2.KeyPoint.convert(found)) + np.array([x1, y1])
            # Features in an earlier crop are known: copies would fail the ratio test.
            new = ~_covered(at, crops[:k])
            points.append(at[new].astype(np.float32))
            descriptors.append(described[new])
        return Features(
            np.concatenate(points), np.concatenate(descriptors), size, person
        )


def _covered(points: Floats, crops: Boxes) -> Bools:
    """Which of `(N, 2)` points lie in the inner part of one of the crops."""
    x, y = points[:, :1], points[:, 1:]
    inside = (x >= crops[:, 0] + EDGE_PX) & (x < crops[:, 2] - EDGE_PX)
    inside &= (y >= crops[:, 1] + EDGE_PX) & (y < crops[:, 3] - EDGE_PX)
    covered: Bools = np.asarray(inside.any(axis=1))
    return covered


def _grey(crop: Image) -> Image:
    import cv2

    if crop.shape[2] == 1:
        return np.ascontiguousarray(crop[..., 0])
    return cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]


def people_crops(
    poses: Poses, size: tuple[int, int], margin: float
) -> tuple[Boxes, float]:
    """Rectangles around all people, joined where that is less area to search.

    Args:
        poses: People; only joints that are present count.
        size: Width and height of the image.
        margin: Margin on each side, over each person's longer side.

    Returns:
        `(C, 4)` xyxy crops, end exclusive, and the median longer side of a person in
        pixels (0 without people).
    """
    there = poses.present.any(axis=1)
    boxes = keypoint_extent(poses.keypoints, poses.present)[there].astype(np.float64)
    if not len(boxes):
        return np.zeros((0, 4), np.int64), 0.0
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    grow = (margin * longer + EDGE_PX)[:, None]
    low = np.maximum(np.floor(boxes[:, :2] - grow), 0)
    high = np.minimum(np.ceil(boxes[:, 2:] + grow), size)
    crops = np.concatenate([low, high], axis=1)
    crops = crops[((high - low) >= SMALLEST_CROP_PX).all(axis=1)].astype(np.int64)
    return _joined(crops), float(np.median(longer))


def _joined(crops: Boxes) -> Boxes:
    """Replace crops by their hull where that makes less area to search."""
    k = 0
    while k < len(crops):
        hulls = np.concatenate(
            [
                np.minimum(crops[:, :2], crops[k, :2]),
                np.maximum(crops[:, 2:], crops[k, 2:]),
            ],
            axis=1,
        )
        saves = _areas(crops) + _areas(crops[k]) - _areas(hulls)
        saves[k] = -1
        best = int(saves.argmax())
        if saves[best] < 0:
            k += 1
            continue
        crops = np.concatenate([np.delete(crops, [k, best], axis=0), hulls[[best]]])
        k = 0
    return crops


def _areas(crops: Boxes) -> Boxes:
    sides = crops[..., 2:] - crops[..., :2]
    areas: Boxes = sides[..., 0] * sides[..., 1]
    return areas


def match_nearby(
    before: Features, now: Features, reach: float, ratio: float, max_distance: int
) -> Ints:
    """Match descriptors of two frames, each only with those within reach.

    The plane is divided into cells of once or twice the reach; the features of a cell
    are compared with those of the cell grown by `reach` on each side. A feature of
    either frame takes part in one match at most, the nearest.

    Args:
        before: Features of the earlier frame.
        now: Features of the later frame.
        reach: Pixels.
        ratio: Of Lowe's test.
        max_distance: Bits.

    Returns:
        `(M, 2)` numbers of features, ascending by the first.
    """
    import cv2

    if not len(before) or not len(now):
        return np.zeros((0, 2), np.int64)
    reach = max(reach, 1.0)
    side = reach
    cells, order, starts = _cells(before.points, side)
    if len(starts) * FEW_FEATURES > len(before):  # calls cost more than distances
        side = 2 * reach
        cells, order, starts = _cells(before.points, side)
    by_y = np.argsort(now.points[:, 1], kind="stable")
    sorted_y = now.points[by_y, 1]
    first, second, distance = [], [], []
    for members in np.split(order, starts[1:]):
        low = cells[members[0]] * side - reach
        high = low + side + 2 * reach
        rows = by_y[slice(*np.searchsorted(sorted_y, (low[1], high[1])))]
        x = now.points[rows, 0]
        rows = rows[(x >= low[0]) & (x < high[0])]
        if not len(rows):
            continue
        bits, which = cv2.batchDistance(
            before.descriptors[members],
            now.descriptors[rows],
            cv2.CV_32S,
            normType=cv2.NORM_HAMMING,
            K=min(2, len(rows)),
        )
        good = bits[:, 0] <= max_distance
        if bits.shape[1] > 1:
            good &= bits[:, 0] < ratio * bits[:, 1]
        first.append(members[good])
        second.append(rows[which[good, 0]])
        distance.append(bits[good, 0])
    if not first:
        return np.zeros((0, 2), np.int64)
    pairs = np.stack([np.concatenate(first), np.concatenate(second)], axis=1)
    # Nearest first, then one match for every feature of the later frame.
    pairs = pairs[np.lexsort((pairs[:, 0], np.concatenate(distance)))]
    _, nearest = np.unique(pairs[:, 1], return_index=True)
    pairs = pairs[nearest]
    return pairs[np.argsort(pairs[:, 0])]


def _cells(points: Floats, side: float) -> tuple[Boxes, Boxes, Boxes]:
    """Cell of every point, points ordered by cell, and where each cell starts."""
    cells = np.floor(points / side).astype(np.int64)
    key = cells[:, 1] * (1 << 20) + cells[:, 0]
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=key[order[0]] - 1))
    return cells, order, starts

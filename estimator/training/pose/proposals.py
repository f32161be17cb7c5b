"""Pose-guided proposals (PGPG of RMPE): training boxes with a detector's errors.

Source: Fang et al., "RMPE" (ICCV 2017), section 3.4: the offset between a detected box
and the true one depends on the pose, so it is learned for each typical pose ("atom").
Where RMPE fits a Gaussian mixture to an atom's offsets, this is a kernel density
estimate with Scott's bandwidth, which needs no fit.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.cluster.vq import kmeans2

from poseflow.arrays import Floats, Ints
from poseflow.errors import PoseFlowError
from poseflow.estimator.training.pose.dataset import People
from poseflow.estimator.training.pose.metrics import torso_sizes
from poseflow.similarity.boxes import box_iou
from poseflow.skeletons.skeleton import Skeleton

ATOMS = 8
LEAST_OFFSETS = 20
"""An atom with fewer offsets samples from those of all people."""

LEAST_SIDE = 0.2
"""A sampled box keeps at least this share of the true one's sides."""

MATCH_IOU = 0.5


@dataclass(frozen=True)
class Proposals:
    """Distribution of the offsets between a detector's boxes and the true ones.

    Attributes:
        atom_of: `(N,)` the typical pose of each person.
        offsets: For each atom `(M, 4)`: detected minus true corner, in sides of the
            true box.
    """

    atom_of: Ints
    offsets: tuple[Floats, ...]

    def sample(self, person: int, box: Floats, rng: np.random.Generator) -> Floats:
        """Sample a box for a person from the offsets of its atom.

        Args:
            person: Row in the table that the proposals were learned from.
            box: `(4,)` xyxy, the true box.
            rng: Random numbers.
        """
        known = self.offsets[self.atom_of[person]]
        bandwidth = known.std(axis=0) * len(known) ** (-1 / 8)  # Scott, 4 dimensions
        offset = known[rng.integers(len(known))] + rng.normal(size=4) * bandwidth
        sides = np.tile(box[2:] - box[:2], 2)
        drawn: Floats = box + offset * sides
        centre = (drawn[:2] + drawn[2:]) / 2
        half = np.maximum(drawn[2:] - drawn[:2], LEAST_SIDE * sides[:2]) / 2
        return np.concatenate([centre - half, centre + half])


def learn_proposals(people: People, skeleton: Skeleton, seed: int = 0) -> Proposals:
    """Learn the offsets of a detector from the people that it found.

    Args:
        people: With `detected`, NaN for missed people.
        skeleton: Their joints.
        seed: Of the clustering.

    Raises:
        PoseFlowError: If the detector found too few of them.
    """
    sides = np.tile(people.boxes[:, 2:] - people.boxes[:, :2], 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        offsets = (people.detected - people.boxes) / sides
    found = np.isfinite(offsets).all(axis=1)
    if found.sum() < LEAST_OFFSETS:
        raise PoseFlowError(
            f"augment.proposals: expected detections of at least {LEAST_OFFSETS} "
            f"people, got {found.sum()}; name a file of a detector's boxes in the "
            "field detections of the data sets"
        )
    aligned = _aligned(people, skeleton)
    rng = np.random.Generator(np.random.PCG64(seed))
    first = aligned[rng.choice(len(aligned), min(ATOMS, len(aligned)), replace=False)]
    with warnings.catch_warnings():
        # Empty atoms are allowed.
        warnings.simplefilter("ignore", UserWarning)
        _, atom_of = kmeans2(aligned, first, minit="matrix")
    all_offsets = offsets[found]
    per_atom = []
    for atom in range(ATOMS):
        own = offsets[found & (atom_of == atom)]
        per_atom.append(own if len(own) >= LEAST_OFFSETS else all_offsets)
    return Proposals(atom_of.astype(np.int64), tuple(per_atom))


def _aligned(people: People, skeleton: Skeleton) -> Floats:
    """Poses `(N, 2K)` relative to their boxes' centres, torsos of the same length.

    Joints without a label take the mean position of that joint.
    """
    size = torso_sizes(people.keypoints, people.labelled, skeleton)
    diagonal = np.linalg.norm(people.boxes[:, 2:] - people.boxes[:, :2], axis=1)
    diagonal = np.maximum(diagonal, 1e-3)
    known = np.isfinite(size)
    share = np.median(size[known] / diagonal[known]) if known.any() else 1.0
    size = np.where(known, size, diagonal * share)
    centre = (people.boxes[:, :2] + people.boxes[:, 2:]) / 2
    poses = (people.keypoints - centre[:, None]) / np.maximum(size, 1e-3)[:, None, None]
    count = np.maximum(people.labelled.sum(axis=0), 1)[:, None]
    mean = np.where(people.labelled[..., None], poses, 0).sum(axis=0) / count
    filled: Floats = np.where(people.labelled[..., None], poses, mean)
    return filled.reshape(len(filled), -1)


def best_detections(boxes: Floats, detections: Floats) -> Floats:
    """Match each box with the detection that overlaps it most, NaN below an IoU of 0.5.

    Args:
        boxes: `(N, 4)` xyxy, the people of one image.
        detections: `(M, 4)` xyxy of the same image.

    Returns:
        `(N, 4)`.
    """
    matched = np.full((len(boxes), 4), np.nan, np.float32)
    if len(detections) and len(boxes):
        overlap = box_iou(boxes, detections)
        best = overlap.argmax(axis=1)
        near = overlap.max(axis=1) >= MATCH_IOU
        matched[near] = detections[best[near]]
    return matched

"""Training samples of pose networks: augmented crops of people, seeded and ordered."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from poseflow.arrays import Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.training.augment import (
    crop_matrix,
    half_body_box,
    lower_body,
    random_box,
    vary_colours,
)
from poseflow.estimator.training.config import AugmentConfig, InputConfig
from poseflow.estimator.training.pose.dataset import People
from poseflow.estimator.training.pose.proposals import learn_proposals
from poseflow.skeletons.skeleton import Skeleton

SampleKey = tuple[int, int]
"""Epoch and row of a sample: with the seed, they determine its random numbers."""

MOST_PIXELS = 2**15 - 1
"""Largest side of an image that OpenCV can warp, pixels."""

NOWHERE = -1e4
"""Coordinate of absent joints: far from every crop."""


class PoseBatch(NamedTuple):
    """A batch of B people, as sent by a worker process.

    Attributes:
        crops: `(B, H, W, 3)` uint8 BGR.
        joints: `(B, K, 2)` float32, crop pixels; `NOWHERE` for those that are absent.
        weights: `(B, K)` float32, 0 for joints to ignore.
        matrices: `(B, 2, 3)` float64, image to crop pixels.
        person: `(B,)` position in the table of people.
    """

    crops: Tensor
    joints: Tensor
    weights: Tensor
    matrices: Tensor
    person: Tensor

    @property
    def labelled(self) -> Tensor:
        """`(B, K)` bool, True for joints that are present and labelled."""
        return (self.weights > 0) & (self.joints > NOWHERE).all(-1)


class PoseSamples(Dataset[PoseBatch]):
    """Crops of people, augmented unless `augment` is None.

    Args:
        people: The people.
        skeleton: Their joints.
        input: Size and margin of the crops.
        augment: Data augmentation.
        seed: Of the augmentation.
    """

    def __init__(
        self,
        people: People,
        skeleton: Skeleton,
        input: InputConfig,
        augment: AugmentConfig | None = None,
        seed: int = 0,
    ) -> None:
        self.people = people
        self.input = input
        self.augment = augment
        self.seed = seed
        self._flip = skeleton.flip_indices
        self._lower = lower_body(skeleton)
        self._proposals = None
        if augment is not None and augment.proposals:
            self._proposals = learn_proposals(people, skeleton, seed)

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, key: SampleKey | int) -> PoseBatch:
        """One person, as a batch without the first axis."""
        epoch, index = key if isinstance(key, tuple) else (0, key)
        people, augment = self.people, self.augment
        joints = people.keypoints[index].astype(np.float64)
        labelled = people.labelled[index]
        box = people.boxes[index]
        absent, image = bool(people.absent[index]), read_or_skip(people, index)
        rng = None
        if augment is not None:
            rng = np.random.Generator(np.random.PCG64((self.seed, epoch, index)))
        if absent:
            box = random_box(image, rng)
        elif augment is not None and rng is not None:
            half = half_body_box(joints, labelled, self._lower, augment, rng)
            box = box if half is None else half
            if self._proposals is not None and rng.random() < augment.proposals:
                box = self._proposals.sample(index, people.boxes[index], rng)
        size = (self.input.width, self.input.height)
        matrix, mirrored = crop_matrix(box, size, self.input.margin, augment, rng)

        weights = labelled.astype(np.float32)
        if absent:
            weights = np.ones_like(weights)
        if not image.size:
            image, weights = np.zeros((1, 1, 3), np.uint8), np.zeros_like(weights)
        crop = np.asarray(cv2.warpAffine(image, matrix, size), np.uint8)

        joints = joints @ matrix[:, :2].T + matrix[:, 2]
        if mirrored:
            joints, weights = joints[self._flip], weights[self._flip]
        if augment is not None and rng is not None:
            crop = vary_colours(crop, augment, rng)
        if absent:
            joints = np.full_like(joints, NOWHERE)
        elif augment is not None:
            # Joints outside of the crop do not count.
            outside = (joints < 0) | (joints > np.array(size) - 1)
            weights = np.where(outside.any(axis=1), 0, weights)
        return PoseBatch(
            torch.from_numpy(crop),
            torch.from_numpy(joints.astype(np.float32)),
            torch.from_numpy(weights.astype(np.float32)),
            torch.from_numpy(matrix),
            torch.tensor(index),
        )


def read_or_skip(people: People, index: int) -> Image:
    """Read the image `(H, W, 3)` of a person; an empty one if it cannot be used."""
    image_index = int(people.image_of[index])
    try:
        image = people.image_files.read(image_index)
        if max(image.shape) > MOST_PIXELS:
            raise PoseFlowError(
                f"{people.image_files.names[image_index]}: expected at most "
                f"{MOST_PIXELS} pixels a side, got {image.shape[1]} x {image.shape[0]}"
            )
    except PoseFlowError as error:
        # One unreadable image must not end hours of training: its loss is 0.
        warnings.warn(f"left out: {error}", stacklevel=3)
        return np.zeros((0, 0, 3), np.uint8)
    return image


class SeededBatches(Sampler[list[SampleKey]]):
    """Batches of one epoch in seeded order: this process's share, from any step on.

    Args:
        count: Number of people.
        batch_size: People a step over all processes; the incomplete last step of an
            epoch is dropped, unless it is the only one.
        seed: Of the order.
        rank: This process.
        world: Number of processes that share each step.

    Attributes:
        epoch: To be set before iterating.
        start: First step, to be set before iterating.
    """

    def __init__(
        self, count: int, batch_size: int, seed: int, rank: int = 0, world: int = 1
    ) -> None:
        if batch_size % world:
            raise PoseFlowError(
                f"batch_size: expected a multiple of the {world} processes, got "
                f"{batch_size}"
            )
        self.count = count
        self.batch_size = min(batch_size, max(count - count % world, world))
        self.seed = seed
        self.rank = rank
        self.world = world
        self.epoch = 0
        self.start = 0

    @property
    def steps(self) -> int:
        """Steps of a whole epoch."""
        return max(self.count // self.batch_size, 1)

    def __len__(self) -> int:
        """Remaining steps of this epoch."""
        return self.steps - self.start

    def __iter__(self) -> Iterator[list[SampleKey]]:
        rng = np.random.Generator(np.random.PCG64((self.seed, self.epoch)))
        order = np.resize(rng.permutation(self.count), self.steps * self.batch_size)
        share = self.batch_size // self.world
        for step in range(self.start, self.steps):
            first = step * self.batch_size + self.rank * share
            yield [(self.epoch, int(k)) for k in order[first : first + share]]


def single_thread_worker(_: int) -> None:
    """Limit a loading process to one thread."""
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def plain_loader(
    samples: PoseSamples, batch_size: int, workers: int
) -> DataLoader[PoseBatch]:
    """All people once, in order."""
    return DataLoader(
        samples, batch_size, num_workers=workers, worker_init_fn=single_thread_worker
    )

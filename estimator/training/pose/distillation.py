"""Knowledge distillation: learning from a trained network's heatmaps as well as labels.

The teacher is run on every person once, before training, on crops turned by several
angles and mirrored. The mean of its heatmaps is part of the student's target, however
the student's crop is augmented. Such a mean is right more often than the teacher on the
plain crop, and softens labels that are wrong or have left and right exchanged.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (2015); Zhang et
al., "Fast Human Pose Estimation" (CVPR 2019) for heatmaps as targets; Radosavovic et
al., "Data Distillation" (CVPR 2018) for the mean over transformed images.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from poseflow.arrays import Floats, Image
from poseflow.estimator.devices import to_device
from poseflow.estimator.networks.smallpose import SmallPose
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.training.augment import crop_matrix
from poseflow.estimator.training.config import TeacherConfig
from poseflow.estimator.training.pose import affine
from poseflow.estimator.training.pose.dataset import People
from poseflow.estimator.training.pose.samples import (
    PoseBatch,
    read_or_skip,
    single_thread_worker,
)
from poseflow.estimator.weights import NetworkDescription, load_network
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import atomic_path

log = logging.getLogger(__name__)

PEOPLE_PER_STEP = 8
"""People that the teacher is run on in one step, each in all views."""

LEAST_SHARE = 0.5
"""A distribution of which less than this share lies in the crop is of a joint outside
of it."""


class Teacher:
    """The mean heatmaps of a trained network for all people of a run.

    Args:
        config: Which weights, on which views, and their share of the target.
        people: All people of the run, in order.
        skeleton: The joints of the run.
        folder: Keeps the heatmaps, in half precision, so that a resumed run need not
            compute them again.
        device: Where the network runs.
        softmax: Whether the student's maps are distributions.
        bfloat16: Whether the network runs in bfloat16.
        workers: Processes that load images.

    Raises:
        PoseFlowError: If the weights have other joints.
    """

    def __init__(
        self,
        config: TeacherConfig,
        people: People,
        skeleton: Skeleton,
        folder: Path,
        device: torch.device,
        *,
        softmax: bool = False,
        bfloat16: bool = False,
        workers: int = 0,
    ) -> None:
        loaded = load_network(config.weights)
        description = loaded.description
        description.require_joints(skeleton, f"teacher: {config.weights}")
        self.config = config
        self._softmax = softmax
        self._flip = torch.from_numpy(skeleton.flip_indices).to(device)
        first, self._row_of = _distinct(people)
        self._crops = np.array(
            [_crop(people.boxes[index], description) for index in first]
        ).reshape(-1, 2, 3)
        digest = _digest(config, people, first, softmax, bfloat16)
        path = folder / f"teacher-{digest}.npy"
        if not path.exists():
            log.info("%s: predicting %d people", config.weights, len(first))
            views = _Views(people, first, self._crops, description, config)
            module = to_device(loaded.module, device)

            def predict(crops: Tensor) -> Tensor:
                image = network_input(crops, description.mean, description.std, device)
                with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                    return _heatmaps(module, image, softmax)

            folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as beside:
                _save_mean_heatmaps(beside, views, predict, self._flip, workers)
        self._heatmaps = np.load(path, mmap_mode="r")
        self._stride = description.width / self._heatmaps.shape[3]

    def correct(
        self, batch: PoseBatch, target: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mix the teacher's heatmaps into targets and weights.

        Args:
            batch: B of the people, as the student gets them.
            target: `(B, K, h, w)` from the labels.
            weights: `(B, K)`, 0 for joints without a label.

        Returns:
            The weighted mean of both targets where there is a label, the teacher's
            where there is none; and the weights, where the latter count as configured.
            Crops without people, and joints that the teacher finds outside of the crop,
            stay as they were.
        """
        rows = self._row_of[batch.person.numpy()]
        size = (target.shape[3], target.shape[2])
        to_crop = batch.matrices.numpy()
        # From pixels of the student's map over its crop and the image to the teacher's.
        matrices = affine.rescale(
            affine.compose(self._crops[rows], affine.invert(to_crop)),
            batch.crops.shape[2] / size[0],
            self._stride,
        )
        heatmaps = torch.from_numpy(self._heatmaps[rows]).to(target.device)
        taught = _warp(heatmaps.float(), matrices, size)
        mirrored = np.linalg.det(to_crop[:, :, :2]) < 0
        which = torch.from_numpy(mirrored)[:, None, None, None].to(target.device)
        taught = torch.where(which, taught[:, self._flip], taught)
        valid = torch.from_numpy(rows >= 0).to(target.device)[:, None]
        if self._softmax:
            # A warp that enlarges a distribution adds to its sum.
            growth = np.abs(np.linalg.det(matrices[:, :, :2]))
            total = taught.sum(dim=(2, 3))
            inside = total * torch.from_numpy(growth).float().to(target.device)[:, None]
            valid = valid & (inside >= LEAST_SHARE)
            taught = taught / total.clamp(min=1e-6)[..., None, None]
            target = target / target.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
        labelled, share = weights > 0, self.config.share
        mixed = torch.where(
            (valid & labelled)[..., None, None],
            share * taught + (1 - share) * target,
            torch.where(valid[..., None, None], taught, target),
        )
        unlabelled = torch.full_like(weights, self.config.unlabelled)
        return mixed, torch.where(valid & ~labelled, unlabelled, weights)


class _Views(Dataset[Image]):
    """Crops of each person, turned and mirrored: `(V, H, W, 3)`, BGR."""

    def __init__(
        self,
        people: People,
        rows: npt.NDArray[np.intp],
        crops: Floats,
        description: NetworkDescription,
        config: TeacherConfig,
    ) -> None:
        self.people, self.rows, self.crops = people, rows, crops
        self.size = (description.width, description.height)
        middle = ((description.width - 1) / 2, (description.height - 1) / 2)
        self.views: list[tuple[Floats, bool]] = []
        for angle in config.angles:
            turn = np.asarray(cv2.getRotationMatrix2D(middle, angle, 1.0), np.float64)
            self.views.append((turn, False))
            if config.mirror:
                mirror = np.array([[-1.0, 0, description.width - 1], [0, 1, 0]])
                self.views.append((affine.compose(mirror, turn), True))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Image:
        image = read_or_skip(self.people, int(self.rows[row]))
        if not image.size:
            image = np.zeros((1, 1, 3), np.uint8)
        matrices = [affine.compose(view, self.crops[row]) for view, _ in self.views]
        crops = [cv2.warpAffine(image, matrix, self.size) for matrix in matrices]
        return np.asarray(np.stack(crops), np.uint8)


@torch.no_grad()
def _save_mean_heatmaps(
    path: Path,
    views: _Views,
    predict: Callable[[Tensor], Tensor],
    flip: Tensor,
    workers: int,
) -> None:
    """Write the mean over views of each person's heatmaps as `(N, K, h, w)` float16."""
    loader = DataLoader(
        views, PEOPLE_PER_STEP, num_workers=workers, worker_init_fn=single_thread_worker
    )
    width, height = views.size
    blank = torch.zeros(1, height, width, 3, dtype=torch.uint8)
    shape = (len(views), *predict(blank).shape[1:])
    saved = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    done = 0
    for crops in loader:
        maps = predict(crops.flatten(0, 1)).view(*crops.shape[:2], *shape[1:])
        mean = _mean(maps, views, flip)
        saved[done : done + len(mean)] = mean.half().cpu().numpy()
        done += len(mean)
    saved.flush()


def _heatmaps(module: nn.Module, image: Tensor, softmax: bool) -> Tensor:
    """Heatmaps; or distributions, if both networks put them out."""
    if softmax and isinstance(module, SmallPose) and module.softmax:
        logits = module.logits(image).float()
        return logits.flatten(2).softmax(dim=2).view_as(logits)
    heatmaps: Tensor = module(image)
    return heatmaps.float().clamp(min=0)


def _mean(maps: Tensor, views: _Views, flip: Tensor) -> Tensor:
    """Mean over views `(B, V, K, h, w)`, each warped back to the plain crop."""
    size = (maps.shape[4], maps.shape[3])
    stride = views.size[0] / size[0]
    total = torch.zeros_like(maps[:, 0])
    for number, (view, mirrored) in enumerate(views.views):
        matrix = affine.rescale(view, stride, stride)
        plain = _warp(maps[:, number], np.repeat(matrix[None], len(maps), axis=0), size)
        total += plain[:, flip] if mirrored else plain
    return total / len(views.views)


def _distinct(people: People) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """First row of each distinct person, and which of these each row is; -1 for none.

    Rows of crops without people are of no person.
    """
    place: dict[tuple[str, str, bytes], int] = {}
    first: list[np.intp] = []
    rows = np.full(len(people), -1)
    for index in np.flatnonzero(~people.absent):
        key = _key(people, index)
        if key not in place:
            place[key] = len(first)
            first.append(index)
        rows[index] = place[key]
    return np.array(first, np.intp), rows


def _key(people: People, index: np.intp) -> tuple[str, str, bytes]:
    image_index = people.image_of[index]
    container = people.image_files.containers[
        people.image_files.container_of[image_index]
    ]
    box = people.boxes[index].tobytes()
    return str(container), people.image_files.names[image_index], box


def _digest(
    config: TeacherConfig,
    people: People,
    rows: npt.NDArray[np.intp],
    softmax: bool,
    bfloat16: bool,
) -> str:
    """Digest of everything that the teacher's heatmaps depend on."""
    options = (config.angles, config.mirror, softmax, bfloat16)
    inputs = (options, [_key(people, row) for row in rows])
    digest = hashlib.sha256(repr(inputs).encode())
    digest.update(Path(config.weights).read_bytes())
    return digest.hexdigest()[:16]


def _crop(box: npt.NDArray[np.float32], description: NetworkDescription) -> Floats:
    size = (description.width, description.height)
    matrix, _ = crop_matrix(box, size, description.margin, None, None)
    return matrix


def _warp(maps: Tensor, matrices: Floats, size: tuple[int, int]) -> Tensor:
    """Affine warp of maps `(B, K, h, w)`, bilinear, 0 outside.

    Args:
        maps: What is warped.
        matrices: `(B, 2, 3)`, from new pixels to those of `maps`.
        size: New width and height.
    """
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ matrices[:, None].transpose(
        0, 1, 3, 2
    )
    last = np.array([maps.shape[3] - 1, maps.shape[2] - 1])
    grid = torch.from_numpy((2 * places / last - 1).astype(np.float32))
    return functional.grid_sample(maps, grid.to(maps.device), align_corners=True)

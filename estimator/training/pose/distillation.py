"""Learning from a trained network besides the labels.

The teacher looks at every person once, before training, from several angles and in the
mirror; the mean of its answers is what the pupil hears, however a crop is varied. Such
a mean is right more often than the teacher itself, and softens labels that are wrong or
have left and right exchanged.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (2015); Zhang et
al., "Fast Human Pose Estimation" (CVPR 2019) for heatmaps as targets; Radosavovic et
al., "Data Distillation" (CVPR 2018) for the mean over transformed pictures.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from poseflow.arrays import Floats, Image
from poseflow.errors import PoseFlowError
from poseflow.estimator.devices import to_device
from poseflow.estimator.networks.smallpose import SmallPose
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.training import affine
from poseflow.estimator.training.augment import crop_matrix
from poseflow.estimator.training.config import TeacherConfig
from poseflow.estimator.training.pose.dataset import People
from poseflow.estimator.training.pose.samples import Batch, quiet_worker, usable_picture
from poseflow.estimator.weights import (
    NetworkDescription,
    load_network,
    write_atomically,
)
from poseflow.skeleton import Skeleton

log = logging.getLogger(__name__)

TOGETHER = 8
"""People whom the teacher looks at in one step, each from all angles."""

LEAST_SHARE = 0.5
"""A distribution of which less than this share lies in the crop is of a joint outside
of it."""


class Teacher:
    """A network's opinions on all people of a run, each heard once.

    Args:
        config: Which weights, how they look, and how much they say.
        people: Everybody in the run, in order.
        skeleton: The joints of the run.
        folder: Keeps the opinions, in half precision, so that a run that goes on need
            not ask again.
        device: Where the network runs.
        softmax: Whether the pupil's maps are distributions.
        bfloat16: Whether the network answers in bfloat16.
        workers: Processes that load pictures.

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
        what = loaded.description
        if what.joints != skeleton.joints:
            raise PoseFlowError(
                f"teacher: {config.weights}: its joints are "
                f"{', '.join(what.joints)}; the run's are {', '.join(skeleton.joints)}"
            )
        self.config = config
        self._softmax = softmax
        self._flip = torch.from_numpy(skeleton.flip_indices).to(device)
        first, self._row_of = _distinct(people)
        self._crops = np.array(
            [_crop(people.boxes[index], what) for index in first]
        ).reshape(-1, 2, 3)
        path = (
            folder / f"teacher-{_digest(config, people, first, softmax, bfloat16)}.npy"
        )
        if not path.exists():
            log.info("%s looks at %d people", config.weights, len(first))
            module = to_device(loaded.module, device)
            views = _Views(people, first, self._crops, what, config)
            loader = DataLoader(
                views, TOGETHER, num_workers=workers, worker_init_fn=quiet_worker
            )

            def answer(crops: Tensor) -> Tensor:
                image = network_input(crops, what.mean, what.std, device)
                with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                    return _maps(module, image, softmax)

            @torch.no_grad()
            def ask(beside: Path) -> None:
                blank = torch.zeros(1, what.height, what.width, 3, dtype=torch.uint8)
                shape = (len(first), *answer(blank).shape[1:])
                kept = np.lib.format.open_memmap(beside, "w+", np.float16, shape)
                done = 0
                for crops in loader:
                    maps = answer(crops.flatten(0, 1))
                    mean = _mean(
                        maps.view(*crops.shape[:2], *shape[1:]), views, self._flip
                    )
                    kept[done : done + len(mean)] = mean.half().cpu().numpy()
                    done += len(mean)
                kept.flush()

            write_atomically(path, ask)
        self._opinions = np.load(path, mmap_mode="r")
        self._stride = what.width / self._opinions.shape[3]

    def correct(
        self, batch: Batch, target: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Targets and weights with the teacher's opinion in them.

        Args:
            batch: B of the people, as they are shown to the pupil.
            target: `(B, K, h, w)` from the labels.
            weights: `(B, K)`, 0 for joints without a label.

        Returns:
            The mean of both opinions where there is a label, the teacher's where there
            is none; and the weights, where the latter count as configured. Places
            without people, and joints that the teacher sees outside of the crop, stay
            as they were.
        """
        rows = self._row_of[batch.who.numpy()]
        size = (target.shape[3], target.shape[2])
        to_crop = batch.matrices.numpy()
        # Pixels of the pupil's map, of its crop, of the picture, of the teacher's.
        ways = affine.strided(
            affine.after(self._crops[rows], affine.inverse(to_crop)),
            batch.crops.shape[2] / size[0],
            self._stride,
        )
        opinions = torch.from_numpy(self._opinions[rows]).to(target.device)
        seen = _warp(opinions.float(), ways, size)
        mirrored = np.linalg.det(to_crop[:, :, :2]) < 0
        which = torch.from_numpy(mirrored)[:, None, None, None].to(target.device)
        seen = torch.where(which, seen[:, self._flip], seen)
        valid = torch.from_numpy(rows >= 0).to(target.device)[:, None]
        if self._softmax:
            # A warp that enlarges a distribution adds to its sum.
            growth = np.abs(np.linalg.det(ways[:, :, :2]))
            total = seen.sum(dim=(2, 3))
            inside = total * torch.from_numpy(growth).float().to(target.device)[:, None]
            valid = valid & (inside >= LEAST_SHARE)
            seen = seen / total.clamp(min=1e-6)[..., None, None]
            target = target / target.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
        labelled, share = weights > 0, self.config.share
        mixed = torch.where(
            (valid & labelled)[..., None, None],
            share * seen + (1 - share) * target,
            torch.where(valid[..., None, None], seen, target),
        )
        silent = torch.full_like(weights, self.config.unlabelled)
        return mixed, torch.where(valid & ~labelled, silent, weights)


class _Views(Dataset[Image]):
    """Each person as the teacher sees them: `(V, H, W, 3)`, BGR."""

    def __init__(
        self,
        people: People,
        who: npt.NDArray[np.intp],
        crops: Floats,
        what: NetworkDescription,
        config: TeacherConfig,
    ) -> None:
        self.people, self.who, self.crops = people, who, crops
        self.size = (what.width, what.height)
        middle = ((what.width - 1) / 2, (what.height - 1) / 2)
        self.angles: list[tuple[Floats, bool]] = []
        for angle in config.angles:
            turn = np.asarray(cv2.getRotationMatrix2D(middle, angle, 1.0), np.float64)
            self.angles.append((turn, False))
            if config.mirror:
                mirror = np.array([[-1.0, 0, what.width - 1], [0, 1, 0]])
                self.angles.append((affine.after(mirror, turn), True))

    def __len__(self) -> int:
        return len(self.who)

    def __getitem__(self, row: int) -> Image:
        image = usable_picture(self.people, int(self.who[row]))
        if not image.size:
            image = np.zeros((1, 1, 3), np.uint8)
        ways = [affine.after(matrix, self.crops[row]) for matrix, _ in self.angles]
        seen = [cv2.warpAffine(image, way, self.size) for way in ways]
        return np.asarray(np.stack(seen), np.uint8)


def _maps(module: nn.Module, image: Tensor, softmax: bool) -> Tensor:
    """Heatmaps, or the distributions behind them where the pupil has some as well."""
    if softmax and isinstance(module, SmallPose) and module.softmax:
        logits = module.logits(image).float()
        return logits.flatten(2).softmax(dim=2).view_as(logits)
    heatmaps: Tensor = module(image)
    return heatmaps.float().clamp(min=0)


def _mean(maps: Tensor, views: _Views, flip: Tensor) -> Tensor:
    """Of answers `(B, V, K, h, w)`, each brought back to the plain crop."""
    size = (maps.shape[4], maps.shape[3])
    stride = views.size[0] / size[0]
    total = torch.zeros_like(maps[:, 0])
    for view, (matrix, mirrored) in enumerate(views.angles):
        way = affine.strided(matrix, stride, stride)
        seen = _warp(maps[:, view], np.repeat(way[None], len(maps), axis=0), size)
        total += seen[:, flip] if mirrored else seen
    return total / len(views.angles)


def _distinct(people: People) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The first row of everybody, and which of these each row is; -1 for nobody."""
    place: dict[tuple[str, str, bytes], int] = {}
    who: list[np.intp] = []
    rows = np.full(len(people), -1)
    for index in np.flatnonzero(~people.absent):
        key = _key(people, index)
        if key not in place:
            place[key] = len(who)
            who.append(index)
        rows[index] = place[key]
    return np.array(who, np.intp), rows


def _key(people: People, index: np.intp) -> tuple[str, str, bytes]:
    picture = people.picture_of[index]
    container = people.pictures.containers[people.pictures.container_of[picture]]
    box = people.boxes[index].tobytes()
    return str(container), people.pictures.names[picture], box


def _digest(
    config: TeacherConfig,
    people: People,
    who: npt.NDArray[np.intp],
    softmax: bool,
    bfloat16: bool,
) -> str:
    """Of all that the opinions depend on."""
    looks = (config.angles, config.mirror, softmax, bfloat16)
    asked = (looks, [_key(people, k) for k in who])
    digest = hashlib.sha256(repr(asked).encode())
    digest.update(Path(config.weights).read_bytes())
    return digest.hexdigest()[:16]


def _crop(box: npt.NDArray[np.float32], what: NetworkDescription) -> Floats:
    matrix, _ = crop_matrix(box, (what.width, what.height), what.margin, None, None)
    return matrix


def _warp(maps: Tensor, ways: Floats, size: tuple[int, int]) -> Tensor:
    """Maps `(B, K, h, w)` at the places that pixels of the new size come from.

    Args:
        maps: What is warped; 0 around it.
        ways: `(B, 2, 3)`, from new pixels to those of `maps`.
        size: New width and height.
    """
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    places = np.stack([x, y, np.ones_like(x)], axis=-1) @ ways[:, None].transpose(
        0, 1, 3, 2
    )
    last = np.array([maps.shape[3] - 1, maps.shape[2] - 1])
    grid = torch.from_numpy((2 * places / last - 1).astype(np.float32))
    return functional.grid_sample(maps, grid.to(maps.device), align_corners=True)

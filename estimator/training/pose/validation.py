"""Validation of pose networks on labelled people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from poseflow.estimator.devices import choose_device, to_device
from poseflow.estimator.topdown.crop import network_input
from poseflow.estimator.topdown.heatmap import decode_heatmaps, flip_back
from poseflow.estimator.training.config import InputConfig, TrainConfig
from poseflow.estimator.training.pose import affine
from poseflow.estimator.training.pose.metrics import (
    Predictions,
    heatmap_accuracy,
    mirrored_share,
    oks_ap,
    pck,
    torso_sizes,
)
from poseflow.estimator.training.pose.readers import read_people
from poseflow.estimator.training.pose.samples import (
    PoseBatch,
    PoseSamples,
    plain_loader,
)
from poseflow.estimator.training.pose.viewpoint_groups import group_people
from poseflow.estimator.weights import load_network
from poseflow.skeletons.skeleton import Skeleton

PCKH_THRESHOLD = 0.5


@dataclass(frozen=True)
class GroupAccuracy:
    """Accuracy on a group of people; see `PoseReport`."""

    people: int
    pck02: float
    pck05: float
    mirrored: float


@dataclass(frozen=True)
class PoseReport:
    """Accuracy on a split; fractions in [0, 1], NaN where nothing could be measured.

    Attributes:
        people: Number of people.
        acc: Heatmap accuracy, as training recipes print it.
        pck02: PCK at 0.2 torso, over all labelled joints.
        pck05: PCK at 0.5 torso.
        pckh: PCK at half the head size.
        ap: OKS AP with annotated boxes.
        mirrored: Share of people whose prediction fits better with left and right
            exchanged.
        joints: PCK at 0.2 and 0.5 torso of each joint, by name.
        groups: The same metrics of people by stance and viewpoint, by name.
    """

    people: int
    acc: float
    pck02: float
    pck05: float
    pckh: float
    ap: float
    mirrored: float
    joints: dict[str, tuple[float, float]]
    groups: dict[str, GroupAccuracy]

    @property
    def score(self) -> float:
        """PCK@0.2, or `acc` if no torso is labelled."""
        return self.pck02 if np.isfinite(self.pck02) else self.acc

    def to_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON; NaN as None."""
        values = asdict(self)
        joints = {
            joint: [_or_none(v) for v in pair] for joint, pair in self.joints.items()
        }
        groups = {
            name: {k: _or_none(v) for k, v in group.items()}
            for name, group in values["groups"].items()
        }
        plain = {k: _or_none(v) for k, v in values.items()}
        return plain | {"joints": joints, "groups": groups}

    def table(self) -> str:
        """A table for a terminal, percentages."""
        lines = [f"{'joint':<16}{'PCK@0.2':>9}{'PCK@0.5':>9}"]
        for joint, (near, far) in self.joints.items():
            lines.append(f"{joint:<16}{100 * near:>9.1f}{100 * far:>9.1f}")
        lines.append(f"{'all':<16}{100 * self.pck02:>9.1f}{100 * self.pck05:>9.1f}")
        lines.append(
            f"acc {100 * self.acc:.1f}  PCKh@0.5 {100 * self.pckh:.1f}  "
            f"OKS AP {100 * self.ap:.1f}  mirrored {100 * self.mirrored:.1f}  "
            f"({self.people} people)"
        )
        if self.groups:
            lines.append(f"{'people':<20}{'':>5}{'PCK@0.2':>9}{'PCK@0.5':>9}  mirrored")
        for name, group in self.groups.items():
            near, far = 100 * group.pck02, 100 * group.pck05
            lines.append(
                f"{name:<20}{group.people:>5}{near:>9.1f}{far:>9.1f}"
                f"{100 * group.mirrored:>10.1f}"
            )
        return "\n".join(lines)


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


@torch.inference_mode()
def predict(
    network: nn.Module,
    samples: PoseSamples,
    skeleton: Skeleton,
    device: torch.device,
    *,
    batch_size: int = 64,
    workers: int = 0,
    flip_test: bool = False,
    bfloat16: bool = False,
) -> Predictions:
    """Run a network on every person, in order.

    Args:
        network: Crops `(B, 3, H, W)` to heatmaps `(B, K, h, w)`; left in eval mode.
        samples: The people, not augmented.
        skeleton: Defines left and right joints for the flip test.
        device: Of the network.
        batch_size: People in a batch.
        workers: Loading processes.
        flip_test: Average with the mirrored crop.
        bfloat16: Run the network in bfloat16.
    """
    network.eval()
    rows: list[tuple[np.ndarray[Any, Any], ...]] = []
    for raw in plain_loader(samples, batch_size, workers):
        batch = PoseBatch(*raw)
        image = network_input(
            batch.crops, samples.input.mean, samples.input.std, device
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            maps = network(image).float().cpu().numpy()
            if flip_test:
                mirrored = network(image.flip(3)).float().cpu().numpy()
                maps = (maps + flip_back(mirrored, skeleton)) / 2
        count, joints, height, width = maps.shape
        points, scores = decode_heatmaps(maps)
        stride = samples.input.width / width
        truth = batch.joints.numpy() / stride
        y, x = np.divmod(maps.reshape(count, joints, -1).argmax(axis=2), width)
        error = np.hypot(
            (x - truth[..., 0]) / (width / 10), (y - truth[..., 1]) / (height / 10)
        )
        to_image = affine.invert(batch.matrices.numpy())
        rows.append(
            (
                affine.transform_points(points * stride, to_image),
                scores,
                affine.transform_points(truth * stride, to_image),
                batch.labelled.numpy(),
                error,
            )
        )
    return Predictions(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def report(found: Predictions, samples: PoseSamples, skeleton: Skeleton) -> PoseReport:
    """Metrics of predictions for the people of `samples`."""
    people = samples.people
    distances = np.linalg.norm(found.keypoints - found.truth, axis=2)
    torso = torso_sizes(found.truth, found.labelled, skeleton)
    near, pck02 = pck(distances, found.labelled, torso, 0.2)
    far, pck05 = pck(distances, found.labelled, torso, 0.5)
    _, pckh = pck(distances, found.labelled, people.head_sizes, PCKH_THRESHOLD)
    return PoseReport(
        people=int((~people.absent).sum()),
        acc=heatmap_accuracy(found.heatmap_error, found.labelled),
        pck02=pck02,
        pck05=pck05,
        pckh=pckh,
        ap=oks_ap(found, people.areas, people.boxes, people.image_of, skeleton),
        mirrored=mirrored_share(found, skeleton),
        joints={
            joint: (float(near[k]), float(far[k]))
            for k, joint in enumerate(skeleton.joints)
        },
        groups={
            name: _group(found.of(mask), skeleton)
            for name, mask in group_people(
                found.truth, found.labelled, skeleton
            ).items()
        },
    )


def _group(found: Predictions, skeleton: Skeleton) -> GroupAccuracy:
    distances = np.linalg.norm(found.keypoints - found.truth, axis=2)
    torso = torso_sizes(found.truth, found.labelled, skeleton)
    return GroupAccuracy(
        people=len(found.truth),
        pck02=pck(distances, found.labelled, torso, 0.2)[1],
        pck05=pck(distances, found.labelled, torso, 0.5)[1],
        mirrored=mirrored_share(found, skeleton),
    )


def validate_pose_network(
    config: TrainConfig,
    weights: str | Path,
    *,
    split: str = "validate",
    device: str = "auto",
) -> PoseReport:
    """Validate a pose network's weights on a configuration's data.

    Crops are made according to the weights' metadata; the configuration gives the data
    and the skeleton.

    Args:
        config: A training configuration.
        weights: File with weights of any known network.
        split: `validate` or `test`.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises:
        PoseFlowError: If the split has no data, or the weights have other joints than
            the configuration's skeleton.
    """
    datasets = config.data.held_out(split)
    skeleton = config.target()
    loaded = load_network(weights)
    description = loaded.description
    description.require_joints(skeleton, weights)
    people = read_people(datasets, Path(config.data.root), skeleton)
    seen = InputConfig(
        width=description.width,
        height=description.height,
        mean=description.mean,
        std=description.std,
        margin=description.margin,
    )
    samples = PoseSamples(people, skeleton, seen)
    place = choose_device(device)
    module = to_device(loaded.module, place)
    found = predict(
        module,
        samples,
        skeleton,
        place,
        workers=config.data.workers,
        flip_test=config.flip_test,
    )
    return report(found, samples, skeleton)

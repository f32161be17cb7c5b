"""Draw what each option of the default tracker does: docs/images/parameters/*.png.

Run `python tools/parameter_pictures.py docs/images/parameters`. Each picture has two
timelines of one synthetic clip, with two values of the option. A row is a person of the
ground truth, a colour an id; grey is a person who is found and has no id, white one who
is missed. The title counts the ids, and those that only false positives have.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment

import poseflow
from poseflow import Frame, PoseSequence, synthetic
from poseflow.similarity.oks import oks

NOT_TRACKED = -1
MISSED = -2


@dataclass(frozen=True)
class Picture:
    """One option, two values of it, and a clip in which they differ."""

    option: str
    values: tuple[Any, Any]
    suite: str
    seed: int
    frames: int = 200
    noise: str = "detector"
    images: bool = False
    final: bool = False
    others: dict[str, Any] = field(default_factory=dict)


PICTURES = (
    Picture("max_age_frames", (10, 150), "wall", 3),
    Picture("confirmation_score", (0.05, 0.5), "noisy", 1, noise="noisy"),
    Picture("gate_body_lengths", (0.2, 1.2), "low_fps", 2, frames=80),
    Picture("duplicate_similarity", (1.0, 0.65), "noisy", 3, noise="noisy"),
    Picture("max_tracks", (None, 5), "leave_and_reenter", 1),
    Picture("appearance", (False, True), "leave_and_reenter", 0, images=True),
    Picture("reid_frames", (30, 1500), "leave_and_reenter", 0, images=True),
    Picture("delay_frames", (0, 20), "street", 2, frames=80, final=True),
)


def timeline(truth: PoseSequence, frames: list[Frame]) -> tuple[Any, int]:
    """Ids by person and frame, and the number of ids that only false positives have."""
    people = sorted(truth.track_ids)
    row = {track_id: number for number, track_id in enumerate(people)}
    table = np.full((len(people), len(truth)), MISSED)
    right: set[int] = set()
    wrong: set[int] = set()
    for real, found in zip(truth, frames, strict=True):
        a, b = real.poses, found.poses
        areas = np.prod(a.boxes[:, 2:] - a.boxes[:, :2], axis=1)
        similarity = oks(a.keypoints, b.keypoints, areas, a.skeleton.sigmas, a.present)
        matched = set()
        for i, j in zip(*linear_sum_assignment(-similarity), strict=True):
            if similarity[i, j] >= 0.4:
                table[row[int(a.track_ids[i])], real.index] = b.track_ids[j]
                matched.add(int(j))
        ids = b.track_ids.tolist()
        right |= {ids[j] for j in matched}
        wrong |= {ids[j] for j in range(len(b)) if j not in matched}
    return table, len(wrong - right - {NOT_TRACKED})


def runs(picture: Picture) -> Iterator[tuple[Any, Any, int]]:
    """(value, timeline, false ids) of both values."""
    scene = synthetic.make_scene(
        picture.suite, seed=picture.seed, frames=picture.frames, size=(480, 270)
    )
    truth = scene.truth()
    noise = synthetic.NoiseModel.preset(picture.noise)
    poses = noise.apply(truth, seed=picture.seed)
    images = [frame.image for frame in scene] if picture.images else None
    for value in picture.values:
        options = {**picture.others, picture.option: value}
        frames = list(
            poseflow.track(
                images, poses=poses, final=picture.final, images=False, **options
            )
        )
        yield value, *timeline(truth, frames)


def draw(picture: Picture, folder: Path) -> None:
    """Draw one picture and print how many ids each value gives."""
    # Steps of seven put unlike colours side by side; the map's greys mean "no id".
    hues = [k * 7 % 20 for k in range(20) if k * 7 % 20 not in {14, 15}]
    colours = np.array([plt.get_cmap("tab20")(k)[:3] for k in hues])
    figure, axes = plt.subplots(
        1, 2, figsize=(8, 1.9), sharey=True, layout="constrained"
    )
    for axis, (value, table, false_ids) in zip(axes, runs(picture), strict=True):
        order = {t: k for k, t in enumerate(dict.fromkeys(table[table > 0].tolist()))}
        image = np.ones((*table.shape, 3))
        image[table == NOT_TRACKED] = 0.8
        for track_id, number in order.items():
            image[table == track_id] = colours[number % len(colours)]
        axis.imshow(image, aspect="auto", interpolation="nearest")
        axis.set_title(
            f"{picture.option} = {value}: {len(order)} ids"
            + (f", {false_ids} of false positives" if false_ids else ""),
            fontsize=9,
        )
        axis.set_yticks([])
        axis.set_xlabel("frame", fontsize=8)
        axis.tick_params(labelsize=8)
        print(picture.option, value, len(order), false_ids, table.shape[0])
    axes[0].set_ylabel("person", fontsize=8)
    figure.savefig(folder / f"{picture.option}.png", dpi=90)
    plt.close(figure)


def main() -> None:
    """Draw all pictures, or those named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("options", nargs="*")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        if not given.options or picture.option in given.options:
            draw(picture, given.folder)


if __name__ == "__main__":
    main()

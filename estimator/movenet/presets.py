"""Presets of MoveNet: the views of an image, and whether joints are refined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.movenet import INPUT_MULTIPLE
from poseflow.skeletons import get
from poseflow.validation import require

SKELETON = get("coco17")

LEAST_SCORE = 0.2
"""People with lower scores are left out, unless another threshold is asked for."""


@dataclass(frozen=True)
class View:
    """One input of MultiPose.

    Attributes:
        size: Longer side of the scaled image, pixels.
        mirrored: Whether the image is mirrored.
    """

    size: int
    mirrored: bool = False


@dataclass(frozen=True)
class Preset:
    """What a quality stands for.

    Attributes:
        views: MultiPose's inputs. Larger ones find smaller people, and miss large ones.
        refine: Whether Thunder estimates the joints of each person again.
        single: Network for the joints in given boxes, `thunder` or `lightning`.
    """

    views: tuple[View, ...]
    refine: bool = False
    single: str = "thunder"


PRESETS: Mapping[str, Preset] = {
    "fast": Preset((View(384),), single="lightning"),
    "balanced": Preset((View(256, mirrored=True), View(512))),
    "best": Preset(
        (
            View(256),
            View(256, mirrored=True),
            View(384, mirrored=True),
            View(448),
            View(768),
        ),
        refine=True,
    ),
}
"""By the name of the quality."""


def preset(quality: str, input_size: int | None = None) -> Preset:
    """The preset of a quality, scaled to an input size.

    Args:
        quality: A name in `PRESETS`.
        input_size: Size of the largest view, pixels; the others change in proportion.

    Raises:
        PoseFlowError: If there is no such quality, or the size is out of its range.
    """
    if quality not in PRESETS:
        raise PoseFlowError(f"quality: expected {', '.join(PRESETS)}, got {quality!r}")
    chosen = PRESETS[quality]
    if input_size is None:
        return chosen
    require("input_size", input_size, 64, 4096, whole=True)
    return replace(chosen, views=scaled_views(chosen.views, input_size))


def scaled_views(views: Sequence[View], largest_px: int) -> tuple[View, ...]:
    """Views in the same proportions, the largest of a given size, multiples of 32.

    Examples:
        >>> scaled_views([View(256, mirrored=True), View(512)], 768)
        (View(size=384, mirrored=True), View(size=768, mirrored=False))
    """
    scale = largest_px / max(view.size for view in views)
    return tuple(
        replace(
            view,
            size=max(round(view.size * scale / INPUT_MULTIPLE), 1) * INPUT_MULTIPLE,
        )
        for view in views
    )

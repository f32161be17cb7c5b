"""Presets of MoveNet: the views of an image, and whether joints are refined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from poseflow.errors import PoseFlowError
from poseflow.estimator.movenet.layout import INPUT_MULTIPLE
from poseflow.skeletons import get
from poseflow.validation import require

SKELETON = get("coco17")

LEAST_SCORE = 0.2
"""People with lower scores are left out, unless another threshold is asked for."""


GROWTH_FROM_PX, MOST_GROWTH = 1280, 2.0
"""Views grow with the longer side of images from this one on, up to this factor: people
are smaller in high resolutions."""


@dataclass(frozen=True)
class View:
    """One input of MultiPose.

    Attributes:
        size: Longer side of the scaled image, pixels.
        mirrored: Whether the image is mirrored.
    """

    size: int
    mirrored: bool = False

    def scaled(self, scale: float) -> View:
        """A view of another size, a multiple of 32 pixels.

        Examples:
            >>> View(256, mirrored=True).scaled(1.5)
            View(size=384, mirrored=True)
        """
        steps = max(round(self.size * scale / INPUT_MULTIPLE), 1)
        return replace(self, size=steps * INPUT_MULTIPLE)


@dataclass(frozen=True)
class Preset:
    """What a quality stands for.

    Attributes:
        views: MultiPose's inputs. Larger ones find smaller people, and miss large ones.
        refine_below: The second stage estimates the joints of people with lower scores
            again, and tells people from furniture: 0 for none, 1 for all.
        single: Network of the second stage, and for the joints in given boxes:
            `thunder` or `lightning`.
        follower: The same in boxes that a tracker predicts.
        grows: Whether views grow with the image.
        tiles: Whether the part of a large image where people are small is searched
            again, enlarged.
    """

    views: tuple[View, ...]
    refine_below: float = 0.0
    single: str = "thunder"
    follower: str = "lightning"
    grows: bool = True
    tiles: bool = True


PRESETS: Mapping[str, Preset] = {
    "fast": Preset((View(384),), refine_below=0.7, single="lightning", tiles=False),
    "balanced": Preset((View(256, mirrored=True), View(512)), refine_below=0.75),
    "best": Preset(
        (
            View(256),
            View(256, mirrored=True),
            View(384, mirrored=True),
            View(512),
            View(768),
        ),
        refine_below=1.0,
        follower="thunder",
    ),
}
"""By the name of the quality."""


def preset(quality: str, input_size: int | None = None) -> Preset:
    """The preset of a quality, scaled to an input size.

    Args:
        quality: A name in `PRESETS`.
        input_size: Size of the largest view for all images, pixels; the others change
            in proportion.

    Raises:
        PoseFlowError: If there is no such quality, or the size is out of its range.
    """
    if quality not in PRESETS:
        raise PoseFlowError(f"quality: expected {', '.join(PRESETS)}, got {quality!r}")
    chosen = PRESETS[quality]
    if input_size is None:
        return chosen
    require("input_size", input_size, 64, 4096, whole=True)
    scale = input_size / max(view.size for view in chosen.views)
    views = tuple(view.scaled(scale) for view in chosen.views)
    return replace(chosen, views=views, grows=False)


def growth(longer_side_px: int) -> float:
    """Factor by which views grow for an image.

    Examples:
        >>> growth(640), growth(1280), growth(1920), growth(3840)
        (1.0, 1.0, 1.5, 2.0)
    """
    return min(max(longer_side_px / GROWTH_FROM_PX, 1.0), MOST_GROWTH)

"""What a detector's training run is told."""

from __future__ import annotations

from msgspec import Struct

from poseflow.estimator.networks.build import CentreNetConfig
from poseflow.estimator.training.config import (
    AtLeast0,
    Count,
    Fraction,
    LoadConfig,
    Positive,
    RunConfig,
    SyntheticConfig,
    check_sides,
)


class _Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class FrameConfig(_Config, frozen=True, kw_only=True):
    """What the network sees.

    Attributes:
        width: Of the frame that images are fitted into, pixels.
        height: Of the frame, pixels.
        mean: Per channel R, G, B in [0, 1], subtracted.
        std: Per channel R, G, B, divided by.
    """

    width: Positive = 512
    height: Positive = 288
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)


class _Boxes(_Config, frozen=True, kw_only=True):
    """Fields of every data set.

    Attributes:
        root: Folder, relative to `data.root`.
        repeat: How often its images come compared with those of other data sets.
    """

    root: str = "."
    repeat: Positive = 1


class CocoBoxesConfig(
    _Boxes, frozen=True, kw_only=True, tag_field="format", tag="coco"
):
    """Images in the COCO layout on which every person has a box.

    Attributes:
        annotations: JSON file.
        images: Folder or zip archive that `file_name` is relative to.
        folds: Images, in order of their ids, are dealt into so many folds.
        fold: The folds that are kept, from 0.
    """

    annotations: str
    images: str = "."
    folds: Positive = 1
    fold: tuple[Count, ...] = (0,)


class EmptyBoxesConfig(
    _Boxes, frozen=True, kw_only=True, tag_field="format", tag="empty"
):
    """Images without people.

    Attributes:
        images: Folder or zip archive; every `.jpg`, `.jpeg`, `.png`, `.webp` in it.
        folds: Images, in order of their names, are dealt into so many folds.
        fold: The folds that are kept, from 0.
    """

    images: str
    folds: Positive = 1
    fold: tuple[Count, ...] = (0,)


class LspetBoxesConfig(
    _Boxes, frozen=True, kw_only=True, tag_field="format", tag="lspet"
):
    """Leeds Sports Pose Extended: one labelled person an image, others unlabelled.

    Attributes:
        first: Number of the first image, from 1.
        last: Number of the last image, included; default all.
        least_joints: People with fewer labelled joints are left out: their boxes miss
            limbs.
        others: JSON of poses by image that a model found (COCO-17); those who are not
            the labelled person are neither people nor background.
        others_joints: Of these, whoever has at least so many joints, a shoulder, a hip
            and a knee among them, is a person like the labelled one. They stand about
            as people do in everyday images. None: nobody is.
        repeat_others: How often, besides `repeat`, images with such people come.
    """

    first: Positive = 1
    last: Positive | None = None
    least_joints: Positive = 12
    others: str | None = None
    others_joints: Positive | None = None
    repeat_others: Positive = 1


Complete = CocoBoxesConfig | EmptyBoxesConfig | SyntheticConfig
"""Data sets on whose images nobody is unlabelled."""


class DetectionData(LoadConfig, frozen=True, kw_only=True):
    """Where images come from: `LoadConfig` and these.

    Attributes:
        train: Data sets.
        validate: Data sets to report on after an epoch.
        test: Data sets that only `poseflow validate --split test` looks at.
    """

    train: tuple[Complete | LspetBoxesConfig, ...] = ()
    validate: tuple[Complete, ...] = ()
    test: tuple[Complete, ...] = ()


class ComposeConfig(_Config, frozen=True, kw_only=True):
    """How training scenes are put together.

    Attributes:
        scenes: Composed images an epoch.
        size: Width and height of the scenes; default the network's input. Smaller ones
            train faster, and a network of convolutions does not mind.
        whole: Share of scenes that are one image.
        mosaic: Share of scenes that are several single people's images side by side.
        paste: Share of scenes that are one image with single people pasted in, their
            edges soft.
        peopled: Share of whole images that show people, as far as there are both.
        zoom: Images are scaled to between `1 / sqrt(zoom)` and `zoom` times what
            fits.
        people_px: Shortest and longest side of single people, the longer one counted.
        most_pasted: People pasted into one scene.
        least_px: Lower people are ignored, frame pixels.
        least_seen: People of whom a smaller share is in the frame are ignored.
        flip: Probability of mirroring.
        brightness: Gain of each colour channel varies by up to this fraction.
        blur: Probability of a blurred scene.
        grey: Probability of a scene without colours.
    """

    scenes: Positive = 2000
    size: tuple[Positive, Positive] | None = None
    whole: AtLeast0 = 0.5
    mosaic: AtLeast0 = 0.25
    paste: AtLeast0 = 0.25
    peopled: Fraction = 0.65
    zoom: AtLeast0 = 2.0
    people_px: tuple[Positive, Positive] = (30, 280)
    most_pasted: Positive = 4
    least_px: AtLeast0 = 12.0
    least_seen: Fraction = 0.4
    flip: Fraction = 0.5
    brightness: Fraction = 0.3
    blur: Fraction = 0.15
    grey: Fraction = 0.1

    def __post_init__(self) -> None:
        """Check what concerns several fields."""
        if not self.whole + self.mosaic + self.paste > 0:
            raise ValueError("compose: whole, mosaic, paste: expected one above 0")
        if self.zoom < 1:
            raise ValueError(f"compose.zoom: expected at least 1, got {self.zoom:g}")
        if self.people_px[0] > self.people_px[1]:
            raise ValueError(
                "compose.people_px: expected shortest <= longest, got "
                f"{list(self.people_px)}"
            )


class DetectionConfig(RunConfig, frozen=True, kw_only=True):
    """Training of a person detector: `RunConfig` and these.

    Attributes:
        model: The network.
        input: What it sees.
        data: Where images come from.
        compose: How scenes are made of them.
        box_weight: Of the boxes' loss beside that of the heatmap.
        tall_px: Validation's recall is of people taller than this in their images.
        false_positives: Largest number an image with people for that recall.
        false_positives_empty: Largest number an image without people.
    """

    model: CentreNetConfig = CentreNetConfig()
    input: FrameConfig = FrameConfig()
    data: DetectionData
    compose: ComposeConfig = ComposeConfig()
    box_weight: AtLeast0 = 5.0
    tall_px: AtLeast0 = 100.0
    false_positives: AtLeast0 = 0.3
    false_positives_empty: AtLeast0 = 0.05

    def __post_init__(self) -> None:
        """Check what concerns several fields."""
        multiple = 2 ** len(self.model.widths)
        check_sides("input", (self.input.width, self.input.height), multiple)
        check_sides("compose.size", self.scene_size(), multiple)

    def scene_size(self) -> tuple[int, int]:
        """Width and height of training scenes."""
        return self.compose.size or (self.input.width, self.input.height)

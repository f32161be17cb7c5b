"""Configuration of a detector's training run."""

from __future__ import annotations

from poseflow.estimator.networks.build import CentreNetConfig
from poseflow.estimator.training.config import (
    AtLeast0,
    Config,
    Count,
    Fraction,
    LoadConfig,
    Positive,
    RunConfig,
    SyntheticConfig,
    check_sides,
)


class FrameConfig(Config, frozen=True, kw_only=True):
    """Input of the network.

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


class _Boxes(Config, frozen=True, kw_only=True):
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
        folds: Number of folds; images go to folds in turn, by id.
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
        folds: Number of folds; images go to folds in turn, by name.
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
        others: JSON of pseudo-labels: poses by image that a model found (COCO-17);
            those that are not the labelled person are ignored, neither people nor
            background.
        others_joints: Of these, poses with at least so many joints, a shoulder, a hip
            and a knee among them, count as people: bystanders have the poses of
            everyday images. None: all are ignored.
        repeat_others: How often, besides `repeat`, images with such people come.
    """

    first: Positive = 1
    last: Positive | None = None
    least_joints: Positive = 12
    others: str | None = None
    others_joints: Positive | None = None
    repeat_others: Positive = 1


Complete = CocoBoxesConfig | EmptyBoxesConfig | SyntheticConfig
"""Data sets in whose images all people are labelled."""


class DetectionData(LoadConfig, frozen=True, kw_only=True):
    """Data of a detector's training: `LoadConfig` and these.

    Attributes:
        train: Data sets.
        validate: Data sets for validation after an epoch.
        test: Data sets that only `poseflow validate --split test` uses.
    """

    train: tuple[Complete | LspetBoxesConfig, ...] = ()
    validate: tuple[Complete, ...] = ()
    test: tuple[Complete, ...] = ()


class ComposeConfig(Config, frozen=True, kw_only=True):
    """Composition of training images.

    Attributes:
        scenes: Composed images in an epoch.
        size: Width and height of the composed images; default the network's input.
            Smaller ones train faster, and suit a convolutional network.
        whole: Share of single images.
        mosaic: Share of mosaics of several images of single people.
        paste: Share of single images with single people pasted in, their edges soft.
        peopled: Share of single images that show people, if there are both kinds.
        zoom: Images are scaled to between `1 / sqrt(zoom)` and `zoom` times what
            fits.
        people_px: Shortest and longest side of single people, the longer one counted.
        most_pasted: People pasted into one scene.
        least_px: People of less height are ignored, frame pixels.
        least_seen: People with a smaller share in the frame are ignored.
        flip: Probability of mirroring.
        brightness: Gain of each colour channel varies by up to this fraction.
        blur: Probability of blurring.
        grey: Probability of greyscale.
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
        """Check conditions on several fields."""
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
        input: Its input.
        data: The data sets.
        compose: Composition of training images.
        box_weight: Weight of the boxes' loss relative to that of the heatmap.
        tall_px: Validation measures the recall of people taller than this.
        false_positives: Largest number per image with people for that recall.
        false_positives_empty: Largest number per image without people.
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
        """Check conditions on several fields."""
        multiple = 2 ** len(self.model.widths)
        check_sides("input", (self.input.width, self.input.height), multiple)
        check_sides("compose.size", self.scene_size(), multiple)

    def scene_size(self) -> tuple[int, int]:
        """Width and height of composed images."""
        return self.compose.size or (self.input.width, self.input.height)

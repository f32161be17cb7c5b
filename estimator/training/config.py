"""Configuration of a training run: one YAML file, checked field by field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from poseflow import skeletons
from poseflow.errors import PoseFlowError
from poseflow.estimator.networks.build import (
    AnyModelConfig,
    FastPoseConfig,
    SpatialTransformerConfig,
    input_multiple,
)
from poseflow.estimator.training.yaml_values import read_values
from poseflow.skeletons.skeleton import Skeleton

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(gt=0)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Above0 = Annotated[float, Meta(gt=0)]
AtLeast0 = Annotated[float, Meta(ge=0)]


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all parts of a configuration: unknown fields are errors."""


class InputConfig(Config, frozen=True, kw_only=True):
    """Input of the network.

    Attributes:
        width: Of the crop, pixels.
        height: Of the crop, pixels.
        mean: Per channel R, G, B in [0, 1], subtracted. Default: as AlphaPose does.
        std: Per channel R, G, B, divided by.
        margin: Factor by which the crop is larger than the person's box.
    """

    width: Positive = 192
    height: Positive = 256
    mean: tuple[float, float, float] = (0.406, 0.457, 0.480)
    std: tuple[Above0, Above0, Above0] = (1.0, 1.0, 1.0)
    margin: Above0 = 1.25


class AugmentConfig(Config, frozen=True, kw_only=True):
    """Data augmentation of training crops.

    Attributes:
        flip: Probability of mirroring.
        scale: Box sizes vary by up to this fraction, normally distributed with half
            of it as standard deviation.
        rotate_degrees: Rotation up to twice this, normally distributed.
        rotate: Probability of rotating at all.
        tumble: Probability of any angle up to 180 degrees instead: people upside down
            are too rare in most data to be learned from those few.
        shift: Box centres vary by up to this fraction of the box, uniformly.
        proposals: Probability of a box as a detector would have drawn it (RMPE's
            pose-guided proposals); needs `detections` of a data set.
        half_body: Probability of showing only the upper or the lower body.
        half_body_joints: Least number of labelled joints for that.
        brightness: Gain of each colour channel varies by up to this fraction.
        contrast: Contrast varies by up to this fraction.
        grey: Probability of losing all colour.
        erase: Probability of a grey rectangle over part of the person.
    """

    flip: Fraction = 0.5
    scale: Fraction = 0.3
    rotate_degrees: AtLeast0 = 40.0
    rotate: Fraction = 0.6
    tumble: Fraction = 0.0
    shift: Fraction = 0.0
    proposals: Fraction = 0.0
    half_body: Fraction = 0.3
    half_body_joints: Positive = 8
    brightness: Fraction = 0.0
    contrast: Fraction = 0.0
    grey: Fraction = 0.0
    erase: Fraction = 0.0


class _Dataset(Config, frozen=True, kw_only=True):
    """Fields of every data set.

    Attributes:
        root: Folder, relative to `data.root`.
        rename: Joints of the data set under other names in the target skeleton.
        repeat: How often each person comes per epoch.
    """

    root: str = "."
    rename: dict[str, str] = {}
    repeat: Positive = 1


class LspetConfig(_Dataset, frozen=True, kw_only=True, tag_field="format", tag="lspet"):
    """Leeds Sports Pose Extended as a zip of images with `labels.npz`.

    Attributes:
        first: Number of the first image, from 1.
        last: Number of the last image, included; default all.
        found: JSON of pseudo-labels: poses by image that another model found; joints
            that this data set lacks are taken from those that agree with its labels.
    """

    first: Positive = 1
    last: Positive | None = None
    found: str | None = None


class LspMatConfig(
    _Dataset, frozen=True, kw_only=True, tag_field="format", tag="lsp_mat"
):
    """Leeds Sports Pose or its extension as published: `joints.mat` and `images/`."""

    first: Positive = 1
    last: Positive | None = None


class CocoConfig(_Dataset, frozen=True, kw_only=True, tag_field="format", tag="coco"):
    """COCO keypoints and data sets in its layout (PoseTrack18, PoseTrack21).

    Attributes:
        annotations: JSON file, or a folder of them (PoseTrack: one a sequence).
        images: Folder or zip archive that `file_name` is relative to.
        least_joints: People with fewer labelled joints are left out.
        folds: Number of folds; images go to folds in turn, by id.
        fold: The folds that are kept, from 0.
        detections: COCO results (`image_id`, `bbox`) of a detector on the same
            images, for pose-guided proposals.
        found: JSON of pseudo-labels: poses by image that another model found; people
            without labelled joints get those that fit their boxes.
    """

    annotations: str
    images: str = "."
    least_joints: Positive = 1
    folds: Positive = 1
    fold: tuple[Count, ...] = (0,)
    detections: str | None = None
    found: str | None = None


class MpiiConfig(_Dataset, frozen=True, kw_only=True, tag_field="format", tag="mpii"):
    """MPII in the JSON layout of the human-pose-estimation codebases.

    Attributes:
        annotations: JSON list with `image`, `center`, `scale`, `joints`, `joints_vis`.
        images: Folder or zip archive.
    """

    annotations: str
    images: str = "images"


class SyntheticConfig(
    _Dataset, frozen=True, kw_only=True, tag_field="format", tag="synthetic"
):
    """Rendered scenes of `poseflow.synthetic`, cached in `root`.

    Attributes:
        scene: Name of a preset, or `random` for scenes that differ in all options.
        scenes: Number of scenes, with seeds from `first_seed` on.
        first_seed: Seed of the first scene.
        frames: Images of each scene, a second apart.
        size: Width and height in pixels.
        least_height: People whose box is lower, in pixels, are left out.
        least_visible: People with a smaller visible share are left out.
    """

    scene: str = "random"
    scenes: Positive = 100
    first_seed: Count = 0
    frames: Positive = 2
    size: tuple[Positive, Positive] = (1280, 720)
    least_height: AtLeast0 = 60.0
    least_visible: Fraction = 0.5


class EmptyConfig(_Dataset, frozen=True, kw_only=True, tag_field="format", tag="empty"):
    """Images without people, in which no joint must be found.

    Attributes:
        images: Folder or zip archive.
        annotations: COCO's JSON, if some of the images do show people: only those
            without any annotation are taken.
        folds: Number of folds; images go to folds in turn, by name or id.
        fold: The folds that are kept, from 0.
        crops: Number of crops of an image in an epoch.
    """

    images: str
    annotations: str | None = None
    folds: Positive = 1
    fold: tuple[Count, ...] = (0,)
    crops: Positive = 4


AnyDataset = (
    LspetConfig | LspMatConfig | CocoConfig | MpiiConfig | SyntheticConfig | EmptyConfig
)


class LoadConfig(Config, frozen=True, kw_only=True):
    """Data of any training run.

    Attributes:
        root: Folder that the data sets are relative to; itself relative to the working
            directory.
        workers: Loading processes; results do not depend on their number.
        validate: Data sets for validation after an epoch.
        test: Data sets that only `poseflow validate --split test` uses.
    """

    root: str = "."
    workers: Count = 0
    validate: tuple[Any, ...] = ()
    test: tuple[Any, ...] = ()

    def held_out(self, split: str) -> tuple[Any, ...]:
        """Data sets of the split `validate` or `test`.

        Raises:
            PoseFlowError: If there is no such split, or no data set in it.
        """
        if split not in ("validate", "test"):
            raise PoseFlowError(f"split: expected validate or test, got {split!r}")
        datasets = self.validate if split == "validate" else self.test
        if not datasets:
            raise PoseFlowError(
                f"data.{split}: expected at least one data set, got none"
            )
        return datasets


class DataConfig(LoadConfig, frozen=True, kw_only=True):
    """Data of a pose network's training: `LoadConfig` and these.

    Attributes:
        train: Data sets, joined by joint name.
        repeat_behind: How many times each person seen from behind is used in an epoch.
            They are rarer, and a network that assumes a frontal view exchanges their
            left and right.
        validate: See `LoadConfig`.
        test: See `LoadConfig`.
    """

    train: tuple[AnyDataset, ...] = ()
    repeat_behind: Positive = 1
    validate: tuple[AnyDataset, ...] = ()
    test: tuple[AnyDataset, ...] = ()


class OptimizerConfig(Config, frozen=True, kw_only=True):
    """Optimizer.

    Attributes:
        name: Adam, or AdamW with decoupled weight decay.
        lr: Highest learning rate.
        weight_decay: Of weights; biases and normalisation have none.
        clip: Largest norm of the gradient; 0 for no limit.
    """

    name: Literal["adam", "adamw"] = "adam"
    lr: Above0 = 1e-3
    weight_decay: AtLeast0 = 0.0
    clip: AtLeast0 = 0.0


class ScheduleConfig(Config, frozen=True, kw_only=True):
    """Learning rate schedule.

    Attributes:
        name: `step` multiplies by `gamma` at each milestone, `cosine` falls to
            `final` of the highest at the end.
        milestones: Epochs of the steps.
        gamma: Factor of a step.
        final: Last learning rate as a fraction of the highest, for cosine.
        warmup_epochs: Linear rise from 0.
    """

    name: Literal["step", "cosine"] = "step"
    milestones: tuple[Positive, ...] = ()
    gamma: Fraction = 0.1
    final: Fraction = 0.01
    warmup_epochs: AtLeast0 = 0.0


class TeacherConfig(Config, frozen=True, kw_only=True):
    """Distillation: a trained network whose heatmaps are learned besides the labels.

    Attributes:
        weights: Its weights; its joints must be the run's.
        share: Of the teacher in the target: 1 learns from the teacher alone.
        unlabelled: Weight of joints without a label, learned from the teacher.
        angles: Rotations of the teacher's crops, degrees; its heatmaps are averaged.
        mirror: Average with its heatmaps of the mirrored crops.
    """

    weights: str
    share: Fraction = 0.5
    unlabelled: Fraction = 1.0
    angles: Annotated[tuple[float, ...], Meta(min_length=1)] = (0.0,)
    mirror: bool = True


class ParallelConfig(Config, frozen=True, kw_only=True):
    """Parallel SPPE of RMPE, which trains a spatial transformer to centre people.

    Attributes:
        weights: Of a trained network for the same crops and joints; they are frozen.
        share: Weight of the branch's loss beside the network's own.
    """

    weights: str
    share: AtLeast0 = 1.0


class RunConfig(Config, frozen=True, kw_only=True):
    """Configuration that all training runs share.

    Attributes:
        out: Folder for weights, checkpoint and logs, relative to the working directory.
        data: The data sets.
        optimizer: The optimizer.
        schedule: Of the learning rate.
        epochs: Passes over the data.
        batch_size: PoseSamples a step, over all processes together.
        ema: Decay of the moving average of weights, which is validated and saved; 0
            for no average.
        precision: Of the forward pass while training.
        compile: Use `torch.compile`.
        seed: Of all random numbers.
        threads: CPU threads of each process; 0 for torch's default.
        initial_weights: Weights to start from; tensors of another size are not loaded.
        validate_every: Epochs between validations; the last one is always validated.
        checkpoint_minutes: Also checkpoint within an epoch, this often.
    """

    out: str
    data: LoadConfig
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    epochs: Positive = 200
    batch_size: Positive = 128
    ema: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    seed: Count = 0
    threads: Count = 0
    initial_weights: str | None = None
    validate_every: Positive = 1
    checkpoint_minutes: Above0 = 10.0


class TrainConfig(RunConfig, frozen=True, kw_only=True):
    """Training of a pose network: `RunConfig` and these.

    Attributes:
        skeleton: Name of a known skeleton, or the joints by name.
        model: The network.
        input: Its input.
        data: The data sets.
        augment: Data augmentation.
        sigma: Standard deviation of the target's Gaussians, heatmap pixels; networks
            for distributions have their own.
        mirror_tolerance: Share of the loss that takes the better of the plain and the
            left-right exchanged target, for data with exchanged labels.
        teacher: Another network to learn from as well (distillation).
        parallel: Auxiliary loss of a `spatial_transformer`.
        flip_test: Average with the mirrored crop in validation.
    """

    skeleton: str | tuple[str, ...]
    model: AnyModelConfig = FastPoseConfig()
    input: InputConfig = InputConfig()
    data: DataConfig
    augment: AugmentConfig = AugmentConfig()
    sigma: Above0 = 2.0
    mirror_tolerance: Fraction = 0.0
    teacher: TeacherConfig | None = None
    parallel: ParallelConfig | None = None
    flip_test: bool = False

    def __post_init__(self) -> None:
        """Check conditions on several fields."""
        sides = (self.input.width, self.input.height)
        check_sides("input", sides, input_multiple(self.model))
        if self.parallel and not isinstance(self.model, SpatialTransformerConfig):
            raise ValueError(
                "parallel: needs a model with name spatial_transformer, not "
                f"{type(self.model).__struct_config__.tag}"
            )

    def target(self) -> Skeleton:
        """The skeleton of the network's joints."""
        if isinstance(self.skeleton, str):
            return skeletons.get(self.skeleton)
        return Skeleton("trained", self.skeleton)


def check_sides(field: str, sides: tuple[int, int], multiple: int) -> None:
    """Check that a network can halve width and height often enough."""
    for side, value in zip(("width", "height"), sides, strict=True):
        if value % multiple:
            raise ValueError(
                f"{field}.{side}: expected a multiple of {multiple} for this model, "
                f"got {value}"
            )


def load_config(path: str | Path, changes: Sequence[str] = ()) -> TrainConfig:
    """Read the configuration of a pose network's training.

    Args:
        path: YAML file.
        changes: `key=value` pairs that replace fields; keys are dotted, values YAML,
            as in `optimizer.lr=2e-3` or `data.train.0.last=100`.

    Raises:
        PoseFlowError: If the file is no such configuration; it names the field.
    """
    return checked(read_values(path, changes), TrainConfig, path)


AnyConfig = TypeVar("AnyConfig", bound=Struct)


def checked(
    values: dict[str, Any], kind: type[AnyConfig], place: str | Path
) -> AnyConfig:
    """Convert fields to a configuration.

    Raises:
        PoseFlowError: If a field is missing, unknown or of another type; the message
            names it.
    """
    try:
        return msgspec.convert(values, kind, strict=True)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise PoseFlowError(f"{place}: {error}") from error


def to_json(config: Struct) -> str:
    """A configuration as JSON, fields in a fixed order."""
    return json.dumps(msgspec.to_builtins(config), sort_keys=True)

"""Weights files: read without running code from them, written atomically."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from poseflow import skeletons
from poseflow.errors import FormatError, PoseFlowError
from poseflow.estimator.networks.build import (
    AnyModelConfig,
    CentreNetConfig,
    FastPoseConfig,
    FastPoseDUCConfig,
    ModelConfig,
    build,
)
from poseflow.estimator.networks.centernet import CentreNet
from poseflow.estimator.networks.fastpose import STAGES
from poseflow.estimator.networks.movenet import WIDTHS
from poseflow.skeletons import fitting_skeleton
from poseflow.skeletons.skeleton import Skeleton
from poseflow.storage.atomic import write_atomically

METADATA_KEY = "poseflow"
DETECTOR_KEY = "poseflow_detector"


Network = TypeVar("Network", bound=nn.Module)

Side = Annotated[int, msgspec.Meta(gt=0, le=2048)]
"""Of a network's input, pixels."""


class NetworkDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata of a pose network's weights, stored inside the file.

    Attributes:
        model: The network.
        skeleton: Name of the skeleton.
        joints: Names of its joints.
        width: Of the input, pixels.
        height: Of the input, pixels.
        mean: Per channel R, G, B, subtracted.
        std: Per channel R, G, B, divided by.
        margin: Factor by which a crop is larger than the person's box.
        note: Logged when the weights are loaded, such as the data's licence.
    """

    model: AnyModelConfig
    skeleton: str
    joints: tuple[str, ...]
    width: Side = 192
    height: Side = 256
    mean: tuple[float, float, float] = (0.406, 0.457, 0.480)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    margin: float = 1.25
    note: str = ""

    def target(self) -> Skeleton:
        """The registered skeleton of that name, or one made from the joints."""
        if self.skeleton in skeletons.names():
            known = skeletons.get(self.skeleton)
            if known.joints == self.joints:
                return known
        return Skeleton(self.skeleton, self.joints)

    def require_joints(self, skeleton: Skeleton, place: object) -> None:
        """Raise `PoseFlowError` unless the joints are those of a skeleton, in order."""
        if self.joints != skeleton.joints:
            raise PoseFlowError(
                f"{place}: the weights' joints are {', '.join(self.joints)}; skeleton "
                f"{skeleton.name!r} has {', '.join(skeleton.joints)}"
            )


class DetectorDescription(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata of a person detector's weights, stored inside the file.

    Attributes:
        model: The network.
        width: Of the input for images that are wider than high, pixels.
        height: The other side.
        mean: Per channel R, G, B, subtracted.
        std: Per channel R, G, B, divided by.
        threshold: Boxes with lower scores are left out.
        note: Logged when the weights are loaded, such as the data's licence.
    """

    model: CentreNetConfig
    width: Side
    height: Side
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    threshold: float = 0.3
    note: str = ""


Description = NetworkDescription | DetectorDescription


def _key(description: Description) -> str:
    detects = isinstance(description, DetectorDescription)
    return DETECTOR_KEY if detects else METADATA_KEY


@dataclass(frozen=True)
class LoadedNetwork:
    """A pose network in eval mode on the CPU, and its metadata."""

    module: nn.Module
    description: NetworkDescription


def save_weights(
    path: str | Path,
    state: Mapping[str, Tensor],
    description: Description,
) -> None:
    """Save weights as safetensors, with their metadata inside.

    Args:
        path: File to write, atomically.
        state: As from `state_dict`.
        description: Their metadata.
    """
    tensors = {name: tensor.contiguous() for name, tensor in state.items()}
    text = msgspec.json.encode(description).decode()
    data = save_tensors(tensors, {_key(description): text})
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, data)


def load_detector(path: str | Path) -> tuple[CentreNet, DetectorDescription]:
    """Load a person detector from a weights file, in eval mode on the CPU.

    Raises:
        FormatError: If the file is missing, truncated, or not a detector's.
    """
    path = Path(path)
    state, metadata = read_tensors(path)
    if DETECTOR_KEY not in metadata:
        raise FormatError(
            f"{path}: not weights of a person detector by poseflow train: its metadata "
            f"lacks {DETECTOR_KEY!r}"
        )
    try:
        description = msgspec.json.decode(
            metadata[DETECTOR_KEY], type=DetectorDescription
        )
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise FormatError(f"{path}: its metadata is malformed: {error}") from error
    module = _built(path, state, description.model, description.model.build)
    module.eval()
    return module, description


def load_network(
    path: str | Path, *, skeleton: Skeleton | str | None = None
) -> LoadedNetwork:
    """Load a pose network from a weights file.

    Poseflow's own safetensors hold their metadata. For other files, the published
    AlphaPose checkpoints (`.pth`) among them, the network, its depth and the number of
    joints are recognised from the names and shapes of the tensors.

    Args:
        path: `.safetensors`, or a file written by `torch.save`. The latter is read with
            `weights_only=True`: a pickle with code in it is refused, and does not run.
        skeleton: The joints; default those of the metadata, else the built-in skeleton
            with as many joints.

    Raises:
        PoseFlowError: If the file is missing, truncated, no weights, or of a network
            that is not known, or has another number of joints than `skeleton`.
    """
    path = Path(path)
    state, description = read_weights(path)
    if description is None:
        description = _recognise(path, state, skeleton)
    if skeleton is not None:
        wanted = fitting_skeleton(path, len(description.joints), skeleton)
        description = msgspec.structs.replace(
            description, skeleton=wanted.name, joints=wanted.joints
        )
    make = partial(build, description.model, len(description.joints))
    module = _built(path, state, description.model, make)
    return LoadedNetwork(module.eval(), description)


def read_weights(
    path: Path,
) -> tuple[dict[str, Tensor], NetworkDescription | None]:
    """Tensors of a pose network's weights by name, and their description if any.

    Raises:
        FormatError: If the file is missing, truncated, holds code, no tensors, or the
            weights of a detector.
    """
    state, metadata = read_tensors(path)
    text = metadata.get(METADATA_KEY)
    if text is None:
        if DETECTOR_KEY in metadata:
            raise FormatError(
                f"{path}: weights of a person detector, not of a pose network: they go "
                "with detector='centre', as detector_weights"
            )
        return state, None
    try:
        return state, msgspec.json.decode(text, type=NetworkDescription)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise FormatError(f"{path}: its metadata is malformed: {error}") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of any weights file by name, and the metadata of a safetensors file.

    Raises:
        FormatError: If the file is missing, truncated, holds code, or no tensors.
    """
    if not path.is_file():
        raise FormatError(f"{path}: no such weights file")
    with path.open("rb") as stream:
        start = stream.read(9)
    if start[8:] == b"{" or path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FormatError(
            f"{path}: refused: it holds more than tensors, which could run code when "
            "loaded; none was run. Save the state_dict alone, or convert the file to "
            "safetensors if you trust it"
        ) from error
    except Exception as error:  # of a broken pickle, whatever its bytes ask for
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FormatError(
            f"{path}: not a complete weights file ({reason}); download it again"
        ) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content:
        raise FormatError(
            f"{path}: expected tensors by name, got {type(content).__name__}"
        )
    others = [k for k, v in content.items() if not isinstance(v, Tensor)]
    if others:
        raise FormatError(
            f"{path}: expected tensors by name, but {others[0]!r} is a "
            f"{type(content[others[0]]).__name__}"
        )
    return {str(k).removeprefix("module."): v for k, v in content.items()}, {}


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return state, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise FormatError(
            f"{path}: not a complete safetensors file ({error}); download it again"
        ) from error


def _built(
    path: Path,
    state: Mapping[str, Tensor],
    model: ModelConfig,
    make: Callable[[], Network],
) -> Network:
    """The described network with its weights."""
    _check_sizes(path, model, state)
    try:
        # On the meta device: random weights would be overwritten, and take memory.
        with torch.device("meta"):
            module = make()
    except PoseFlowError as error:
        raise FormatError(f"{path}: its metadata is malformed: {error}") from error
    fit_weights(module, state, str(path))
    return module


def _check_sizes(path: Path, model: ModelConfig, state: Mapping[str, Tensor]) -> None:
    """Check that a described network can be that of the tensors, before it is built.

    Raises:
        FormatError: If it has more blocks than there are tensors, or is wider than the
            largest one; such a description could take all memory.
    """
    largest = max(
        (side for tensor in state.values() for side in tensor.shape), default=0
    )
    for field, value in msgspec.structs.asdict(model).items():
        if isinstance(value, ModelConfig):
            _check_sizes(path, value, state)
        if field not in ("widths", "neck", "blocks"):
            continue
        numbers = value if isinstance(value, tuple) else (value,)
        blocks = sum(numbers) if field == "blocks" else len(numbers)
        wide = 0 if field == "blocks" else max(numbers, default=0)
        if blocks > len(state) or wide > largest:
            raise FormatError(
                f"{path}: its metadata describe a network that its tensors are too "
                f"few or small for: {field} asks for {blocks} or more of a size up to "
                f"{wide}, and there are {len(state)} of sides up to {largest}"
            )


def fit_weights(module: nn.Module, state: Mapping[str, Tensor], place: str) -> None:
    """Load tensors into a network; every name and shape must agree.

    Raises:
        PoseFlowError: If one does not; names the first.
    """
    expected = module.state_dict()
    kind = type(module).__name__
    missing = [name for name in expected if name not in state]
    # Older checkpoints lack the counters of batch normalisation, which are not used.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    extra = [name for name in state if name not in expected]
    if missing or extra:
        raise PoseFlowError(
            f"{place}: these are not weights of {kind}: {len(missing)} tensors are "
            f"missing ({', '.join(missing[:2])}…), {len(extra)} unknown "
            f"({', '.join(extra[:2])}…)"
        )
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise PoseFlowError(
                f"{place}: {name}: {kind} expects shape "
                f"{tuple(expected[name].shape)}, got {tuple(tensor.shape)}"
            )
    ready = {
        name: state[name].to(own.dtype)
        if name in state
        else torch.zeros(own.shape, dtype=own.dtype)
        for name, own in expected.items()
    }
    module.load_state_dict(ready, assign=True)


def _recognise(
    path: Path, state: Mapping[str, Tensor], skeleton: Skeleton | str | None
) -> NetworkDescription:
    """Recognise a published network by its tensors."""
    out = state.get("conv_out.weight")
    if "roi_heads.box_predictor.cls_score.weight" in state:
        raise FormatError(
            f"{path}: weights of torchvision: Keypoint R-CNN goes with estimator "
            "'torchvision', Faster R-CNN with detector 'torchvision'"
        )
    if "heads.kpt_heatmap.1.weight" in state:
        stem = state["stem.0.weight"].shape[0] if "stem.0.weight" in state else None
        names = [name for name, widths in WIDTHS.items() if widths[0] == stem]
        raise FormatError(
            f"{path}: weights of MoveNet {' '.join(names)}: its networks are in the "
            "package and need no weights: leave them out, and choose a quality (fast, "
            "balanced or best)"
        )
    if "preact.conv1.weight" not in state or out is None or out.ndim != 4:
        raise FormatError(
            f"{path}: not weights of a known network: expected FastPose's tensors "
            "(preact.conv1.weight … conv_out.weight) or a description by poseflow; "
            f"the first tensor is {next(iter(state))!r}"
        )
    layers = _num_layers(path, state)
    model: AnyModelConfig = FastPoseConfig(num_layers=layers)
    if "duc1.1.weight" in state:
        model = FastPoseDUCConfig(num_layers=layers)
    joints = out.shape[0]
    skeleton = fitting_skeleton(path, joints, skeleton)
    return NetworkDescription(
        model=model, skeleton=skeleton.name, joints=skeleton.joints
    )


def _num_layers(path: Path, state: Mapping[str, Tensor]) -> int:
    pattern = re.compile(r"preact\.layer(\d)\.(\d+)\.")
    found = {m.groups() for m in map(pattern.match, state) if m}
    depth = tuple(sum(stage == str(k) for stage, _ in found) for k in (1, 2, 3, 4))
    deep = "preact.layer1.0.conv3.weight" in state
    for layers, stages in STAGES.items():
        if stages == depth and (layers >= 50) == deep:
            return layers
    raise FormatError(f"{path}: no known ResNet has stages of {depth} residual blocks")


def state_on_cpu(module: nn.Module) -> dict[str, Any]:
    """Copies of a network's tensors on the CPU."""
    return {k: v.detach().cpu().clone() for k, v in module.state_dict().items()}

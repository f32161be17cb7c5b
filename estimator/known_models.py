"""Other projects' models by name: urls, checksums and licences of their weights.

Only models whose checksums several independent sources agree on. MMPose's exports are
archives; the checksum is that of the `.onnx` file inside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from poseflow.errors import PoseFlowError


@dataclass(frozen=True)
class KnownModel:
    """A model of another project.

    Attributes:
        about: What it does, and its input.
        sha256: Checksum of the weights.
        urls: Mirrors, tried in order.
        licence: Of the weights, as their publisher says.
        estimator: The estimator that takes the weights; None for a detector.
        detector: The detector that takes them; for an estimator of people in boxes, the
            one that finds the boxes by default.
    """

    about: str
    sha256: str
    urls: tuple[str, ...]
    licence: str
    estimator: str | None = None
    detector: str | None = None

    @property
    def use(self) -> str:
        """How it is asked for on the command line, but for its name."""
        if self.estimator is None:
            return f"--detector {self.detector} --detector-weights"
        return "--model"


def _mmpose(path: str) -> tuple[str, ...]:
    return (
        f"https://download.openmmlab.com/mmpose/v1/projects/{path}.zip",
        f"https://huggingface.co/Tau-J/RTMPose/resolve/main/{path}.zip",
    )


def _rtmpose(about: str, sha256: str, file: str) -> KnownModel:
    return KnownModel(
        f"people in boxes, COCO-17, {about}",
        sha256,
        _mmpose(f"rtmposev1/onnx_sdk/{file}"),
        "Apache-2.0 (MMPose)",
        estimator="onnx",
        detector="embedded",
    )


def _yolox(about: str, sha256: str, file: str) -> KnownModel:
    place = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"
    return KnownModel(
        f"person detector, {about}",
        sha256,
        (place + file,),
        "Apache-2.0 (YOLOX)",
        detector="yolox",
    )


KNOWN_MODELS: Mapping[str, KnownModel] = {
    "rtmpose-t": _rtmpose(
        "256 x 192, 13 MB",
        "a6c2f6a3896a4d51131d14d7a80a3d08b50f559af5a58a45d5b098aef510a70f",
        "rtmpose-t_simcc-body7_pt-body7_420e-256x192-026a1439_20230504",
    ),
    "rtmpose-s": _rtmpose(
        "256 x 192, 22 MB",
        "9aeb635b83f86aea45cf45d85798f7eba1a162de8e0d721c44e54fe5eebaf47d",
        "rtmpose-s_simcc-body7_pt-body7_420e-256x192-acd4a1ef_20230504",
    ),
    "rtmpose-m": _rtmpose(
        "256 x 192, 54 MB",
        "5c0a4bf67953e6d2ac43ce15e77dc9d5d354ae18430a47d2c5963a7bc5683e3c",
        "rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504",
    ),
    "rtmpose-x": _rtmpose(
        "384 x 288",
        "df0c0fa91e9870b1515dcaff741fd76cc753dcfb12786862f61b243bae81cd52",
        "rtmpose-x_simcc-body7_pt-body7_700e-384x288-71d7b7e9_20230629",
    ),
    "rtmo-s": KnownModel(
        "all people of an image, COCO-17, 640 x 640, 40 MB",
        "d0703d40d19f3921da51ae725402d5fdae4d2478c7442072d3101bd396f370d8",
        _mmpose("rtmo/onnx_sdk/rtmo-s_8xb32-600e_body7-640x640-dac2bf74_20231211"),
        "Apache-2.0 (MMPose)",
        estimator="onnx",
    ),
    "yolox-tiny": _yolox(
        "416 x 416, 20 MB",
        "427cc366d34e27ff7a03e2899b5e3671425c262ea2291f88bb942bc1cc70b0f7",
        "yolox_tiny.onnx",
    ),
    "yolox-s": _yolox(
        "640 x 640, 36 MB",
        "c5c2d13e59ae883e6af3b45daea64af4833a4951c92d116ec270d9ddbe998063",
        "yolox_s.onnx",
    ),
    "keypointrcnn-resnet50": KnownModel(
        "all people of an image, COCO-17, 237 MB; needs torchvision",
        "fc266e953d2b302cdcbb9ae66f71f6b0d4649928bf02dc573961e361e4918926",
        (
            "https://download.pytorch.org/models/"
            "keypointrcnn_resnet50_fpn_coco-fc266e95.pth",
        ),
        "BSD-3-Clause (torchvision)",
        estimator="torchvision",
    ),
    "fasterrcnn-resnet50": KnownModel(
        "person detector, 175 MB; needs torchvision",
        "dd69338a24b8d7381807e247652bdc356325bcbaf1cd3e092e00e0a1a58706bf",
        (
            "https://download.pytorch.org/models/"
            "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth",
        ),
        "BSD-3-Clause (torchvision)",
        detector="torchvision",
    ),
}
"""By name."""


def known_model(name: str) -> KnownModel:
    """The model of that name.

    Raises:
        PoseFlowError: If there is none.
    """
    if name not in KNOWN_MODELS:
        raise PoseFlowError(
            f"unknown model {name!r}; known are {', '.join(KNOWN_MODELS)}; other "
            "weights go with --weights FILE"
        )
    return KNOWN_MODELS[name]

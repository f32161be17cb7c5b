"""ONNX models in onnxruntime: input and output shapes, and running them."""

from __future__ import annotations

import ast
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from poseflow.arrays import Floats
from poseflow.errors import FormatError, PoseFlowError
from poseflow.safety.limits import MB, ONNX_INPUT

Shape = tuple[int | None, ...]

DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


@dataclass(frozen=True)
class Signature:
    """Input, outputs and metadata of a model.

    Attributes:
        input: Shape of the input, None where it is free.
        outputs: Name and shape of each output.
        metadata: Written into the file by the exporter.
    """

    input: Shape
    outputs: tuple[tuple[str, Shape], ...]
    metadata: dict[str, str]

    def size(self, default: int | None = None) -> tuple[int, int] | None:
        """Width and height of the input, `default` where they are free."""
        height, width = (side or default for side in self.input[2:4])
        return None if height is None or width is None else (width, height)

    def literal(self, key: str) -> Any:
        """A metadata entry as a Python literal; None if it is missing or is none."""
        try:
            return ast.literal_eval(self.metadata[key])
        except (KeyError, ValueError, SyntaxError, MemoryError, RecursionError):
            return None


class OnnxModel:
    """A loaded ONNX model.

    Args:
        path: `.onnx` file.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.

    Attributes:
        path: Of the file.
        signature: Its input and outputs.

    Raises:
        PoseFlowError: If the file holds no ONNX model on images, or the device is not
            available.
    """

    def __init__(self, path: str | os.PathLike[str], device: str = "auto") -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FormatError(f"{self.path}: no such model file")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only: they also come as exceptions
        try:
            self._session = onnxruntime.InferenceSession(
                str(self.path),
                options,
                providers=_providers(onnxruntime.get_available_providers(), device),
            )
        except PoseFlowError:
            raise
        except Exception as error:  # onnxruntime's own have no common base
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise FormatError(
                f"{self.path}: not an ONNX model that onnxruntime can run ({reason})"
            ) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            raise FormatError(
                f"{self.path}: expected one input of images (N, 3, H, W), got "
                f"{', '.join(f'{i.name} {i.shape}' for i in inputs)}"
            )
        self._name = inputs[0].name
        self._dtype = DTYPES.get(inputs[0].type, np.float32)
        self.signature = Signature(
            _shape(inputs[0].shape),
            tuple((o.name, _shape(o.shape)) for o in self._session.get_outputs()),
            dict(self._session.get_modelmeta().custom_metadata_map),
        )
        self._check_input()

    def _check_input(self) -> None:
        """Check that images are colour images of a sensible number and size."""
        batch, channels, *sides = self.signature.input
        if channels not in (None, 3):
            raise FormatError(
                f"{self.path}: expected an input of images (N, 3, H, W), got "
                f"{self.signature.input}"
            )
        values = math.prod(side or 1 for side in (batch, *sides)) * 3
        if values * np.dtype(self._dtype).itemsize > ONNX_INPUT.value * MB:
            raise FormatError(
                f"{self.path}: its input is fixed to {batch or 'any number of'} images "
                f"of {' x '.join(str(side or '?') for side in sides)} pixels, more "
                f"than {ONNX_INPUT}; export it with a free batch size"
            )

    def run(self, planes: Floats) -> list[npt.NDArray[Any]]:
        """Run a batch: the outputs in the model's order, float32 if floating point.

        A model with a fixed batch size is run as often as needed, the last batch filled
        up with zeros.

        Args:
            planes: `(N, 3, H, W)`.
        """
        fixed = self.signature.input[0]
        if fixed is None or fixed == len(planes):
            return self._run(planes)
        parts = []
        for start in range(0, len(planes), fixed):
            part = planes[start : start + fixed]
            count = len(part)
            if count < fixed:
                filler = np.zeros((fixed - count, *part.shape[1:]), part.dtype)
                part = np.concatenate([part, filler])
            parts.append([out[:count] for out in self._run(part)])
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    def _run(self, planes: Floats) -> list[npt.NDArray[Any]]:
        try:
            outputs: Sequence[Any] = self._session.run(
                None, {self._name: np.ascontiguousarray(planes, self._dtype)}
            )
        except Exception as error:  # onnxruntime's own have no common base
            reason = " ".join(str(error).split())[:300]
            raise PoseFlowError(
                f"{self.path}: onnxruntime failed with images of {planes.shape}: "
                f"{reason}"
            ) from error
        return [
            out.astype(np.float32) if out.dtype == np.float16 else out
            for out in map(np.asarray, outputs)
        ]


def _shape(sides: Sequence[Any]) -> Shape:
    return tuple(s if isinstance(s, int) and s > 0 else None for s in sides)


def _providers(available: Sequence[str], device: str) -> list[Any]:
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (number and not number.isdigit()):
        raise PoseFlowError(
            "device: expected auto, cpu, cuda or cuda:N for ONNX models, got "
            f"{device!r}"
        )
    gpu = "CUDAExecutionProvider" in available
    if kind == "cuda" and not gpu:
        raise PoseFlowError(
            f"device {device!r}: this onnxruntime has no CUDA; install onnxruntime-gpu "
            "or choose device cpu"
        )
    providers: list[Any] = ["CPUExecutionProvider"]
    if gpu and kind != "cpu":
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": number or "0"}))
    return providers

"""One-stage pose models in ONNX: RTMO and YOLO-pose.

Source: Lu et al., "RTMO" (CVPR 2024); Maji et al., "YOLO-Pose" (CVPRW 2022).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poseflow.arrays import Floats, Image
from poseflow.errors import FormatError
from poseflow.estimator.adapters.one_stage import OneStagePoses
from poseflow.estimator.adapters.onnx.recognise import (
    PoseKind,
    require_end_to_end,
    yolo_joints,
)
from poseflow.estimator.adapters.onnx.session import OnnxModel
from poseflow.estimator.batches import Batches
from poseflow.estimator.detectors.box_nms import box_nms
from poseflow.estimator.detectors.letterbox import Letterbox, letterbox
from poseflow.poses import Poses, at_origin
from poseflow.skeletons import fitting_skeleton
from poseflow.skeletons.skeleton import Skeleton

DEFAULT_SIDE = 640


class OnnxWholeImagePoses(OneStagePoses):
    """A one-stage `EstimatorBackend`: people and joints by one network.

    Args:
        model: RTMO or YOLO-pose.
        kind: Which of the two.
        skeleton: The joints; default the built-in one with as many joints.
        batch_size: Images at once; halved when the device runs out of memory.
        least_score: People below this score are left out.
        overlap: IoU of boxes above which the lower-scored person is left out.

    Raises:
        PoseFlowError: If the joints do not fit the skeleton.
    """

    def __init__(
        self,
        model: OnnxModel,
        kind: PoseKind,
        skeleton: Skeleton | str | None = None,
        *,
        batch_size: int = 8,
        least_score: float = 0.25,
        overlap: float = 0.65,
    ) -> None:
        self.model = model
        self.title = f"{model.path}: this model"
        self.kind = kind
        self.batches = Batches(batch_size)
        self.least_score = least_score
        self.overlap = overlap
        size = model.signature.size(DEFAULT_SIDE)
        assert size is not None
        self.width, self.height = size
        self._values = 3
        if kind == "rtmo":
            joints = next(s[2] for _, s in model.signature.outputs if len(s) == 4)
            if joints is None:
                raise FormatError(
                    f"{model.path}: the number of joints is free in its output; export "
                    "the model with a fixed one"
                )
        else:
            found = yolo_joints(model.signature)
            if found is None:
                raise FormatError(
                    f"{model.path}: the number of joints is neither in the metadata "
                    "(kpt_shape) nor known from the output's shape"
                )
            joints, self._values = found
        self.skeleton = fitting_skeleton(model.path, joints, skeleton)

    def _predict(self, images: Sequence[Image]) -> list[Poses]:
        return self.batches.map(images, self._batch)

    def _batch(self, images: Sequence[Image]) -> list[Poses]:
        frames = [
            letterbox(i, self.width, self.height, centred=self.kind == "yolo_pose")
            for i in images
        ]
        planes: Floats = np.stack([f.image for f in frames]).astype(np.float32)
        if self.kind == "yolo_pose":
            planes = planes[..., ::-1] / 255
        rows = self._rows(self.model.run(planes.transpose(0, 3, 1, 2)))
        return [self._people(r, f) for r, f in zip(rows, frames, strict=True)]

    def _rows(self, outputs: list[Floats]) -> Floats:
        """Candidates `(N, P, 5 + 3K)`: box xyxy, score, joints in frame pixels."""
        joints = len(self.skeleton)
        if self.kind == "rtmo":
            keypoints, boxes = sorted(outputs, key=lambda out: out.ndim == 3)
            flat = keypoints.reshape(*keypoints.shape[:2], 3 * joints)
            return np.concatenate([boxes, flat], axis=2)
        out = outputs[0]
        if out.shape[2] == 6 + self._values * joints:
            require_end_to_end(self.model.path, out.shape[1])
            return np.delete(out, 5, axis=2)
        if out.shape[1] != 5 + self._values * joints:
            raise FormatError(
                f"{self.model.path}: expected {5 + self._values * joints} channels for "
                f"{joints} joints, got an output of {out.shape}"
            )
        out = out.transpose(0, 2, 1)
        half = out[..., 2:4] / 2
        corners = [out[..., :2] - half, out[..., :2] + half]
        return np.concatenate([*corners, out[..., 4:]], axis=2)

    def _people(self, rows: Floats, frame: Letterbox) -> Poses:
        with np.errstate(invalid="ignore"):
            likely = rows[:, 4] >= self.least_score
        rows = rows[likely & np.isfinite(rows[:, :5]).all(axis=1)]
        rows = rows[box_nms(rows[:, :4], rows[:, 4], self.overlap)]
        values = rows[:, 5:].reshape(len(rows), len(self.skeleton), self._values)
        if self._values == 3:
            joint_scores = np.maximum(values[..., 2], 0)
        else:
            joint_scores = np.repeat(rows[:, 4:5], len(self.skeleton), axis=1)
        # Exports with their own post-processing put joints that are not found there.
        joint_scores[at_origin(values)] = 0
        return Poses(
            frame.to_image(values[..., :2]),
            joint_scores,
            frame.boxes_to_image(rows[:, :4]),
            rows[:, 4],
            skeleton=self.skeleton,
        )

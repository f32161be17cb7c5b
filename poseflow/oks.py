"""Object keypoint similarity, COCO's measure of how alike two poses are.

Source: https://cocodataset.org/#keypoints-eval, which defines
OKS = mean_n exp(-d_n^2 / (2 s^2 k_n^2)), with k_n = 2 sigma_n and s^2 the area.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Bools = npt.NDArray[np.bool_]


def oks(
    first: Floats,
    second: Floats,
    area: Floats,
    sigmas: npt.ArrayLike,
    first_present: Bools | None = None,
    second_present: Bools | None = None,
) -> Floats:
    """OKS of every pose of `first` with every pose of `second`.

    Args:
        first: Keypoints `(N, K, 2)` pixels.
        second: Keypoints `(M, K, 2)` pixels.
        area: s^2 in square pixels, `(N,)` for the area of each first pose, or `(N, M)`.
        sigmas: `(K,)` per-joint constants sigma.
        first_present: `(N, K)` joints that count; default all.
        second_present: `(M, K)` joints that count; default all.

    Returns:
        `(N, M)` float64 in [0, 1]: the mean over joints that count on both sides, 0
        where there are none or the area is 0.

    Examples:
        >>> import numpy as np
        >>> pose = np.array([[[0, 0], [10, 0.0]]])
        >>> oks(pose, pose + [[1, 0]], np.array([100.0]), [0.1, 0.1]).round(3)
        array([[0.882]])
    """
    joints = first.shape[1]
    shape = (len(first), len(second))
    if joints == 0 or 0 in shape:
        return np.zeros(shape)
    area = np.asarray(area, np.float64)
    if area.ndim == 1:
        area = area[:, None]
    variance = 2.0 * (2.0 * np.asarray(sigmas, np.float64)) ** 2
    # Joints in front, so that every array below is a stack of (N, M) planes; float64
    # throughout, because squared distances of float32 lose what small people need.
    a = np.ascontiguousarray(first.transpose(2, 1, 0), np.float64)[:, :, :, None]
    b = np.ascontiguousarray(second.transpose(2, 1, 0), np.float64)[:, :, None, :]
    distance = (a[0] - b[0]) ** 2
    distance += (a[1] - b[1]) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        distance /= -variance[:, None, None]
        distance /= area
    similarity = np.exp(distance, out=distance)
    if first_present is None and second_present is None:
        total: Floats = similarity.mean(axis=0)
    else:
        both = (
            np.ones((joints, 1, 1))
            * (1.0 if first_present is None else first_present.T[:, :, None])
            * (1.0 if second_present is None else second_present.T[:, None, :])
        )
        similarity = np.where(both > 0, similarity, 0.0)
        count = np.broadcast_to(both, similarity.shape).sum(axis=0)
        total = similarity.sum(axis=0) / np.maximum(count, 1)
    return np.where(np.broadcast_to(area, shape) > 0, total, 0.0)

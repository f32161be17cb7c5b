"""Object keypoint similarity (OKS) of poses, in [0, 1]."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Bools, Floats


def oks(
    a_keypoints: Floats,
    b_keypoints: Floats,
    areas: npt.ArrayLike,
    sigmas: npt.ArrayLike,
    present: Bools,
) -> Floats:
    """Object keypoint similarity of every pose of `a` with every pose of `b`.

    The mean over the joints that count of exp(-d^2 / (2 area (2 sigma)^2)), d being the
    distance of the joint in the two poses. Source: the COCO keypoint evaluation
    (cocodataset.org, "Object Keypoint Similarity"), where `a` is the annotation.

    Args:
        a_keypoints: `(N, K, 2)` pixels.
        b_keypoints: `(M, K, 2)` pixels.
        areas: `(N,)` areas of `a` in square pixels (COCO: of the segment), at least 0;
            or `(N, M)` for an area of each pair.
        sigmas: `(K,)` per-joint constants above 0, as in `Skeleton.sigmas`.
        present: Which joints count: `(N, K)` those of `a`, or `(N, M, K)` per pair.

    Returns:
        `(N, M)` float64; 0 where no joint counts, or where both distance and area are
        beyond float64.

    Examples:
        >>> import numpy as np
        >>> a = np.array([[[0, 0], [10, 0.0]]])
        >>> b = np.array([[[0, 0], [10, 2.0]], [[0, 0], [10, 0.0]]])
        >>> oks(a, b, [100.0], [0.1, 0.1], np.ones((1, 2), bool)).round(3)
        array([[0.803, 1.   ]])
    """
    area = np.asarray(areas, np.float64)
    area = area[:, None] if area.ndim == 1 else area
    spread = 2 * np.square(2 * np.asarray(sigmas, np.float64))
    # Joints in front, so that everything below is a stack of (N, M) planes; float64,
    # because squared distances of float32 lose what small people need.
    a = a_keypoints.astype(np.float64).transpose(2, 1, 0)[..., None]
    b = b_keypoints.astype(np.float64).transpose(2, 1, 0)[..., None, :]
    with np.errstate(over="ignore", invalid="ignore"):  # coordinates of 1e200
        distance = (a[0] - b[0]) ** 2
        distance += (a[1] - b[1]) ** 2
        distance /= -spread[:, None, None]
        # The tiny addend is COCO's: an area of 0 then gives 0 (or 1 for equal points).
        distance /= area + np.spacing(1)
    count = present if present.ndim == 3 else present[:, None, :]
    count = count.transpose(2, 0, 1)
    total: Floats = np.where(count, np.exp(distance, out=distance), 0).sum(axis=0)
    mean: Floats = np.nan_to_num(total / np.maximum(count.sum(axis=0), 1), copy=False)
    return mean

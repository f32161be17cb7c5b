"""IDF1 and its kin: how much of the time the right person had the right id.

Source: Ristani et al., "Performance Measures and a Data Set for Multi-Target,
Multi-Camera Tracking" (ECCV Workshops 2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.eval.metrics.assignment import assign
from poseflow.eval.metrics.similarity_table import Overlaps


def count_identity(overlaps: Overlaps) -> dict[str, npt.NDArray[Any]]:
    """Count frames that agree under the best one-to-one assignment of whole tracks.

    Args:
        overlaps: Only cells that may match; their similarity plays no part.

    Returns:
        `idtp`, `idfp` and `idfn`, each `(n_groups,)`.
    """
    tracks = len(overlaps.result_groups)
    g = overlaps.truth.tracks[overlaps.truth_at]
    p = overlaps.result.tracks[overlaps.result_at]
    pairs, agreed = np.unique(g * tracks + p, return_counts=True)
    rows, columns = np.divmod(pairs, max(tracks, 1))
    taken = assign(rows, columns, agreed.astype(np.float64))
    groups = overlaps.truth_groups[rows[taken]]
    idtp = np.bincount(groups, agreed[taken], overlaps.n_groups).astype(np.int64)
    return {
        "idtp": idtp,
        "idfp": overlaps.result_counts - idtp,
        "idfn": overlaps.truth_counts - idtp,
    }

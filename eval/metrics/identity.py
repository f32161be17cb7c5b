"""IDF1, IDP and IDR: identity scores from one assignment of whole tracks.

Source: Ristani et al., "Performance Measures and a Data Set for Multi-Target,
Multi-Camera Tracking" (ECCV Workshops 2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poseflow.eval.metrics.assignment import max_weight_matching
from poseflow.eval.metrics.similarity_table import SimilarityTable


def count_identity(table: SimilarityTable) -> dict[str, npt.NDArray[Any]]:
    """Count frames that agree under the best one-to-one assignment of whole tracks.

    Args:
        table: Only cells that may match; their similarity does not count.

    Returns:
        `idtp`, `idfp` and `idfn`, each `(n_groups,)`.
    """
    tracks = len(table.result_groups)
    g = table.truth.tracks[table.truth_at]
    p = table.result.tracks[table.result_at]
    pairs, agreed = np.unique(g * tracks + p, return_counts=True)
    rows, columns = np.divmod(pairs, max(tracks, 1))
    taken = max_weight_matching(rows, columns, agreed.astype(np.float64))
    groups = table.truth_groups[rows[taken]]
    idtp = np.bincount(groups, agreed[taken], table.n_groups).astype(np.int64)
    return {
        "idtp": idtp,
        "idfp": table.result_counts - idtp,
        "idfn": table.truth_counts - idtp,
    }

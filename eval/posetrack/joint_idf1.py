"""IDF1, IDP and IDR of joints, with id switches and fragmentations.

Joints match within PCKh 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.eval.metric import GROUPS, Metric, Section
from poseflow.eval.metrics.clear import count_clear, match_clear
from poseflow.eval.metrics.identity import count_identity
from poseflow.eval.posetrack.joint_similarity import joint_similarity_table
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.formats.posetrack.annotations import JOINTS

Counts = dict[str, Ints]

_IDENTITY = ("idtp", "idfp", "idfn")
_COUNTED = (
    *("num_switches", "num_fragmentations", "num_unique_objects"),
    *("mostly_tracked", "partially_tracked", "mostly_lost"),
)


class JointIDF1(Metric[Counts]):
    """Identity scores per joint; columns and totals add up the joints' counts."""

    def measure(self, sequences: Sequence[PreparedSequence]) -> list[Counts]:
        """Counts `(15,)` of each sequence."""
        if not sequences:
            return []
        table = joint_similarity_table(sequences, matches_only=True)
        distances = 1 - table.similarity
        convention = self.rules.clear_convention
        matches = match_clear(table, distances, convention)
        clear = count_clear(table, matches, distances, convention)
        counts = count_identity(table) | {name: clear[name] for name in _COUNTED}
        columns = {k: v.reshape(len(JOINTS), -1) for k, v in counts.items()}
        return [{k: v[:, n] for k, v in columns.items()} for n in range(len(sequences))]

    def total(self, parts: Sequence[Counts]) -> Section:
        """Counts are summed over sequences and joints, then divided."""
        zero = np.zeros(len(JOINTS), np.int64)
        joint_counts = {
            name: sum((part[name] for part in parts), zero)
            for name in (*_IDENTITY, *_COUNTED)
        }
        counts = {k: np.append(v, v.sum()) for k, v in joint_counts.items()}
        idtp, idfp, idfn = (counts[name] for name in _IDENTITY)
        twice, either = 2 * idtp, 2 * idtp + idfp + idfn
        joints = {
            "IDF1": percent(twice, either),
            "IDP": percent(idtp, idtp + idfp),
            "IDR": percent(idtp, idtp + idfn),
        }
        columns = [
            percent(*(np.array(x[list(group)].sum()) for x in (twice, either)))
            for group in GROUPS.values()
        ]
        return Section(
            name="idf1",
            mode=self.rules.mode,
            joints=joints,
            groups={"IDF1": np.append(columns, joints["IDF1"][-1])},
            summary={"IDP": float(joints["IDP"][-1]), "IDR": float(joints["IDR"][-1])},
            counts=counts,
        )


def percent(over: Floats, under: Floats) -> Floats:
    """100 x over / under, NaN where there is nothing."""
    out: Floats = np.full(np.shape(under), np.nan)
    np.divide(100.0 * over, under, out=out, where=np.asarray(under) > 0)
    return out

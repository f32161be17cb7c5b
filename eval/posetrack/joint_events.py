"""Event tables of PoseTrack's MOTA, which tracks every joint on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from poseflow.errors import PoseFlowError
from poseflow.eval.diagnosis.track_table import TrackTable
from poseflow.eval.event_table import event_table, joined
from poseflow.eval.posetrack.joint_similarity import REACH
from poseflow.eval.posetrack.pairing import SequenceInput
from poseflow.eval.posetrack.pckh import PreparedSequence
from poseflow.eval.posetrack.pose_tracking import frame_numbers
from poseflow.eval.posetrack.preparation import prepare
from poseflow.eval.posetrack.rules import rules_of
from poseflow.formats.posetrack.annotations import JOINTS

if TYPE_CHECKING:
    import pandas

    from poseflow.eval.metrics.clear import Convention


def joint_events(
    inputs: Sequence[SequenceInput],
    mode: str,
    joint: str | None = None,
    sequence: str | None = None,
) -> pandas.DataFrame:
    """Events of every joint of every sequence, or of some.

    Args:
        inputs: The sequences; their files are read again.
        mode: Rules of scoring.
        joint: One joint only, by name.
        sequence: One sequence only, by name.

    Returns:
        The layout of `event_table`, with the levels `Sequence` and `Joint` before it in
        the index where that is not chosen.

    Raises:
        PoseFlowError: If there is no such joint or sequence.
    """
    if joint is not None and joint not in JOINTS:
        raise PoseFlowError(
            f"joint: expected one of {', '.join(JOINTS)}, got {joint!r}"
        )
    chosen = [one for one in inputs if sequence in (None, one.name)]
    if sequence is not None and not chosen:
        raise PoseFlowError(f"the report has no sequence {sequence!r}")
    rules = rules_of(mode)
    joints = JOINTS if joint is None else (joint,)
    tables = {}
    for one in chosen:
        prepared = prepare(one.load(), rules)
        for name in joints:
            tables[one.name, name] = _events(
                prepared, JOINTS.index(name), rules.clear_convention
            )
    names = ("Sequence", "Joint")
    kept = [k for k, value in enumerate((sequence, joint)) if value is None]
    if not kept:
        return next(iter(tables.values()))
    return joined(
        {tuple(key[k] for k in kept): table for key, table in tables.items()},
        tuple(names[k] for k in kept),
    )


def _events(
    sequence: PreparedSequence, joint: int, convention: Convention
) -> pandas.DataFrame:
    """Events of one joint of one sequence, in the frames that tracking uses."""
    count = sequence.num_frames
    numbers = frame_numbers(sequence)
    used = np.ones(count, bool) if sequence.tracked is None else sequence.tracked
    # What tracking leaves out is the last frame, and those without people on a side.
    left_out = np.flatnonzero(~used)[: sequence.placeholder_frames]
    truth = sequence.gt_present[:, joint] & used[sequence.gt_frames]
    result = sequence.pred_present[:, joint] & used[sequence.pred_frames]
    pairs = sequence.candidates
    matches = pairs.matches[:, joint] & truth[pairs.gt] & result[pairs.pred]
    cells = np.flatnonzero(matches)
    places = [np.cumsum(side) - 1 for side in (truth, result)]
    table = TrackTable.of(
        sequence.name,
        (numbers[sequence.gt_frames[truth]], sequence.gt_ids[truth]),
        (numbers[sequence.pred_frames[result]], sequence.pred_ids[result]),
        places[0][pairs.gt[cells]],
        places[1][pairs.pred[cells]],
        1 - pairs.distances[cells, joint] / REACH,
    )
    return event_table(
        table,
        0.0,
        convention,
        reach=REACH,
        frames=numbers[np.sort(np.r_[np.flatnonzero(used), left_out])],
        placeholders=numbers[left_out],
    )

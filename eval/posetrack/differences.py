"""Where poseval and the definitions part ways on the data at hand, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from poseflow.errors import FormatError
from poseflow.eval.metric import SequencePair
from poseflow.eval.posetrack.pckh import assign_poses, assign_poses_poseval
from poseflow.eval.posetrack.preparation import prepare_poseval, prepare_strict

_SENTENCES = {
    "labelled_empty": "labelled frames without people: dropped by poseval; predictions "
    "there are false positives in strict",
    "unlabelled_used": "frames with people that say is_labeled: false: scored by "
    "poseval, not by strict",
    "last_frames": "last frames of sequences: left out of tracking by poseval only",
    "invented": "frames with nobody predicted, or nobody left: 1 miss and 1 false "
    "positive of every joint for poseval; what is in them for strict",
    "never_annotated": "joints that are never annotated: AP 0 if never predicted, and "
    "invented objects in tracking, for poseval; left out of all means in strict",
    "missing_scores": "predicted joints without a score: ranked last by poseval; by "
    "the pose's score in strict if no joint of the pose has one, else last",
    "zero_heads": "head boxes of size zero: nothing matches for poseval; a joint "
    "exactly in place does in strict",
    "assignment": "predicted poses assigned otherwise: who loses a person to a better "
    "pose may get another in strict, where distances settle ties",
    "tied_scores": "predicted joints that share their score with another: ranked one "
    "by one by poseval (here as a stable sort does), all at once in strict",
    "poseval_fails": "sequences that poseval cannot score (frame counts differ)",
}
_ALWAYS = (
    "MOTP: poseval also adds the distances of all candidate pairs, so that a match "
    "counts at least twice; strict takes the matches alone",
)


def count_differences(pair: SequencePair) -> Counter[str]:
    """How often each rule matters in a sequence."""
    counts: Counter[str] = Counter()
    people = np.bincount(pair.gt.frames, minlength=pair.gt.num_frames) > 0
    counts["labelled_empty"] = int((~people & (pair.gt.labelled != 0)).sum())
    counts["unlabelled_used"] = int((people & (pair.gt.labelled == 0)).sum())
    try:
        poseval = prepare_poseval(pair)
    except FormatError:
        counts["poseval_fails"] = 1
        return counts
    strict = prepare_strict(pair)
    counts["last_frames"] = int(poseval.scene.num_frames > 0)
    counts["invented"] = poseval.invented
    scene = strict.scene
    pred = pair.pred
    counts["missing_scores"] = int((pred.present & np.isnan(pred.scores)).sum())
    counts["zero_heads"] = int((scene.head_sizes == 0).sum())
    chosen, other = assign_poses(poseval.scene), assign_poses_poseval(poseval.scene)
    counts["assignment"] = int((chosen != other).sum())
    return counts


def describe_differences(counts: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for each rule that matters, with how often it does."""
    found = tuple(
        f"{sentence}: {counts[key]}"
        for key, sentence in _SENTENCES.items()
        if counts.get(key)
    )
    return found + _ALWAYS

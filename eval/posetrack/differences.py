"""Differences between the modes strict and poseval on given data, with counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from poseflow.eval.posetrack.pairing import SequencePair
from poseflow.eval.posetrack.pckh import PreparedSequence, assign_poses
from poseflow.eval.posetrack.rules import POSEVAL, STRICT

_SENTENCES = {
    "labelled_empty": "labelled frames without people: dropped by poseval; predictions "
    "there are false positives in strict",
    "unlabelled_used": "frames with people that say is_labeled: false: scored by "
    "poseval, not by strict",
    "last_frames": "last frames of sequences: left out of tracking by poseval only",
    "placeholders": "frames without predicted or without annotated people: 1 miss and "
    "1 false positive of every joint in poseval; counted as they are in strict",
    "never_annotated": "joints that are never annotated: AP 0 if never predicted, and "
    "placeholder objects in tracking, in poseval; left out of all means in strict",
    "missing_scores": "predicted joints without a score: ranked last in poseval; by "
    "the pose's score in strict if no joint of the pose has one, else last",
    "zero_heads": "head boxes of size zero: nothing matches in poseval; a joint "
    "exactly in place does in strict",
    "assignment": "predicted poses assigned differently: a pose that loses its person "
    "to a better one may get another person in strict, where distances settle ties",
    "tied_scores": "predicted joints that share their score with another: ranked one "
    "by one in poseval (here as a stable sort does), all at once in strict",
    "poseval_fails": "sequences that poseval cannot score (frame counts differ)",
}
_ALWAYS = (
    "MOTP: poseval also adds the distances of all candidate pairs, so that a match "
    "counts at least twice; strict counts the matches only",
)


def count_differences(
    pair: SequencePair, strict: PreparedSequence, poseval: PreparedSequence | None
) -> Counter[str]:
    """Number of cases of a sequence in which each rule makes a difference.

    Args:
        pair: The sequence.
        strict: It, prepared by strict's rules.
        poseval: It, prepared by poseval's rules; None where these cannot.
    """
    counts: Counter[str] = Counter()
    people = np.bincount(pair.gt.frames, minlength=pair.gt.num_frames) > 0
    counts["labelled_empty"] = int((~people & (pair.gt.labelled != 0)).sum())
    counts["unlabelled_used"] = int((people & (pair.gt.labelled == 0)).sum())
    if poseval is None:
        counts["poseval_fails"] = 1
        return counts
    counts["last_frames"] = int(poseval.num_frames > 0)
    counts["placeholders"] = poseval.placeholder_frames
    counts["missing_scores"] = int(
        (pair.pred.present & np.isnan(pair.pred.scores)).sum()
    )
    counts["zero_heads"] = int((strict.head_sizes == 0).sum())
    chosen = [assign_poses(poseval, r.pose_assignment) for r in (STRICT, POSEVAL)]
    counts["assignment"] = int((chosen[0] != chosen[1]).sum())
    return counts


def describe_differences(counts: Mapping[str, int]) -> tuple[str, ...]:
    """A sentence for each rule that makes a difference, with the number of cases."""
    found = tuple(
        f"{sentence}: {counts[key]}"
        for key, sentence in _SENTENCES.items()
        if counts.get(key)
    )
    return found + _ALWAYS

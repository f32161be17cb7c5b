"""Rules of the scoring modes `strict`, `poseval` and `posetrack21`: a `RuleSet` each.

Preparation and metrics read the rules and compare no names of modes. To change how a
mode counts, change its rule here; to find the code of a rule, search for the field's
name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from poseflow.errors import PoseFlowError
from poseflow.eval.metrics.clear import Convention
from poseflow.eval.metrics.hota import Runs

PoseAssignment = Literal["best_pairs_first", "best_prediction_per_person"]


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """Rules of a scoring mode where PoseTrack's programs and definitions differ.

    Defaults are the published definitions; below, the modes of the official programs
    list what they do differently. docs/scoring.md and docs/metrics.md show the modes
    side by side.
    """

    mode: str
    """Name of the mode, as in `poseflow evaluate --mode`."""
    metrics: tuple[str, ...]
    """Metrics that the mode has."""
    default_metrics: tuple[str, ...]
    """Metrics that are computed when none are named."""

    # Frames
    scored_frames: Literal["labelled", "annotated"] = "labelled"
    """All that do not say `is_labeled: false`, or all with annotated people."""
    frame_pairing: Literal["name", "position", "position_or_id"] = "name"
    """How predicted frames are found: by image id, else file name, else position; by
    position, with equal frame counts; by position, or by image id where ids differ."""
    last_frame_tracked: bool = True
    """Whether tracking counts the last scored frame of a sequence."""
    empty_frames: Literal["as_they_are", "one_error_per_joint"] = "as_they_are"
    """What tracking counts in a frame without predicted or without annotated people:
    all as it is, or one miss and one false positive of every joint."""

    # People and joints
    existing_joints: Literal["given", "positive"] = "given"
    """Joints that the file gives, or only those with x > 0 and y > 0."""
    people_without_joints: Literal["dropped", "kept", "kept_if_listed"] = "dropped"
    """Whether a person without a joint counts as one. When kept, it is dropped only in
    frames with ignore regions, and if `kept_if_listed` where a 2017 file has no list
    of points."""
    missing_joint_score: Literal["pose_score", "last"] = "pose_score"
    """Rank of a joint without a score: by its pose's score if the pose has no joint
    score, else last; or always last."""
    truncated_scores: bool = False
    """Whether scores lose their decimals in frames whose keypoints are all written as
    whole numbers."""
    zero_head_matches: bool = True
    """Whether a joint exactly in place matches a person whose head box has size 0."""

    # Average precision
    pose_assignment: PoseAssignment = "best_pairs_first"
    """How predicted poses are assigned to people (`assign_poses`)."""
    tied_scores: Literal["one_step", "one_by_one"] = "one_step"
    """Whether joints of equal score enter the curve at once, or the later one first."""
    absent_joints: Literal["undefined", "zero_if_unpredicted", "zero"] = "undefined"
    """AP of a joint that is never annotated: NaN; 0 if it is never predicted either,
    else NaN; or 0. An annotated joint that is never predicted has 0 in all modes."""
    undefined_joints_skipped: bool = True
    """Whether a column's mean leaves out undefined joints, or is undefined with one."""
    ap_rows: tuple[str, ...] = ("AP",)
    """Rows of the AP table, of AP, precision and recall."""

    # CLEAR MOT
    clear_convention: Convention = "motmetrics"
    """Program whose CLEAR MOT conventions are used: tie rule of MOTA, mostly tracked,
    fragmentations (`match_clear`, `count_clear`)."""
    motp_distances: Literal["matches", "all_events"] = "matches"
    """Distances that MOTP averages: of the matches; or of all candidate pairs, matches,
    transfers, ascends and migrates, over the number of matches."""

    # HOTA
    hota_alignment: bool = True
    """Whether matching weighs similarity with the global alignment of the two ids."""
    hota_runs: Runs = "published"
    """Where a run of matches ends, and how FA-HOTA is averaged (`sum_hota`)."""
    hota_unpredicted_frames: Literal["own_joints", "all_joints"] = "own_joints"
    """Misses of a frame without predicted poses: its annotated joints, or those of the
    whole sequence."""
    hota_totals: Literal["pooled", "weighted_means"] = "pooled"
    """Whether columns and totals pool the joints' matches, or average the joints, and
    weigh the sequences' means with their matches."""
    hota_notes: tuple[str, ...] = ()
    """Sentences for the readers of HOTA's figures."""
    ap_notes: tuple[str, ...] = ()
    """Sentences for the readers of AP's figures."""


STRICT = RuleSet(
    mode="strict",
    metrics=("ap", "mot", "hota", "idf1", "pose"),
    default_metrics=("ap", "mot"),
    hota_notes=(
        "hota: in PoseTrack21 files only joints with x > 0 and y > 0 exist, as for its "
        "kit",
    ),
)
"""The published definitions of the metrics: all defaults."""

POSEVAL = RuleSet(
    mode="poseval",
    metrics=("ap", "mot"),
    default_metrics=("ap", "mot"),
    scored_frames="annotated",
    frame_pairing="position",
    last_frame_tracked=False,
    empty_frames="one_error_per_joint",
    people_without_joints="kept_if_listed",
    missing_joint_score="last",
    zero_head_matches=False,
    pose_assignment="best_prediction_per_person",
    tied_scores="one_by_one",
    absent_joints="zero_if_unpredicted",
    undefined_joints_skipped=False,
    motp_distances="all_events",
)
"""The official program for PoseTrack17 and 18; it has no HOTA."""

POSETRACK21 = RuleSet(
    mode="posetrack21",
    metrics=("ap", "hota"),
    default_metrics=("ap", "hota"),
    frame_pairing="position_or_id",
    existing_joints="positive",
    people_without_joints="kept",
    missing_joint_score="last",
    truncated_scores=True,
    zero_head_matches=False,
    pose_assignment="best_prediction_per_person",
    tied_scores="one_by_one",
    absent_joints="zero",
    undefined_joints_skipped=False,
    ap_rows=("AP", "precision", "recall"),
    hota_alignment=False,
    hota_runs="posetrack21",
    hota_unpredicted_frames="all_joints",
    hota_totals="weighted_means",
    hota_notes=(
        "posetrack21: pairs are matched by similarity alone; published HOTA weighs it "
        "with the global alignment of the two ids (strict does)",
        "posetrack21: a frame without any predicted pose adds the annotated joints of "
        "its whole sequence to the misses, not only its own (strict counts its own)",
        "posetrack21: FA-HOTA is sqrt(DetA sqrt(AssA FragA)), a product of means; "
        "published it averages sqrt(A F) over the matches (strict does)",
        "posetrack21: a fragment ends only where the person is matched to another id; "
        "as published it also ends where one of the two is there without the other "
        "(strict)",
    ),
    ap_notes=(
        "posetrack21: a joint that is never annotated or never predicted counts with 0 "
        "in the means",
    ),
)
"""PoseTrack21's evaluation kit; it has no MOTA.

Source: Döring et al., "PoseTrack21: A Dataset for Person Search, Multi-Object Tracking
and Multi-Person Pose Tracking" (CVPR 2022), and the behaviour of its kit, faults
included.
"""

RULES = {rules.mode: rules for rules in (STRICT, POSEVAL, POSETRACK21)}
"""The modes by name."""


def rules_of(mode: str) -> RuleSet:
    """The rules of a mode.

    Raises:
        PoseFlowError: If there is no such mode.
    """
    if mode not in RULES:
        raise PoseFlowError(
            f"unknown mode {mode!r}; expected one of {', '.join(RULES)}"
        )
    return RULES[mode]

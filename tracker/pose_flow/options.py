"""`PoseFlowOptions`: parameters of the `poseflow` tracker."""

from __future__ import annotations

from dataclasses import dataclass

from poseflow.tracker.matchers.base import Matcher
from poseflow.validation import check_options, option


@dataclass(frozen=True)
class PoseFlowOptions:
    """Parameters of `poseflow`; lengths in person sizes (longer side of the box).

    Attributes:
        window_frames: Length of the sliding window (L in the paper); ids are final
            after so many frames.
        candidate_similarity: Inter-frame similarity from which a pose is a candidate
            for a pose flow (epsilon in the paper).
        similarity_weight: Weight of the inter-frame similarity beside the confidence.
        stop_frames: Frames in which a pose flow must gain confidence (r in the paper).
        stop_fraction: Fraction of its usual gain below which a pose flow stops (gamma
            in the paper).
        merge_similarity: Intra-frame similarity from which pose flows are merged.
        minimum_common_frames: Frames that pose flows must share to be merged.
        relink_frames: Longest gap across which a stopped pose flow is continued.
        relink_oks: Motion-compensated OKS that this takes, in [0, 1].
        sigma_growth_per_frame: Growth of the prediction's deviation per missed frame.
        gate_sizes: Largest distance of a pose from the predicted one.
        minimum_frames: Shorter pose flows get no final id: short false positives.
        joint_box_fraction: Side of a joint's box, in which feature points count.
        sigma_factor: Factor on the skeleton's OKS sigmas.
        unify_confidence: Replace the joint scores of the final output by the mean
            confidence of the pose flow (confidence unification in the paper).
        matcher: `"none"`, `"orb"`, `"flow"` (optical flow) or a `Matcher`.
    """

    window_frames: int = option(20, low=1)
    candidate_similarity: float = option(1 / 25, low=0, high=1)
    similarity_weight: float = option(4.0, low=0)
    stop_frames: int = option(3, low=1)
    stop_fraction: float = option(0.2, low=0, high=1)
    merge_similarity: float = option(0.5, low=0, high=1)
    minimum_common_frames: int = option(2, low=1)
    relink_frames: int = option(60, low=0)
    relink_oks: float = option(0.25, low=0, high=1)
    sigma_growth_per_frame: float = option(0.01, low=0)
    gate_sizes: float = option(1.0, low=0)
    minimum_frames: int = option(3, low=1)
    joint_box_fraction: float = option(0.1, low=0, high=1)
    sigma_factor: float = option(1.2, low=1e-6)
    unify_confidence: bool = False
    matcher: str | Matcher = "none"

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)

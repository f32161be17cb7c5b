"""Options of `refine`."""

from __future__ import annotations

from dataclasses import dataclass

from poseflow.tracker.postprocess.gap_filling import FILL_SCORE_FACTOR
from poseflow.validation import check_options, option


@dataclass(frozen=True)
class RefineOptions:
    """Parameters of `refine`; lengths in person sizes (longer side of the box).

    Attributes:
        max_tracks: Known number of people; None to estimate whether it is stable.
        maximum_gap_frames: Longest gap that is stitched, where the number of people is
            not known; else any is.
        deviation_sizes: Standard deviation of the predicted position without a gap.
        deviation_growth_sizes: Growth of that deviation per frame of the gap.
        log_size_deviation: Standard deviation of the logarithm of the size ratio.
        gap_cost: Cost per doubling of the gap.
        maximum_cost: A link must cost less than this, the cost of the end of one person
            and the beginning of another.
        maximum_cost_known: The same if the number of people is known, or stable.
        fill_frames: Longest gap whose poses are interpolated; 0 fills none.
        fill_score_factor: Factor on the scores of interpolated joints.
    """

    max_tracks: int | None = option(None, low=1)
    maximum_gap_frames: int = option(90, low=1)
    deviation_sizes: float = option(0.1, low=1e-9)
    deviation_growth_sizes: float = option(0.012, low=0)
    log_size_deviation: float = option(0.25, low=1e-9)
    gap_cost: float = option(0.3, low=0)
    maximum_cost: float = option(5.0, low=0)
    maximum_cost_known: float = option(20.0, low=0)
    fill_frames: int = option(15, low=0)
    fill_score_factor: float = option(FILL_SCORE_FACTOR, low=0, high=1)

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)

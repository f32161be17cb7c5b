"""Settings of `default`."""

from __future__ import annotations

from dataclasses import dataclass, field

from poseflow.errors import PoseFlowError
from poseflow.tracker.default.likelihood import EvidenceOptions
from poseflow.validation import require


@dataclass(frozen=True)
class DefaultOptions:
    """Parameters of `default`; lengths in body sizes (longer side), times in frames.

    Attributes:
        max_age_frames: People unseen for longer are forgotten.
        max_tracks: Known number of people: no more ids than that, ever.
        minimum_odds: Log odds that a pair must exceed.
        confirm: Trust at which somebody in the making gets an id.
        doubt: Relative score at which a sighting adds no trust beyond `patient_trust`.
        patient_trust: Least trust that a sighting adds: in the end, whoever stays
            gets an id.
        patience: Frames that somebody in the making may be missed.
        suspicion: Log odds that a relative score of 0 costs.
        same: Similarity above which two poses of a frame are one person.
        double: Log odds that a pose loses for being the lesser of two alike.
        shadow_frames: Frames as a double after which an id ends.
        settled: Frames seen after which an id outlives being a double.
        way: Log odds by which people in the making give way to people with an id.
        reach: How far from the prediction a pose may be.
        jump: How far from where it was last seen an id may turn up within
            `jump_frames`.
        jump_frames: Frames for which `jump` holds.
        due: Beyond `jump` goes who is so close to where a steady walker is expected.
        due_hits: Frames seen from which on somebody is a steady walker.
        open: Log odds that somebody well inside the picture is no newcomer.
        acceleration: Standard deviation of the change of velocity per frame.
        pace: Standard deviation of the velocity of somebody just seen, until the
            stream has shown how fast people move in it.
        restless: How quickly `acceleration` follows the surprises that the stream
            brings; 0 keeps it fixed.
        drag: Share of the velocity that somebody unseen keeps per frame.
        joint_gain: How far a joint follows its observation.
        spread: Factor on the joints' sigmas.
        spread_least: Least standard deviation of a joint.
        together: Take out what all people do together, when there is no picture.
        cut_people: When so many people or more change all at once, the scene was cut.
        recall: Log odds that recognising somebody by looks alone must overcome.
        recall_place: How much counts, in recognising, how far from where they left, or
            were going, somebody turns up; 0 if people come back anywhere.
        recall_frames: People who were looked at are remembered for so long.
        deliberate: Looks at a newcomer who resembles somebody away before deciding.
        window_frames: Delay of the final view, in which people in the making have the
            ids that they got later.
        most_bodies: Most people remembered, the latest seen.
        matcher: How the camera is followed in pictures: `"flow"` (corners of the
            background by sparse optical flow), `"orb"` (ORB features around people,
            which are then found anyway), or `"none"`. Correspondences given to
            `update` come before either.
        appearance: Look at the colours of people, if there is a picture.
        evidence: Constants of the log odds.
    """

    max_age_frames: int = 90
    max_tracks: int | None = None
    minimum_odds: float = 0.0
    confirm: float = 0.5
    doubt: float = 0.45
    patient_trust: float = 0.02
    patience: int = 2
    suspicion: float = 1.6
    same: float = 0.65
    double: float = 4.0
    shadow_frames: float = 6.0
    settled: int = 15
    way: float = 1.0
    reach: float = 0.9
    jump: float = 1.2
    jump_frames: int = 10
    due: float = 0.18
    due_hits: int = 6
    open: float = 2.0
    acceleration: float = 0.005
    pace: float = 0.06
    restless: float = 0.05
    drag: float = 0.995
    joint_gain: float = 0.7
    spread: float = 1.2
    spread_least: float = 0.02
    together: bool = True
    cut_people: int = 3
    recall: float = 1.5
    recall_place: float = 1.0
    recall_frames: int = 1500
    deliberate: int = 4
    window_frames: int = 20
    most_bodies: int = 1000
    matcher: str = "flow"
    appearance: bool = True
    evidence: EvidenceOptions = field(default_factory=EvidenceOptions)

    def __post_init__(self) -> None:
        """Check the ranges."""
        require("max_age_frames", self.max_age_frames, 1)
        if self.max_tracks is not None:
            require("max_tracks", self.max_tracks, 1)
        for name in ("same", "drag", "joint_gain"):
            require(name, getattr(self, name), 0, 1)
        for name in (
            "reach",
            "jump",
            "acceleration",
            "pace",
            "spread",
            "patience",
            "recall_place",
        ):
            require(name, getattr(self, name), 0)
        require("spread_least", self.spread_least, 1e-6)
        require("window_frames", self.window_frames, 0)
        if self.matcher not in ("flow", "orb", "none"):
            raise PoseFlowError(
                f"unknown matcher {self.matcher!r} for tracker 'default'; there are "
                "flow, orb, none"
            )
        if not isinstance(self.evidence, EvidenceOptions):
            raise PoseFlowError(
                f"evidence must be EvidenceOptions, got {self.evidence!r}"
            )

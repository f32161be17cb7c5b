"""Tracking benchmark: IDF1, HOTA and MOTA of trackers on seeded synthetic scenes.

Every tracker gets the same poses, made by `poseflow.synthetic`: ground truth seen by a
calibrated noisy detector with misses, duplicates, swapped joints and false positives.
Settings are chosen on `DEV_SEEDS` alone and reported on `TEST_SEEDS`; the figures of a
single seed vary by several points.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats
from poseflow.benchmark.clips import Clip, make_clip
from poseflow.benchmark.hardware import hardware
from poseflow.eval import TrackingScores, score_tracking
from poseflow.poses import Poses
from poseflow.sequence import PoseSequence
from poseflow.synthetic import PRESETS
from poseflow.tracker import TrackAppearances, Tracker, refine
from poseflow.tracker.appearance.track_means import image_appearance

DEV_SEEDS = tuple(range(0, 4))
"""Seeds on which settings may be chosen."""

TEST_SEEDS = tuple(range(100, 104))
"""Seeds that are reported, and never used to choose settings."""

SUITES = tuple(PRESETS)
"""Names of the synthetic suites."""

JUMP_FRAMES = 10
"""Frames within which an id that changes person counts as a jump, if it is far."""

JUMP_HEIGHTS = 1.5
"""Distance of a jump, in heights of the person who had the id."""


class Competitor(Protocol):
    """A tracker to measure, with the online `update` of `poseflow.Tracker`."""

    def update(self, poses: Poses, image: Any = None) -> Poses:
        """The same poses with `track_ids`, -1 for those without."""


class Final:
    """A tracker of this package, measured by its final ids instead of those at once.

    Args:
        tracker: A tracker whose `final_frames` come `delay_frames` later.
        refined: Whether `poseflow.tracker.refine` follows, with the appearances of the
            tracks if there are images.
        images: Whether the tracker itself is given the images.
    """

    def __init__(
        self, tracker: Tracker, refined: bool = False, images: bool = True
    ) -> None:
        self._tracker = tracker
        self._refined = refined
        self._images = images
        self._late: dict[int, Poses] = {}
        self._appearance: list[Floats] = []

    def update(self, poses: Poses, image: Any = None) -> Poses:
        """The ids given at once; `settle` returns the final ones."""
        tracked = self._tracker.update(poses, image if self._images else None)
        self._late.update(self._tracker.final_frames)
        if self._refined and image is not None:
            self._appearance.append(image_appearance(poses, image))
        return tracked

    def settle(self, sequence: PoseSequence) -> PoseSequence:
        """The sequence with final ids."""
        self._tracker.finish()
        self._late.update(self._tracker.final_frames)
        frames = tuple(
            replace(frame, poses=self._late.get(number, frame.poses))
            for number, frame in enumerate(sequence)
        )
        final = replace(sequence, frames=frames)
        if not self._refined:
            return final
        appearances = TrackAppearances()
        for frame, appearance in zip(final, self._appearance, strict=False):
            appearances.add(frame.poses[: len(appearance)], embeddings=appearance)
        return refine(final, appearances=appearances)


@dataclass(frozen=True)
class Row:
    """Scores of one tracker on one suite, all seeds pooled.

    Attributes:
        tracker: Name.
        suite: Suite, or `"mean"` over the suites.
        mota: MOTA, percent.
        idf1: IDF1, percent.
        hota: HOTA, percent.
        ass_a: AssA, percent.
        switches: Identity switches.
        fragmentations: Number of fragmentations.
        jumps: Ids given within `JUMP_FRAMES` frames to another person further than
            `JUMP_HEIGHTS` heights away.
        milliseconds: Process CPU time per `update`, mean over frames.
    """

    tracker: str
    suite: str
    mota: float
    idf1: float
    hota: float
    ass_a: float
    switches: float
    fragmentations: float
    jumps: float
    milliseconds: float


def run_clip(
    competitor: Competitor, clip: Clip, images: bool = False
) -> tuple[PoseSequence, float]:
    """Track one clip.

    Returns:
        The poses with ids, and the CPU seconds spent in `update`.
    """
    frames, spent = [], 0
    for number, frame in enumerate(clip.poses):
        image = clip.image(number) if images else None
        start = time.process_time_ns()
        tracked = competitor.update(frame.poses, image)
        spent += time.process_time_ns() - start
        frames.append(replace(frame, poses=tracked))
    result = replace(clip.poses, frames=tuple(frames))
    if isinstance(competitor, Final):
        result = competitor.settle(result)
    return result, spent / 1e9


def count_jumps(clip: Clip, result: PoseSequence) -> int:
    """Number of times that an id went to another, distant person in a few frames."""
    last: dict[int, tuple[int, int, npt.NDArray[Any], float]] = {}
    jumps = 0
    for number, (frame, sources) in enumerate(
        zip(result, clip.corruption.sources, strict=True)
    ):
        truth = clip.truth[number].poses
        heights = dict(
            zip(
                truth.track_ids.tolist(),
                (truth.boxes[:, 3] - truth.boxes[:, 1]).tolist(),
                strict=True,
            )
        )
        poses = frame.poses[~frame.poses.interpolated]
        for k, identity in enumerate(poses.track_ids.tolist()):
            person = int(sources[k])
            if identity < 0 or person not in heights:
                continue
            box = poses.boxes[k].astype(np.float64)
            centre = (box[:2] + box[2:]) / 2
            if identity in last:
                at, before, place, height = last[identity]
                far = np.linalg.norm(centre - place) > JUMP_HEIGHTS * height
                if before != person and number - at <= JUMP_FRAMES and far:
                    jumps += 1
            last[identity] = (number, person, centre, heights[person])
    return jumps


@dataclass(frozen=True)
class TrackingReport:
    """The result of `measure_tracking`.

    Attributes:
        hardware: Processor and versions.
        seeds: The seeds measured.
        images: Whether trackers were given images.
        rows: One per tracker and suite, and one per tracker for the mean.
    """

    hardware: dict[str, str]
    seeds: tuple[int, ...]
    images: bool
    rows: tuple[Row, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        from dataclasses import asdict

        return asdict(self)

    def table(self, suites: Iterable[str] | None = None) -> str:
        """All figures as markdown, a block per suite, the mean first."""
        names = list(dict.fromkeys(row.suite for row in self.rows))
        names = ["mean", *(n for n in names if n != "mean")]
        wanted = names if suites is None else list(suites)
        seeds = f"{self.seeds[0]}-{self.seeds[-1]}" if self.seeds else "none"
        input_kind = "with images" if self.images else "poses alone, no images"
        lines = [f"{name}: {value}" for name, value in self.hardware.items()]
        lines += ["", f"seeds {seeds}, {input_kind}", ""]
        lines += [
            "| suite | tracker | MOTA | IDF1 | HOTA | AssA | IDs | Frag | jumps "
            "| CPU ms/frame |",
            "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for suite in wanted:
            for r in (row for row in self.rows if row.suite == suite):
                lines.append(
                    f"| {suite} | {r.tracker} | {r.mota:.1f} | {r.idf1:.1f} | "
                    f"{r.hota:.1f} | {r.ass_a:.1f} | {r.switches:.0f} | "
                    f"{r.fragmentations:.0f} | {r.jumps:.0f} | {r.milliseconds:.2f} |"
                )
        return "\n".join(lines)


def score_clips(
    make: Callable[[], Competitor],
    clips: Sequence[Clip],
    label: str,
    images: bool = False,
) -> Row:
    """Track and score clips of one suite, pooled; a new tracker for each."""
    scores: list[TrackingScores] = []
    spent, jumps, frames = 0.0, 0, 0
    for clip in clips:
        result, seconds = run_clip(make(), clip, images)
        spent, frames = spent + seconds, frames + len(result)
        jumps += count_jumps(clip, result)
        scores.append(score_tracking(clip.truth, result, clip.similarity))
    return _row(label, clips[0].suite, scores, jumps, 1e3 * spent / max(frames, 1))


def oracle_row(clips: Sequence[Clip]) -> Row:
    """True ids on the same poses, false positives and duplicates removed."""
    scores = [
        score_tracking(c.truth, c.corruption.oracle(), c.similarity) for c in clips
    ]
    return _row("oracle", clips[0].suite, scores, 0, 0.0)


def _row(
    label: str, suite: str, scores: list[TrackingScores], jumps: int, ms: float
) -> Row:
    total = sum(scores[1:], scores[0])
    return Row(
        label,
        suite,
        total.mota,
        total.idf1,
        total.hota,
        total.ass_a,
        total.id_switches,
        total.fragmentations,
        jumps,
        ms,
    )


def mean_row(rows: Sequence[Row]) -> Row:
    """Mean over suites of one tracker's rows."""
    numbers = {
        name: float(np.mean([getattr(row, name) for row in rows]))
        for name in Row.__dataclass_fields__
        if name not in ("tracker", "suite")
    }
    return Row(rows[0].tracker, "mean", **numbers)


def own_trackers(images: bool = False) -> dict[str, Callable[[], Competitor]]:
    """The trackers of this package; with images, those that use them."""

    def named(name: str, **options: Any) -> Callable[[], Competitor]:
        return lambda: Tracker(name, **options)

    def final(
        name: str, refined: bool = False, images: bool = True
    ) -> Callable[[], Competitor]:
        return lambda: Final(Tracker(name), refined, images)

    if images:
        matched = {
            f"{name}, {matcher}": named(name, matcher=matcher)
            for name in ("released", "poseflow")
            for matcher in ("none", "orb", "flow")
        }
        return {
            **matched,
            "default": named("default"),
            "default, final": final("default"),
            "default, refined": final("default", refined=True),
            "default without images, refined with them": final(
                "default", refined=True, images=False
            ),
        }
    size = (1280, 720)
    return {
        "released": named("released", matcher="none"),
        "released, compat": named(
            "released", compat=True, image_size=size, matcher="none"
        ),
        "iou": named("iou"),
        "oks": named("oks"),
        "poseflow": named("poseflow"),
        "poseflow, final": final("poseflow"),
        "default": named("default"),
        "default, final": final("default"),
        "default, refined": final("default", refined=True),
    }


def measure_tracking(
    competitors: Mapping[str, Callable[[], Competitor]] | None = None,
    suites: Sequence[str] = SUITES,
    seeds: Sequence[int] = TEST_SEEDS,
    frames: int | None = None,
    images: bool = False,
    folder: Path | None = None,
) -> TrackingReport:
    """Measure trackers on the synthetic suites.

    Args:
        competitors: Label -> function that makes a new tracker; default this package's
            own.
        suites: Names of the suites.
        seeds: The seeds; those of a suite are pooled in one row.
        frames: Length of the clips; default the suite's.
        images: Give the trackers images.
        folder: Folder in which images are kept (about 2 MB each), so that each is
            rendered once; None renders them again for every tracker.
    """
    competitors = own_trackers(images) if competitors is None else competitors
    rows: list[Row] = []
    for suite in suites:
        clips = [make_clip(suite, seed, frames, folder) for seed in seeds]
        rows += [score_clips(m, clips, k, images) for k, m in competitors.items()]
        rows.append(oracle_row(clips))
    for label in (*competitors, "oracle"):
        rows.append(mean_row([row for row in rows if row.tracker == label]))
    return TrackingReport(hardware(), tuple(seeds), images, tuple(rows))


def measure_suites(
    competitors: Mapping[str, Callable[[], Competitor]] | None = None,
    quick: bool = False,
    images: bool = False,
    folder: Path | None = None,
) -> TrackingReport:
    """Measure trackers on the test seeds: `poseflow benchmark tracking`.

    Args:
        competitors: As in `measure_tracking`.
        quick: Three suites, one seed, 100 frames.
        images: Give the trackers images.
        folder: Folder in which rendered images are kept.
    """
    if quick:
        return measure_tracking(
            competitors,
            ("street", "crowd", "wall"),
            TEST_SEEDS[:1],
            100,
            images,
            folder,
        )
    return measure_tracking(competitors, images=images, folder=folder)

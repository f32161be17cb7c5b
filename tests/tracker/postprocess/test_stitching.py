"""Offline stitching of tracklets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poseflow import Frame, Poses, PoseSequence, skeletons
from poseflow.benchmark.tracking import make_clip
from poseflow.eval import score_tracking
from poseflow.tracker import RefineOptions, TrackAppearances, refine

SHAPE = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]


def sequence(rows):
    """Rows of (frame, id, x) as a sequence."""
    frames = []
    for t in range(max(r[0] for r in rows) + 1):
        here = [(i, x) for f, i, x in rows if f == t]
        if here:
            points = np.array([SHAPE + np.array([x, 300]) for _, x in here])
            poses = Poses(points, track_ids=[i for i, _ in here])
        else:
            poses = Poses.empty()
        frames.append(Frame(t, t / 25, poses))
    return PoseSequence(tuple(frames), skeletons.COCO17, "test")


def test_a_broken_track_is_stitched_and_filled():
    rows = [(t, 1, 4.0 * t) for t in range(20)]
    rows += [(t, 7, 4.0 * t) for t in range(30, 50)]
    result = refine(sequence(rows))
    assert result.track_ids.tolist() == [1]
    assert [len(f.poses) for f in result] == [1] * 50
    middle = result[25].poses
    assert middle.keypoints[0, 0, 0] == pytest.approx(SHAPE[0, 0] + 100, abs=0.1)
    assert middle.keypoint_scores.max() <= 0.5


def test_tracks_far_apart_are_not_stitched():
    rows = [(t, 1, 4.0 * t) for t in range(20)]
    rows += [(t, 7, 900 + 4.0 * t) for t in range(25, 50)]
    result = refine(sequence(rows), RefineOptions(fill_frames=0))
    assert result.track_ids.tolist() == [1, 7]
    assert result == sequence(rows) or len(result) == 50


def test_the_cheapest_set_of_links_wins():
    """Greedily, the nearest pair would take away the other's only partner."""
    rows = [(t, 1, 0.0) for t in range(10)] + [(t, 2, 40.0) for t in range(10)]
    rows += [(t, 3, 25.0) for t in range(14, 30)] + [
        (t, 4, 62.0) for t in range(14, 30)
    ]
    result = refine(sequence(rows))
    assert result.track_ids.tolist() == [1, 2]
    assert (
        dict(zip(result[20].poses.track_ids.tolist(), (25, 62), strict=True))[2] == 62
    )


def test_tracks_that_overlap_stay_apart():
    rows = [(t, 1, 0.0) for t in range(20)] + [(t, 2, 5.0) for t in range(15, 30)]
    assert refine(sequence(rows)).track_ids.tolist() == [1, 2]


def test_who_leaves_at_the_border_is_not_who_enters_there():
    """The same in the middle of the image is one person."""
    for place, ids in ((1200, [1, 7]), (700, [1])):
        # They walk to the right and back, as the one who comes would.
        rows = [(t, 1, place + 1.0 * t) for t in range(20)]
        rows += [(t, 7, place + 20 - 1.0 * (t - 24)) for t in range(24, 44)]
        found = replace(sequence(rows), size=(1280, 720))
        assert refine(found).track_ids.tolist() == ids


def test_borders_are_where_people_reach_if_the_size_is_not_known():
    crossing = [(t, 2, 20.0 * t) for t in range(60)]
    rows = [(t, 1, 1180.0) for t in range(20)] + [(t, 7, 1180.0) for t in range(24, 60)]
    assert refine(sequence(crossing + rows)).track_ids.tolist() == [1, 2, 7]
    assert refine(sequence(rows)).track_ids.tolist() == [1]


def turning(gap):
    """Two animals all the time; one turns back within a gap in which it was missed."""
    rows = [(t, 1, 100.0 + 6 * t) for t in range(50)] + [
        (t, 3, 300.0 - 3 * (t - 49 - gap)) for t in range(50 + gap, 100)
    ]
    return rows + [(t, 2, 700.0) for t in range(100)]


GROWING = [
    (t, 4 + k, 1500.0 + 900 * k) for k in range(3) for t in range(25 + 25 * k, 100)
]
"""People who come one after the other and stay."""


def test_a_stable_number_of_people_permits_doubtful_links():
    assert refine(sequence(turning(8))).track_ids.tolist() == [1, 2]
    assert 3 in refine(sequence(turning(8) + GROWING)).track_ids


def test_a_known_number_of_people_permits_doubtful_links():
    options = RefineOptions(max_tracks=5)
    assert 3 not in refine(sequence(turning(8) + GROWING), options).track_ids


def with_embeddings(found, worn):
    """Appearances of tracks, by what each id wears."""
    random, appearances = np.random.default_rng(0), TrackAppearances()
    clothes = random.normal(0, 6, (8, 12))
    for frame in found:
        ids = frame.poses.track_ids.tolist()
        seen = clothes[[worn[i] for i in ids]] + random.normal(0, 1, (len(ids), 12))
        appearances.add(frame.poses, embeddings=seen)
    return appearances


@pytest.mark.parametrize(
    ("worn", "ids"),
    [
        pytest.param({1: 0, 2: 1, 3: 2, 7: 0}, [1, 2, 3], id="the one who left"),
        pytest.param({1: 0, 2: 1, 3: 2, 7: 3}, [1, 2, 3, 7], id="another one"),
        pytest.param({1: 0, 2: 0, 3: 0, 7: 0}, [1, 2, 3, 7], id="all wear the same"),
        pytest.param({1: 0, 2: 1, 3: 2, 7: 1}, [1, 2, 3, 7], id="as one who is there"),
    ],
)
def test_who_left_at_the_border_comes_back_after_a_long_absence(worn, ids):
    rows = [(t, 1, 1260.0) for t in range(40)] + [(t, 7, 15.0) for t in range(400, 440)]
    rows += [(t, 2, 400.0) for t in range(440)] + [(t, 3, 800.0) for t in range(440)]
    found = replace(sequence(rows), size=(1280, 720))
    assert refine(found).track_ids.tolist() == [1, 2, 3, 7]
    result = refine(found, appearances=with_embeddings(found, worn))
    assert result.track_ids.tolist() == ids


def test_appearance_decides_between_two_who_were_missed():
    """They changed places in the gap."""
    rows = [(t, 1, 500.0) for t in range(40)] + [(t, 2, 580.0) for t in range(40)]
    rows += [(t, 3, 500.0) for t in range(60, 99)] + [
        (t, 4, 580.0) for t in range(60, 99)
    ]
    rows += [(t, 5, 900.0) for t in range(30, 99)]
    found = sequence(rows)
    options = RefineOptions(fill_frames=0)
    last = refine(found, options)[-1].poses.track_ids.tolist()
    assert last == [1, 2, 5]
    appearances = with_embeddings(found, {1: 0, 2: 1, 3: 1, 4: 0, 5: 2})
    result = refine(found, options, appearances=appearances)
    assert result[-1].poses.track_ids.tolist() == [2, 1, 5]


def test_no_link_jumps_even_if_the_number_of_people_is_known():
    rows = [(t, 1, 4.0 * t) for t in range(20)]
    rows += [(t, 7, 900 + 4.0 * t) for t in range(25, 50)]
    result = refine(sequence(rows), RefineOptions(max_tracks=1))
    assert result.track_ids.tolist() == [1, 7]


def test_gaps_across_which_people_went_far_are_not_filled():
    rows = [(t, 1, 30.0 * t) for t in range(50) if not 20 <= t < 30]
    assert len(refine(sequence(rows))[25].poses) == 0


def test_nothing_to_refine():
    empty = PoseSequence((), skeletons.COCO17)
    assert len(refine(empty)) == 0


def test_it_joins_an_oracle_that_loses_ids_at_gaps():
    """Tracks that get a new id after every gap are stitched."""
    clip = make_clip("street", 0, frames=120)
    seen, fresh, frames = {}, iter(range(1, 10_000)), []
    for t, frame in enumerate(clip.corruption.oracle()):
        ids = []
        for person in frame.poses.track_ids.tolist():
            last, given = seen.get(person, (-9, 0))
            given = given if t - last == 1 else next(fresh)
            seen[person] = t, given
            ids.append(given)
        frames.append(replace(frame, poses=frame.poses.replace(track_ids=ids)))
    broken = replace(clip.poses, frames=tuple(frames))
    before = score_tracking(clip.truth, broken)
    after = score_tracking(clip.truth, refine(broken))
    assert after.idf1 > before.idf1 + 20
    assert after.id_switches < before.id_switches / 3

"""Events of results: hand-made scenes with one cause each, and the synthetic suites."""

import csv
import io
import json

import numpy as np
import pytest

from poseflow import Frame, Poses, PoseSequence, Tracker, score_tracking
from poseflow.benchmark.clips import make_clip
from poseflow.events import (
    events_as_csv,
    events_as_json,
    find_errors,
    find_events,
    found_switches,
    places,
)

BODY = np.random.default_rng(0).uniform(-0.5, 0.5, (17, 2)) * [40, 100]


def sequence(paths, fps=25.0):
    """Paths `{id: {frame: x}}` of upright people at height 100; frames from 0 on."""
    last = max((f for path in paths.values() for f in path), default=-1)
    frames = []
    for number in range(last + 1):
        here = [(i, path[number]) for i, path in paths.items() if number in path]
        points = np.array([BODY + np.array([x, 100]) for _, x in here]).reshape(
            -1, 17, 2
        )
        poses = Poses(points, track_ids=[i for i, _ in here], skeleton="coco17")
        frames.append(Frame(number, number / fps, poses))
    return PoseSequence.collect(frames, fps=fps)


def walk(start, speed, frames):
    return {f: start + speed * f for f in frames}


def kinds(events):
    return [(e.frame, e.kind, e.tracks[0]) for e in events]


@pytest.mark.parametrize("people", [sequence({}), sequence({1: {5: 0}})])
def test_few_people(people):
    found = find_events(people)
    expected = [(5, "birth", 1), (5, "death", 1)] if len(people) else []
    assert kinds(found) == expected


def test_people_without_ids_have_no_events():
    poses = Poses(BODY[None])
    assert find_events(PoseSequence.collect([Frame(0, 0.0, poses)])) == ()


def test_two_people_far_apart_are_not_suspicious():
    found = find_events(
        sequence({1: walk(0, 2, range(50)), 2: walk(900, -2, range(50))})
    )
    assert kinds(found) == [
        *((0, "birth", 1), (0, "birth", 2)),
        *((49, "death", 1), (49, "death", 2)),
    ]
    assert max(event.suspicion for event in found) == 0


def test_a_short_gap_is_no_reidentification():
    gap = [*range(20), *range(25, 40)]
    assert kinds(find_events(sequence({1: walk(0, 2, gap)}))) == [
        (0, "birth", 1),
        (39, "death", 1),
    ]
    long = [*range(20), *range(40, 60)]
    assert kinds(find_events(sequence({1: walk(0, 2, long)}))) == [
        (0, "birth", 1),
        (40, "re-identification", 1),
        (59, "death", 1),
    ]


def test_a_birth_beside_a_lost_track_is_more_suspicious_than_one_elsewhere():
    lost = walk(0, 2, range(30))
    beside, elsewhere = (
        next(
            e
            for e in find_events(sequence({1: lost, 2: walk(start, 2, range(33, 60))}))
            if e.frame == 33
        )
        for start in (0, 900)
    )
    assert beside.kind == elsewhere.kind == "birth"
    assert beside.tracks == (2, 1)
    assert beside.suspicion > 2 * elsewhere.suspicion > 0


def test_ids_that_swap_where_people_cross_are_found():
    one, two = walk(0, 4, range(60)), walk(232, -4, range(60))
    met = 29
    a = {f: (one if f < met else two)[f] for f in range(60)}
    b = {f: (two if f < met else one)[f] for f in range(60)}
    found = places(find_events(sequence({1: a, 2: b}), least_suspicion=0), 1)
    assert [set(event.tracks) for event in found] == [{1, 2}]
    assert abs(found[0].frame - met) <= 5


def test_an_id_that_jumps_to_another_person_is_found():
    a = walk(0, 1, range(30)) | {f: 300 + f for f in range(30, 60)}
    b = {f: 300 + f for f in range(30)}
    found = find_events(sequence({1: a, 2: b}))
    assert (30, "possible switch", 1) in kinds(found)


def test_real_errors_of_a_hand_made_result():
    truth = sequence({1: walk(0, 1, range(20)), 2: walk(500, 1, range(20))})
    result = sequence(
        {
            5: walk(0, 1, range(8)),  # person 1; missed in 8 and 9
            6: walk(0, 1, range(10, 20)),
            7: walk(500, 1, range(20)),
            9: walk(900, 1, range(3, 6)),  # no person
        }
    )
    errors = find_errors(truth, result)
    assert [(e.frame, e.tracks, e.person) for e in errors.switches] == [(10, (5, 6), 1)]
    assert [(e.frame, e.last_frame, e.person) for e in errors.missed] == [(8, 9, 1)]
    assert [(e.frame, e.last_frame, e.tracks) for e in errors.false_positives] == [
        (3, 5, (9,))
    ]
    assert [e.frame for e in errors.all()] == [3, 8, 10]


def test_real_errors_without_people():
    empty, one = sequence({}), sequence({1: {0: 1.0, 1: 2.0}})
    assert find_errors(empty, empty).all() == ()
    assert [e.last_frame for e in find_errors(one, empty).missed] == [1]
    assert [e.tracks for e in find_errors(empty, one).false_positives] == [(1,)]


@pytest.fixture(scope="module")
def crowd():
    clip = make_clip("crowd", 7, frames=100)
    tracker = Tracker("iou")
    frames = [
        Frame(f.index, f.time, tracker.update(f.poses), name=f.name) for f in clip.poses
    ]
    return clip.truth, PoseSequence.collect(frames, fps=25)


def test_real_switches_are_those_that_the_scorer_counts(crowd):
    truth, result = crowd
    scores, errors = score_tracking(truth, result), find_errors(truth, result)
    assert len(errors.switches) == scores.id_switches > 50
    lengths = [e.last_frame - e.frame + 1 for e in errors.missed]
    assert sum(lengths) >= scores.counts["num_misses"]


def test_suspicious_places_show_more_switches_than_chance(crowd):
    truth, result = crowd
    switches = find_errors(truth, result).switches
    found = find_events(result, least_suspicion=0)
    shown = places(found, 10)
    assert len({event.frame for event in shown}) == 10
    # As many events, of the same kinds, but the least suspicious ones.
    doubtful = sorted((e for e in found if e.suspicion), key=lambda e: e.suspicion)
    least = doubtful[: len(shown)]
    hits = len(found_switches(shown, switches))
    assert hits > 1.5 * len(found_switches(least, switches))


def test_json_and_csv(crowd):
    found = find_events(crowd[1])
    rows = json.loads(events_as_json(found))
    assert len(rows) == len(found)
    assert tuple(rows[3]["tracks"]) == found[3].tracks
    table = list(csv.DictReader(io.StringIO(events_as_csv(found))))
    assert [int(row["frame"]) for row in table] == [event.frame for event in found]
    assert table[3]["tracks"] == " ".join(map(str, found[3].tracks))
    assert events_as_json([]) == "[]"


def test_order_of_people_does_not_matter(crowd):
    _, result = crowd
    random = np.random.default_rng(1)
    shuffled = PoseSequence.collect(
        (
            Frame(f.index, f.time, f.poses[random.permutation(len(f.poses))])
            for f in result
        ),
        fps=25,
    )
    one, other = find_events(result), find_events(shuffled)
    assert kinds(one) == kinds(other)
    assert [e.suspicion for e in one] == pytest.approx([e.suspicion for e in other])

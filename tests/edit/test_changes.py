"""Corrections on sequences: what changes, what stays, and what is refused."""

import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses, PoseSequence, edit


def sequence(*rows, first=0):
    """One row of ids per frame; -1 is a person without an id."""
    frames = []
    for number, ids in enumerate(rows, start=first):
        points = np.full((len(ids), 17, 2), 5.0) + np.arange(len(ids))[:, None, None]
        poses = Poses(points, track_ids=np.array(ids, np.int64), skeleton="coco17")
        frames.append(Frame(number, number / 25, poses))
    return PoseSequence.collect(frames)


def ids(result):
    return [frame.poses.track_ids.tolist() for frame in result]


CASES = [
    pytest.param(
        *(lambda s: edit.merge(s, 1, 2), [[1], [], [2], [1]], [[1], [], [1], [1]]),
        id="merge interleaved tracks",
    ),
    pytest.param(
        *(lambda s: edit.merge(s, 3, 1, 2), [[1], [2], [3]], [[3], [3], [3]]),
        id="merge three",
    ),
    pytest.param(
        *(lambda s: edit.split(s, 1, 2), [[1, 4], [1], [1], [1]]),
        [[1, 4], [1], [5], [5]],
        id="split takes the next free id",
    ),
    pytest.param(
        *(lambda s: edit.split(s, 1, 1, 9), [[1], [], [1]], [[1], [], [9]]),
        id="split in a gap",
    ),
    pytest.param(
        *(lambda s: edit.swap(s, 1, 2, 1), [[1, 2], [2, 1], [1], [2]]),
        [[1, 2], [1, 2], [2], [1]],
        id="swap",
    ),
    pytest.param(
        *(lambda s: edit.swap(s, 1, 2, 1), [[1, 2], [1], [1]], [[1, 2], [2], [2]]),
        id="swap where one has ended",
    ),
    pytest.param(
        *(lambda s: edit.delete(s, 2), [[1, 2], [2], [-1, 2, 3]], [[1], [], [-1, 3]]),
        id="delete keeps people without ids, and empty frames",
    ),
]


@pytest.mark.parametrize(("change", "before", "after"), CASES)
def test_ids(change, before, after):
    source = sequence(*before)
    assert ids(change(source)) == after
    assert ids(source) == before


def test_poses_stay_with_their_people():
    source = sequence([1, 2, 3], [3, 2, 1])
    result = edit.delete(source, 2)
    assert result[1].poses.keypoints[:, 0, 0].tolist() == [5, 7]
    assert result.fps == source.fps
    assert result.skeleton == source.skeleton


REFUSED = [
    (lambda s: edit.merge(s, 1, 2), "2 frames have both of them, frames 10, 12"),
    (lambda s: edit.merge(s, 1, 8), "there is no track 8; there are 1, 2"),
    (lambda s: edit.merge(s, 1), "two or more different ids, got 1"),
    (lambda s: edit.merge(s, 1, 1), "two or more different ids, got 1, 1"),
    (lambda s: edit.merge(s, -1, 1), "there is no track -1"),
    (lambda s: edit.split(s, 1, 10), "expected a frame from 11 to 12"),
    (lambda s: edit.split(s, 1, 13), "expected a frame from 11 to 12"),
    (lambda s: edit.split(s, 1, 11, 2), "there is a track 2 already"),
    (lambda s: edit.split(s, 1, 11, -1), "ids start at 0"),
    (lambda s: edit.swap(s, 1, 1, 11), "two different ids"),
    (lambda s: edit.swap(s, 1, 2, 13), "the last frame with one of them is 12"),
    (lambda s: edit.delete(s, 0), "there is no track 0"),
    (lambda s: edit.name(s, 1, "a\nb"), "without control characters"),
    (lambda s: edit.name(s, 1, "x" * 101), "up to 100 characters"),
    (lambda s: edit.name(s, 7, "Anna"), "there is no track 7"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_refused(change, message):
    source = sequence([1, 2], [1, -1], [2, 1], first=10)
    with pytest.raises(PoseFlowError, match=message):
        change(source)


def test_many_frames_in_conflict_are_counted():
    with pytest.raises(PoseFlowError, match="frames 0, 1, 2, 3, 4 and 15 more"):
        edit.merge(sequence(*[[1, 2]] * 20), 1, 2)


@pytest.mark.parametrize("source", [sequence(), sequence([], [])])
def test_no_people(source):
    assert edit.apply(source, []) == source
    with pytest.raises(PoseFlowError, match="no ids at all"):
        edit.delete(source, 1)


def test_corrections_follow_one_another():
    source = sequence([1], [1], [2], [3])
    steps = [
        edit.Split(1, 1),  # gives 4
        edit.Merge(4, (2,)),
        edit.Swap(3, 1, 3),
        edit.Name(4, " Zoë "),
    ]
    result = edit.apply(source, steps)
    assert ids(result) == [[1], [4], [4], [1]]
    assert result.names == {4: "Zoë"}
    with pytest.raises(PoseFlowError, match="correction 2: there is no track 9"):
        edit.apply(source, [steps[0], edit.Delete(9)])


def test_names_follow_tracks():
    named = edit.name(edit.name(sequence([1], [2], [3]), 2, "Ben"), 3, "Cleo")
    assert edit.merge(named, 1, 2, 3).names == {1: "Ben"}
    assert edit.delete(named, 2).names == {3: "Cleo"}
    assert edit.name(named, 3, "").names == {2: "Ben"}


def test_swapping_twice_changes_nothing():
    random = np.random.default_rng(0)
    rows = [random.permutation(6)[: random.integers(0, 6)] for _ in range(60)]
    source = sequence(*rows)
    twice = edit.swap(edit.swap(source, 1, 4, 20), 1, 4, 20)
    assert twice == source


def test_fingerprint():
    source = sequence([1, 2], [2])
    assert edit.fingerprint(source) == edit.fingerprint(sequence([1, 2], [2], []))
    assert edit.fingerprint(source) != edit.fingerprint(sequence([1, 2], [1]))
    assert edit.fingerprint(source) != edit.fingerprint(sequence([1, 2], [], [2]))
    moved = source[0].poses.replace(keypoints=source[0].poses.keypoints + 1)
    other = PoseSequence.collect([Frame(0, 0.0, moved), source[1]])
    assert edit.fingerprint(source) != edit.fingerprint(other)

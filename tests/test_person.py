"""`PoseSequence.to_table`, `.to_dataframe` and `.person`."""

import numpy as np
import pytest

import poseflow
from poseflow import Frame, Poses, PoseSequence, Skeleton, skeletons

LEG = Skeleton("leg", ("hip", "knee", "ankle"))


def walk(steps=10, fps=10.0, gap=()):
    """Person 7 moves 3 px right and 4 px down a frame, person 2 stands still."""
    shape = np.array([[0, 0], [0, 30], [30, 30]])
    frames = []
    for k in range(steps):
        if k in gap:
            frames.append(Frame(k, k / fps, Poses.empty(LEG)))
            continue
        moves = np.array([[3 * k, 4 * k], [500, 500]])
        points = shape + moves[:, None]
        frames.append(Frame(k, k / fps, Poses(points, track_ids=[7, 2], skeleton=LEG)))
    return PoseSequence(tuple(frames), LEG, "walk", fps=fps)


def test_trajectory_and_centre():
    person = walk().person(7)
    assert len(person) == 10
    assert person.trajectory("knee")[2].tolist() == [6, 38]
    assert person.centre()[0].tolist() == [15, 15]
    assert person.centre("hip", "knee")[1].tolist() == [3, 19]
    assert person.heights.tolist() == [30.0] * 10
    assert person.body_length == 30


def test_speed():
    person = walk().person(7)
    np.testing.assert_allclose(person.speed(), 50)  # 5 pixels in a tenth of a second
    np.testing.assert_allclose(person.speed("hip"), 50)
    np.testing.assert_allclose(person.relative_speed(), 50 / 30)
    np.testing.assert_allclose(walk().person(2).speed(), 0)


def test_speed_over_a_gap_is_that_of_the_way():
    person = walk(gap=(3, 4, 5)).person(7)
    assert person.indices.tolist() == [0, 1, 2, 6, 7, 8, 9]
    np.testing.assert_allclose(person.speed(), 50)


def test_angle():
    person = walk().person(7)
    np.testing.assert_allclose(person.angle("hip", "knee", "ankle"), 90)
    np.testing.assert_allclose(person.angle("knee", "hip", "ankle"), 45)
    assert np.isnan(person.angle("hip", "hip", "ankle")).all()


def test_missing_joints_are_nan():
    sequence = walk(4)
    marks = np.ones((2, 3))
    marks[0, 1] = 0
    broken = sequence[1].poses.replace(keypoint_scores=marks)
    frames = list(sequence)
    frames[1] = Frame(1, 0.1, broken)
    person = PoseSequence(tuple(frames), LEG, fps=10).person(7)
    assert np.isnan(person.trajectory("knee")).all(axis=1).tolist() == [0, 1, 0, 0]
    assert np.isnan(person.angle("hip", "knee", "ankle")).tolist() == [0, 1, 0, 0]
    speed = person.speed("knee")
    assert np.isnan(speed).tolist() == [0, 1, 0, 0]
    np.testing.assert_allclose(speed[[0, 2, 3]], 50)


def test_one_frame_has_no_speed():
    person = walk(1).person(7)
    assert np.isnan(person.speed()).tolist() == [True]
    assert np.isnan(person.relative_speed()).tolist() == [True]


def test_speed_needs_times():
    frames = [Frame(f.index, 0.0, f.poses) for f in walk()]
    person = PoseSequence.collect(frames).person(7)
    with pytest.raises(poseflow.PoseFlowError, match=r"no times.*fps=25"):
        person.speed()


@pytest.mark.parametrize(
    ("track_id", "message"),
    [(3, "person 3: no such id; there are 2, 7"), (-1, "person -1: no such id")],
)
def test_unknown_people(track_id, message):
    with pytest.raises(poseflow.PoseFlowError, match=message):
        walk().person(track_id)


def test_an_id_of_two_people():
    poses = Poses(np.ones((2, 3, 2)), track_ids=[4, 4], skeleton=LEG)
    sequence = PoseSequence.collect([Frame(5, 0.0, poses)])
    with pytest.raises(poseflow.PoseFlowError, match="two people of frame 5"):
        sequence.person(4)


def test_unknown_joints():
    with pytest.raises(poseflow.PoseFlowError, match="has no joint 'nose'"):
        walk().person(7).centre("nose")


def test_table():
    table = walk(3, gap=(1,)).to_table()
    assert {len(column) for column in table.values()} == {2 * 2 * 3}
    assert table["frame"].tolist() == [0] * 6 + [2] * 6
    assert table["person"].tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert table["id"].tolist() == [7, 7, 7, 2, 2, 2] * 2
    assert table["joint"].tolist() == ["hip", "knee", "ankle"] * 4
    assert table["x"][7] == 6
    assert table["box_y2"][0] == 30


def test_data_frame():
    frame = walk().to_dataframe()
    assert frame["joint"].dtype == "category"
    knees = frame[(frame["joint"] == "knee") & (frame["id"] == 7)]
    assert knees["y"].tolist() == [30 + 4 * k for k in range(10)]


def test_no_people():
    empty = PoseSequence((Frame(0, 0.0, Poses.empty()),), skeletons.COCO17)
    for sequence in (empty, PoseSequence((), skeletons.COCO17)):
        table = sequence.to_table()
        assert {len(column) for column in table.values()} == {0}
        assert len(sequence.to_dataframe()) == 0
        with pytest.raises(poseflow.PoseFlowError, match="there are none"):
            sequence.person(1)

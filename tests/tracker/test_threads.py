"""A tracker is used by one thread at a time, and notices a second one."""

import copy
import pickle
import threading

import numpy as np
import pytest

from poseflow import Poses, Tracker
from poseflow.errors import PoseFlowError
from poseflow.tracker import names

POSES = Poses(np.random.default_rng(0).uniform(0, 99, (3, 17, 2)))


@pytest.mark.parametrize(
    "call", [lambda t: t.update(POSES), Tracker.finish, Tracker.reset]
)
@pytest.mark.parametrize("name", names())
def test_a_second_thread_at_the_same_time_is_an_error(name, call, monkeypatch):
    tracker = Tracker(name)
    inside, go_on = threading.Event(), threading.Event()
    update = tracker._backend.update

    def slow(*given):
        inside.set()
        assert go_on.wait(10)
        return update(*given)

    monkeypatch.setattr(tracker._backend, "update", slow)
    first = threading.Thread(target=tracker.update, args=(POSES,))
    first.start()
    assert inside.wait(10)
    with pytest.raises(PoseFlowError, match="two threads at once"):
        call(tracker)
    go_on.set()
    first.join()
    monkeypatch.undo()
    assert len(tracker.update(POSES)) == 3  # the first one was not disturbed


def test_threads_may_take_turns():
    tracker, alone = Tracker("oks"), Tracker("oks")
    found = []
    for _ in range(3):
        thread = threading.Thread(
            target=lambda: found.append(tracker.update(POSES).track_ids.tolist())
        )
        thread.start()
        thread.join()
    assert found == [alone.update(POSES).track_ids.tolist() for _ in range(3)]


def test_an_error_leaves_the_tracker_usable(monkeypatch):
    tracker = Tracker("oks")
    monkeypatch.setattr(tracker._backend, "update", None)
    with pytest.raises(TypeError):
        tracker.update(POSES)
    monkeypatch.undo()
    assert len(tracker.update(POSES)) == 3


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))]
)
def test_copies_go_on_from_the_same_frame(copied):
    tracker = Tracker("oks")
    tracker.update(POSES)
    again = copied(tracker)
    assert (
        again.update(POSES).track_ids.tolist()
        == tracker.update(POSES).track_ids.tolist()
    )

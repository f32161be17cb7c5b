"""Prefetching in a thread: order, errors and its end."""

import gc
import threading
import time

import pytest

from poseflow.video.prefetch import Prefetcher


def threads():
    return [t for t in threading.enumerate() if t.name == "poseflow-ahead"]


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def counting(made, end=10**9):
    for number in range(end):
        made.append(number)
        yield number


@pytest.mark.parametrize("depth", [1, 2, 7, 100])
def test_everything_comes_in_order(depth):
    assert list(Prefetcher(iter(range(50)), depth)) == list(range(50))


def test_empty_input():
    ahead = Prefetcher(iter(()))
    assert list(ahead) == []
    assert list(ahead) == []


def test_it_runs_ahead_by_its_depth_and_no_further():
    made = []
    ahead = Prefetcher(counting(made), depth=3)
    wait_until(lambda: len(made) == 4)  # three wait, the fourth is in hand
    assert next(ahead) == 0
    wait_until(lambda: len(made) == 5)
    time.sleep(0.05)
    assert len(made) == 5
    ahead.close()


def test_an_error_comes_in_its_place():
    def failing():
        yield 1
        raise OSError("cable")

    ahead = Prefetcher(failing())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="cable"):
        next(ahead)
    with pytest.raises(StopIteration):
        next(ahead)
    ahead.close()


def test_close_ends_the_thread_and_closes_the_iterator():
    closed = []

    def endless():
        try:
            yield from counting([])
        finally:
            closed.append(threading.current_thread().name)

    ahead = Prefetcher(endless(), depth=1)
    next(ahead)
    ahead.close()
    assert closed == ["poseflow-ahead"]
    assert not threads()
    with pytest.raises(StopIteration):
        next(ahead)
    ahead.close()


def test_dropping_it_ends_the_thread():
    ahead = Prefetcher(counting([]), depth=1)
    next(ahead)
    assert threads()
    del ahead
    gc.collect()
    wait_until(lambda: not threads())


def test_newest_drops_the_oldest_and_never_blocks():
    made = []
    ahead = Prefetcher(counting(made, 1000), depth=2, newest=True)
    wait_until(lambda: len(made) == 1000)
    wait_until(lambda: not threads())
    assert list(ahead) == [998, 999]

"""Signals are held back in a block and take effect at its end."""

import os
import signal
import threading

import numpy as np
import pytest

from poseflow.safety.interrupts import interrupts_deferred
from poseflow.video import VideoWriter, open_source
from poseflow.video.writer import _AvSink

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


def test_an_interruption_comes_at_the_end_of_the_block():
    done = []

    def work():
        with interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("the rest of the block")
        done.append("not reached")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_in_the_block_is_raised_as_usual():
    with pytest.raises(ValueError, match="broken"), interrupts_deferred():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_are_not_affected():
    seen = []

    def work():
        with interrupts_deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_a_video_keeps_its_key_frame_when_it_is_interrupted(tmp_path, monkeypatch):
    """The signal comes between the encoder and the file, at the first packet."""
    encode = _AvSink.write

    def interrupted(sink, image):
        os.kill(os.getpid(), signal.SIGINT)
        encode(sink, image)

    path = tmp_path / "a.mp4"
    image = np.zeros((32, 32, 3), np.uint8)

    def work():
        with VideoWriter(path, (32, 32), 25) as writer:
            for number in range(60):
                if number == 50:
                    monkeypatch.setattr(_AvSink, "write", interrupted)
                writer.write(image)

    with pytest.raises(KeyboardInterrupt):
        work()
    with open_source(path) as source:
        assert sum(1 for _ in source) == 51

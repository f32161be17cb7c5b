"""Batches are halved when memory runs out, whichever library says so."""

import cv2
import numpy as np
import pytest
import torch

from poseflow.estimator.batches import Batches


def torch_runs_out():
    torch.empty(1 << 50)


def numpy_runs_out():
    np.empty(1 << 50)


def raising(error):
    def run_out():
        raise error

    return run_out


@pytest.mark.parametrize(
    "run_out",
    [
        torch_runs_out,
        numpy_runs_out,
        raising(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")),
        raising(
            RuntimeError("[ONNXRuntimeError] : 1 : FAIL : Failed to allocate memory")
        ),
        raising(RuntimeError("[ONNXRuntimeError] : 6 : std::bad_alloc")),
        raising(
            cv2.error("OpenCV: (-4:Insufficient memory) Failed to allocate 9 bytes")
        ),
    ],
)
def test_smaller_batches_after_memory_ran_out(run_out):
    sizes = []

    def work(part):
        sizes.append(len(part))
        if len(part) > 2:
            run_out()
        return list(part)

    batches = Batches(8)
    with pytest.warns(UserWarning, match="out of memory with 8 images at once"):
        assert batches.map(range(9), work) == list(range(9))
    assert sizes == [8, 4, 2, 2, 2, 2, 1]
    assert batches.size == 2


def test_other_errors_and_single_items_are_not_tried_again():
    with pytest.raises(RuntimeError, match="shape"):
        Batches(8).map(range(9), lambda part: raising(RuntimeError("shape"))())
    with pytest.raises(MemoryError):
        Batches(1).map(range(9), lambda part: raising(MemoryError())())

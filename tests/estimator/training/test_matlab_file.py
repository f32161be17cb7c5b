"""Arrays of MATLAB files are those that scipy reads."""

import numpy as np
import pytest
from scipy.io import savemat

from poseflow.errors import FormatError
from poseflow.estimator.training.pose.matlab_file import read_matlab_array


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "dtype", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8"]
)
@pytest.mark.parametrize("shape", [(3, 14, 5), (14, 3, 0), (1, 1), (2, 3)])
def test_arrays_are_read_as_they_were_written(tmp_path, shape, dtype, packed):
    values = np.random.default_rng(0).uniform(-90, 90, shape).astype(dtype)
    path = tmp_path / "joints.mat"
    savemat(path, {"a": "text", "joints": values}, do_compression=packed)
    found = read_matlab_array(path, "joints")
    np.testing.assert_array_equal(found, values)
    with pytest.raises(FormatError, match="expected an array 'b'"):
        read_matlab_array(path, "b")


def test_a_bomb_is_refused(tmp_path):
    path = tmp_path / "joints.mat"
    savemat(path, {"joints": np.zeros((3, 14, 2_000_000))}, do_compression=True)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(FormatError, match="once unzipped"):
        read_matlab_array(path, "joints")


@pytest.mark.parametrize("data", [b"", bytes(200), b"MATLAB" + bytes(120) + b"IM"])
def test_other_files_are_refused(tmp_path, data):
    path = tmp_path / "joints.mat"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"joints\.mat"):
        read_matlab_array(path, "joints")

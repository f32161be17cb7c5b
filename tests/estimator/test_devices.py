"""The choice of a device and of the number of threads, with and without torch."""

import os
import sys

import pytest
import torch

from poseflow.errors import PoseFlowError
from poseflow.estimator import devices
from poseflow.estimator.devices import (
    choose_device,
    device_name,
    gpu_names,
    thread_count,
)


def test_names_are_those_that_torch_chooses():
    assert device_name("cpu") == "cpu"
    assert device_name("auto") == str(choose_device("auto"))


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta"])
def test_devices_that_are_not_there_are_named(name):
    with pytest.raises(PoseFlowError, match=f"device.*{name}"):
        device_name(name)


def test_torch_is_asked_where_there_may_be_a_gpu(monkeypatch):
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_name("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_name("auto") == "cpu"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_all_gpus_are_named(monkeypatch, count):
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert gpu_names() == [f"cuda:{k}" for k in range(count)]
    monkeypatch.setattr(devices, "_may_have_gpu", lambda: False)
    assert gpu_names() == []


def test_no_driver_is_no_gpu(monkeypatch):
    monkeypatch.setattr(devices.importlib.metadata, "version", lambda _: "2.9.0")
    monkeypatch.setitem(devices.DRIVERS, sys.platform, "libno-such-driver.so.1")
    assert not devices._may_have_gpu()
    monkeypatch.setattr(devices.importlib.metadata, "version", lambda _: "2.9+rocm6")
    assert devices._may_have_gpu()


def test_as_many_threads_as_torch():
    torch.set_num_threads(3)
    assert thread_count() == 3


@pytest.mark.parametrize(("asked", "count"), [("3", 3), ("2,1", 2)])
def test_threads_without_torch(monkeypatch, asked, count):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert thread_count() == count


@pytest.mark.parametrize("asked", ["", "0", "-1", "all"])
def test_without_a_usable_number_physical_cores_count(monkeypatch, asked):
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert 1 <= thread_count() <= (os.cpu_count() or 1)

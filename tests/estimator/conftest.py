"""Fixtures of the tests of the estimator: tiny data sets, models and runs."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch


def _load(name):
    # importlib mode keeps tests/ off sys.path.
    spec = importlib.util.spec_from_file_location(
        name, Path(__file__).with_name(f"{name}.py")
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def dots():
    """The maker of images with coloured dots."""
    return _load("dots")


@pytest.fixture(scope="session")
def blobs():
    """The maker of images with boxes that stand for people."""
    return _load("blobs")


@pytest.fixture(scope="session")
def tiny_onnx():
    """The maker of tiny ONNX models."""
    return _load("tiny_onnx")


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def config_file(tmp_path, dots):
    """A tiny training run."""
    dots.write_coco(tmp_path)
    return dots.write_config(tmp_path)

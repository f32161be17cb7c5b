"""Damaged files raise nothing but `PoseFlowError`; `make fuzz` tries many more."""

import random

import attacked
import fuzz
import pytest

import poseflow

INPUTS = 40


def test_every_format_is_attacked():
    assert set(attacked.SUFFIXES) == set(poseflow.formats.names())


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    return folder, attacked.readers(folder)


def test_the_names_are_those_of_all_readers(readers):
    assert set(readers[1]) == set(attacked.NAMES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", attacked.NAMES)
def test_a_damaged_file_is_read_or_refused(readers, name, tmp_path):
    rng = random.Random(f"{name} 1")
    for _ in range(INPUTS):
        fuzz.attack(readers[1][name], tmp_path, rng)
    assert not readers[1][name].failures

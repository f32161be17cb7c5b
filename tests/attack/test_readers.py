"""Damaged files raise nothing but `PoseFlowError`; `make fuzz` tries many more."""

import random

import fuzz
import pytest

INPUTS = 40


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    return folder, {reader.name: reader for reader in fuzz.readers(folder)}


NAMES = (
    *(name for name, _ in fuzz.FORMATS),
    *("evaluate", "gzip", "evaluate-mot", "coco truth", "coco results", "image"),
    *("video", "skeleton", "corrections", "training", "nms", "manifest", "weights"),
)


def test_the_names_are_those_of_all_readers(readers):
    assert set(readers[1]) == set(NAMES)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_file_is_read_or_refused(readers, name):
    folder, found = readers
    rng = random.Random(f"{name} 1")
    for _ in range(INPUTS):
        fuzz.attack(found[name], folder, rng)
    assert not found[name].failures

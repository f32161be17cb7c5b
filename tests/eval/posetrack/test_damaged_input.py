"""Damaged input to tracking metrics: scores, or a `PoseFlowError`."""

import contextlib
import gzip
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poseflow import PoseFlowError
from poseflow.eval.metric import make_metric
from poseflow.eval.posetrack.pairing import SequencePair
from poseflow.eval.posetrack.preparation import prepare
from poseflow.eval.posetrack.rules import RULES
from poseflow.formats.mot import read_mot
from poseflow.formats.posetrack.reader import parse_annotations

GOLDEN = Path(__file__).parents[2] / "golden"
with gzip.open(GOLDEN / "posetrack21" / "micro.json.gz", "rt") as _file:
    PLAIN = json.load(_file)["plain"]
NAME = "002001_mpii_test"
METRICS = [
    ("posetrack21", "ap"),
    ("posetrack21", "hota"),
    ("strict", "hota"),
    ("strict", "idf1"),
    ("strict", "pose"),
]
QUICK = {"suppress_health_check": list(HealthCheck), "deadline": None}
SPOILT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**63 - 1, 2**63, -(2**63), 1e308, -1e308, 1e-320]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.lists(st.one_of(st.integers(), st.floats(-9, 9), st.none()), max_size=5),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def score_all(contents):
    with contextlib.suppress(PoseFlowError), warnings.catch_warnings():
        warnings.simplefilter("error")
        sides = [parse_annotations(text, NAME, side) for side, text in contents]
        for mode, metric in METRICS:
            scorer = make_metric(mode, metric)
            # A refusal of one mode must not hide what the others do.
            with contextlib.suppress(PoseFlowError):
                pair = SequencePair(NAME, *sides)
                parts = scorer.measure([prepare(pair, RULES[mode])])
                section = scorer.combine([NAME], parts)
                for values in section.joints.values():
                    known = values[~np.isnan(values)]
                    assert (known <= 100 + 1e-9).all()


def spoil(data, document):
    """Replace or remove one value somewhere in the document."""
    here = document
    while here:
        keys = sorted(here) if isinstance(here, dict) else list(range(len(here)))
        key = data.draw(st.sampled_from(keys))
        inner = isinstance(here[key], dict | list) and here[key]
        if inner and data.draw(st.integers(0, 3)):
            here = here[key]
        elif isinstance(here, dict) and not data.draw(st.integers(0, 3)):
            del here[key]
            return
        else:
            here[key] = data.draw(SPOILT)
            return


@settings(max_examples=40, **QUICK)
@given(st.data())
def test_spoilt_values(data):
    documents = json.loads(json.dumps([PLAIN["gt"], PLAIN["pred"]]))
    documents = [document[f"{NAME}.json"] for document in documents]
    for _ in range(data.draw(st.integers(1, 4))):
        spoil(data, documents[data.draw(st.integers(0, 1))])
    score_all(
        (side, json.dumps(document).encode())
        for side, document in zip(("gt", "pred"), documents, strict=True)
    )


@settings(max_examples=25, **QUICK)
@given(st.binary(max_size=4), st.floats(0, 1), st.booleans(), st.integers(0, 1))
def test_damaged_bytes(junk, where, cut, side):
    texts = [json.dumps(PLAIN[s][f"{NAME}.json"]).encode() for s in ("gt", "pred")]
    text = texts[side]
    at = int(where * len(text))
    texts[side] = text[:at] + junk + (b"" if cut else text[at + len(junk) :])
    score_all(zip(("gt", "pred"), texts, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("mot")


@settings(max_examples=40, **QUICK)
@given(st.binary(max_size=6), st.floats(0, 1), st.booleans())
def test_damaged_boxes(folder, junk, where, cut):
    text = (GOLDEN / "generic_mot" / "edge" / "pred" / "MOT-03.txt").read_bytes()
    at = int(where * len(text))
    path = folder / "a.txt"
    path.write_bytes(text[:at] + junk + (b"" if cut else text[at + len(junk) :]))
    with contextlib.suppress(PoseFlowError):
        assert len(read_mot(path)) >= 0

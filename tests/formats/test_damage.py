"""Damaged files of poses: poses, or a `PoseFlowError`."""

import json
import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import poseflow
from poseflow import PoseFlowError

numbers = st.one_of(
    st.floats(), st.integers(-(10**30), 10**30), st.sampled_from([10**400, 1e308, 0])
)
scalars = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=8,
)
joints = st.one_of(
    st.lists(numbers, min_size=51, max_size=51),
    st.lists(st.one_of(numbers, st.none()), min_size=42, max_size=54),
    st.lists(st.lists(numbers, min_size=2, max_size=3), min_size=17, max_size=17),
    values,
)
names = st.one_of(
    st.text(st.characters(), max_size=5),  # lone surrogates included
    st.integers(),
    st.integers(0, 99).map("{}.jpg".format),
    values,
)
people = st.fixed_dictionaries(
    {},
    optional={
        "image_id": names,
        "keypoints": joints,
        "score": st.one_of(numbers, values),
        "scores": st.one_of(st.lists(numbers, min_size=17, max_size=17), values),
        "box": st.one_of(st.lists(numbers, min_size=4, max_size=4), values),
        "idx": st.one_of(st.integers(), st.floats(), values),
        "category_id": values,
    },
)
good = st.integers(0, 9).map(
    lambda k: {"image_id": f"{k}.jpg", "keypoints": [k + 0.5] * 51, "idx": k + 1}
)
documents = st.one_of(
    values,
    st.lists(st.one_of(people, good, values), max_size=5),
    st.dictionaries(
        st.text(st.characters(), max_size=4),
        st.one_of(st.lists(st.one_of(people, good), max_size=3), values),
        max_size=3,
    ),
)


def check(path, format=None):
    """Reading gives poses that keep their promises, or a one-line PoseFlowError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            result = poseflow.read(path, format)
        except PoseFlowError as caught:
            result = caught
    if isinstance(result, PoseFlowError):
        assert str(path) in str(result)
        return None
    indices = [frame.index for frame in result]
    assert indices == sorted(set(indices))
    for frame in result:
        poses = frame.poses
        for array in (
            poses.keypoints,
            poses.keypoint_scores,
            poses.boxes,
            poses.scores,
        ):
            assert np.isfinite(array).all()
        assert (poses.track_ids >= -1).all()
        assert poses.skeleton == result.skeleton
    poseflow.write(result, path.with_name("out.json"))
    return result


@settings(max_examples=300, deadline=None)
@given(documents, st.sampled_from([None, "alphapose", "forvis", "coco"]))
def test_any_json(tmp_path_factory, document, format):
    path = tmp_path_factory.mktemp("any") / "poses.json"
    path.write_text(json.dumps(document))
    check(path, format)


@settings(max_examples=100, deadline=None)
@given(st.lists(good, min_size=1, max_size=4), st.lists(people, max_size=3))
def test_good_entries_survive_bad_ones(tmp_path_factory, entries, others):
    path = tmp_path_factory.mktemp("mixed") / "poses.json"
    marked = [entry | {"idx": 2**50 + k} for k, entry in enumerate(entries)]
    # More good ones than others, so that the number of joints is not in doubt.
    filler = [{"image_id": "77.jpg", "keypoints": [2.5] * 51}] * (len(others) + 1)
    path.write_text(json.dumps([*others, *marked, *filler]))
    result = check(path)
    assert result is not None
    ids = {k for frame in result for k in frame.poses.track_ids.tolist()}
    assert ids >= {entry["idx"] for entry in marked}


BASE = json.dumps(
    [
        {"image_id": f"{k:06d}.jpg", "keypoints": [1.25] * 51, "box": [1, 2, 3, 4]}
        for k in range(2)
    ]
).encode()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, len(BASE)),
    st.booleans(),
)
def test_damaged_bytes(tmp_path_factory, changes, end, cut):
    data = bytearray(BASE)
    for place, byte in changes:
        data[place] = byte
    path = tmp_path_factory.mktemp("damage") / "poses.json"
    path.write_bytes(data[:end] if cut else data)
    check(path)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "poses.json"
    path.write_bytes(data)
    check(path)
    check(path, "alphapose")
    check(path, "forvis")

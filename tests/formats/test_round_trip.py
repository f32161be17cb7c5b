"""Every format gives back what was written, or the loss is named."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import poseflow
from poseflow import Frame, Poses, PoseSequence, Skeleton, skeletons

MOUSE = Skeleton(
    "mouse",
    ("nose", "ear,l", 'ear "r"', "100 % tail"),
    limbs=(("nose", "100 % tail"),),
    sigmas=(0.02, 0.03, 0.03, 0.08),
    pairs=(("ear,l", 'ear "r"'),),
)
DOT = Skeleton("dot", ("centre",))

names = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=8
).filter(lambda name: name.strip() == name)
numbers = st.floats(-1e6, 1e6, allow_subnormal=False, width=32)


@st.composite
def people(draw, skeleton):
    """Poses of up to three people; some joints are missing."""
    count = draw(st.integers(0, 3))
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    shape = count, len(skeleton)
    marks = rng.random(shape) * (rng.random(shape) > draw(st.sampled_from([0, 0.4, 1])))
    points = rng.normal(0, draw(st.sampled_from([1, 1e3, 1e6])), (*shape, 2))
    points[marks <= 0] = 0
    ids = draw(
        st.lists(st.integers(0, 2**62), min_size=count, max_size=count, unique=True)
    )
    ids = np.where(rng.random(count) > 0.3, np.array(ids, np.int64), -1)
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    boxes = rng.normal(100, 1000, (count, 4))
    if dtype == np.float64:
        boxes = boxes.astype(np.float32)  # sides that restore the edges exactly
    return Poses(points, marks, boxes, rng.random(count), ids, skeleton, dtype=dtype)


@st.composite
def sequences(draw, choices=(skeletons.COCO17, skeletons.POSETRACK18, MOUSE, DOT)):
    """Sequences with gaps, empty frames, odd names, with and without metadata."""
    skeleton = draw(st.sampled_from(choices))
    indices = sorted(draw(st.sets(st.integers(0, 10**6), max_size=4)))
    odd = draw(st.booleans())
    titles = draw(
        st.lists(names, min_size=len(indices), max_size=len(indices), unique=True)
    )
    fps = draw(st.sampled_from([None, 25.0, 29.97]))
    frames = []
    for index, title in zip(indices, titles, strict=True):
        time = draw(st.sampled_from([index / fps if fps else 0.0, index * 0.0371]))
        name = title if odd else f"{index:06d}.jpg"
        frames.append(Frame(index, time, draw(people(skeleton)), name=name))
    known = {
        "size": st.sampled_from([None, (640, 480)]),
        "tracker": st.sampled_from([None, "oks"]),
        "version": st.sampled_from([None, "9.9"]),
        "names": st.sampled_from([{}, {4: "Anna"}]),
    }
    known = {name: draw(choice) for name, choice in known.items()}
    return PoseSequence(tuple(frames), skeleton, "walk", fps=fps, **known)


FILES = {
    "csv": "out.csv",
    "csv-wide": "out.csv",
    "parquet": "out.parquet",
    "jsonl": "out.jsonl",
    "npz": "out.npz",
}


@pytest.mark.parametrize("format", FILES)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences())
def test_round_trip(tmp_path_factory, format, written):
    path = tmp_path_factory.mktemp("round") / FILES[format]
    poseflow.write(written, path, format)
    again = poseflow.read(path)
    assert replace(again, frames=()) == replace(written, frames=())
    assert len(again) == len(written)
    for frame, before in zip(again, written, strict=True):
        assert (frame.index, frame.name, frame.time) == (
            before.index,
            before.name,
            before.time,
        )
        assert frame.poses.astype(before.poses.keypoints.dtype) == before.poses
    second = path.with_name("again" + path.suffix)
    poseflow.write(again, second, format)
    assert poseflow.read(second) == again

"""Results come back from tables, lists and PoseTrack files with their metadata."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import poseflow
from poseflow import Frame, Poses, PoseSequence, Skeleton, formats, skeletons
from poseflow.formats.losses import losses
from poseflow.frame_names import frame_number

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
).filter(lambda name: name.strip() == name and frame_number(name) is None)
numbers = st.floats(-1e6, 1e6, allow_subnormal=False, width=32)


@st.composite
def people(draw, skeleton, identified):
    """Poses of up to three people; some joints are missing."""
    count = draw(st.integers(0, 3))
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    shape = count, len(skeleton)
    marks = rng.random(shape) * (rng.random(shape) > draw(st.sampled_from([0, 0.4, 1])))
    points = rng.normal(0, draw(st.sampled_from([1, 1e3, 1e6])), (*shape, 2))
    points[(marks <= 0) & (rng.random(shape) < 0.8)] = 0
    ids = draw(
        st.lists(st.integers(0, 2**53), min_size=count, max_size=count, unique=True)
    )
    without = rng.random(count) > (1 if identified else 0.7)
    ids = np.where(without, -1, np.array(ids, np.int64))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    corners = np.sort(rng.normal(100, 1000, (count, 2, 2)), axis=1)
    boxes = corners.reshape(count, 4)
    if dtype == np.float64:
        boxes = boxes.astype(np.float32)  # sides that restore the edges exactly
    # Those are no detections, which a submission to PoseTrack has alone.
    filled = {} if identified else {"interpolated": rng.random(count) < 0.3}
    return Poses(
        points, marks, boxes, rng.random(count), ids, skeleton, dtype=dtype, **filled
    )


@st.composite
def sequences(draw, choices, identified):
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
        frames.append(Frame(index, time, draw(people(skeleton, identified)), name=name))
    known = {
        "size": st.sampled_from([None, (640, 480)]),
        "tracker": st.sampled_from([None, "oks"]),
        "version": st.sampled_from([None, "9.9"]),
        "names": st.sampled_from([{}, {4: "Anna"}]),
    }
    known = {name: draw(choice) for name, choice in known.items()}
    return PoseSequence(tuple(frames), skeleton, "walk", fps=fps, **known)


SKELETONS = (skeletons.COCO17, skeletons.POSETRACK18, MOUSE, DOT)

# Format -> file, skeletons that it holds. test_round_trips.py has the others.
FORMATS = {
    "alphapose": ("out.json", SKELETONS),
    "forvis": ("out.json", SKELETONS),
    "csv": ("out.csv", SKELETONS),
    "csv-wide": ("out.csv", SKELETONS),
    "parquet": ("out.parquet", SKELETONS),
    "jsonl": ("out.jsonl", SKELETONS),
    "npz": ("out.npz", SKELETONS),
    "posetrack17": ("out.json", (skeletons.POSETRACK17,)),
    "posetrack18": ("out.json", (skeletons.POSETRACK18,)),
    "posetrack21": ("out.json", (skeletons.POSETRACK18,)),
}


def same_poses(poses, before, lacks):
    """Whether people are the same up to what is lost."""
    if not len(before):
        assert not len(poses)
        return
    poses = poses.astype(before.keypoints.dtype)
    np.testing.assert_array_equal(poses.keypoint_scores, before.keypoint_scores)
    shown = before.present[..., None] | ("hidden joints" not in lacks)
    np.testing.assert_array_equal(poses.keypoints, np.where(shown, before.keypoints, 0))
    if "boxes" not in lacks:
        # Left, top, width, height: the last bit of the other corner.
        np.testing.assert_allclose(poses.boxes, before.boxes, rtol=1e-6)
    np.testing.assert_array_equal(poses.scores, before.scores)
    assert poses.track_ids.tolist() == before.track_ids.tolist()
    assert poses.interpolated.tolist() == before.interpolated.tolist()


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_round_trip(tmp_path_factory, format, data):
    name, choices = FORMATS[format]
    # Programs of these benchmarks refuse people without an identity beside others.
    written = data.draw(sequences(choices, format.startswith("posetrack")))
    lacks = getattr(formats.get(format), "lacks", ())
    path = tmp_path_factory.mktemp("round") / name
    poseflow.write(written, path, format)
    again = poseflow.read(path, format, keep_origin=True)
    people = [frame for frame in written if len(frame.poses)]
    frames = list(written)
    # Entries of the dictionary have no place for the number of a frame without people.
    unplaced = format == "forvis" and len(people) < len(frames)
    if {"empty frames", "gaps"} & set(lacks) or unplaced:
        frames = people
        again = replace(again, frames=tuple(f for f in again if len(f.poses)))
    if unplaced:
        frames.sort(key=lambda f: f.name)
        again = replace(again, frames=tuple(sorted(again, key=lambda f: f.name)))
    assert len(again) == len(frames)
    for frame, before in zip(again, frames, strict=True):
        assert frame.name == before.name
        if not unplaced:
            assert frame.index == before.index
            assert abs(frame.time - before.time) < 1e-6
        same_poses(frame.poses, before.poses, lacks)
    if people or "metadata alone" not in lacks:
        assert replace(again, frames=()) == replace(written, frames=())


@pytest.mark.parametrize("format", ["alphapose", "csv", "jsonl", "npz", "parquet"])
def test_nothing_is_lost_of_an_ordinary_result(format):
    poses = Poses(np.ones((1, 17, 2)), track_ids=[1])
    result = PoseSequence.collect([Frame(3, 0.12, poses)], "a", (64, 48), 25.0)
    assert losses(result, formats.get(format)) == []

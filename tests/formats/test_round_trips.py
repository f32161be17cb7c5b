"""Every writable format: what is read back is equal, or the loss is named."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poseflow
from poseflow.formats import get, names
from poseflow.formats.losses import KINDS, losses
from poseflow.skeletons import COCO17

NEEDS = {
    "parquet": "pyarrow",
    "sleap": "sleap_io",
    "sleap-analysis": "sleap_io",
    "labelstudio": "sleap_io",
}
READ_ONLY = {"deeplabcut", "nwb", "journal"}
OTHER_JOINTS = {"posetrack17", "posetrack18", "posetrack21"}
ROUNDED = {"mot": 1e-4, "ultralytics-labels": 1e-5, "sleap": 1e-6, "labelstudio": 1e-6}
WRITABLE = [n for n in names() if n not in READ_ONLY | OTHER_JOINTS]

NUMBER = st.floats(0.01, 600, width=32)
SCORE = st.floats(0.01, 1, width=32)


@st.composite
def sequences(draw):
    """Short results with gaps, empty frames, missing joints and people without ids."""
    named = draw(st.booleans())
    indices = sorted(draw(st.sets(st.integers(0, 9), min_size=1, max_size=3)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    frames = []
    for place, index in enumerate(indices):
        ids = draw(st.lists(st.integers(-1, 5), max_size=2, unique=True))
        seed = draw(st.integers(0, 2**20))
        rng = np.random.default_rng(seed)
        points = rng.uniform(0.5, 600, (len(ids), 17, 2))
        marks = rng.uniform(0.01, 1, (len(ids), 17))
        marks[:, :5] *= rng.random((len(ids), 5)) < 0.7
        poses = poseflow.Poses(points, marks, track_ids=ids, dtype=dtype)
        if draw(st.booleans()):
            boxes = poses.boxes + rng.uniform(1, 9, (len(ids), 4)) * [-1, -1, 1, 1]
            poses = poses.replace(boxes=boxes, scores=rng.random(len(ids)) + 0.01)
        name = f"day/img{place}.png" if named else f"{index:06d}.jpg"
        frames.append(poseflow.Frame(place if named else index, 0.0, poses, name=name))
    return poseflow.PoseSequence(tuple(frames), COCO17, "street", (640, 480))


def kept(lost, kind):
    """Whether the format keeps what the result has of a kind."""
    return kind not in lost


@pytest.mark.parametrize("name", WRITABLE)
@settings(max_examples=15, deadline=None)
@given(sequence=sequences())
def test_what_is_read_back_is_equal_or_named_as_lost(name, sequence, tmp_path_factory):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    format = get(name)
    suffix = (getattr(format, "suffixes", ()) or ("",))[0]
    path = tmp_path_factory.mktemp("round") / f"street{suffix}"
    lost = set(getattr(format, "lacks", ()))
    if not any(len(f.poses) for f in sequence) and name in NEEDS:
        return  # refused, or without a skeleton
    if name == "ultralytics-labels" and len(sequence) < 2:
        return  # a single file is one of an image
    options = {}
    if name == "ultralytics-labels":
        options["size"] = (640, 480)
    if name == "labelstudio":
        options["skeleton"] = COCO17
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        poseflow.write(sequence, path, name)
        found = poseflow.read(path, name, **options)
    tolerance = ROUNDED.get(
        name, 1e-6 if sequence[0].poses.boxes.itemsize == 4 else 1e-14
    )
    by_index = {frame.index: frame for frame in found}
    by_stem = {stem_of(frame): frame for frame in found}
    tracked = len(sequence.track_ids) > 0
    for frame in sequence:
        mine = frame.poses
        if name in ("mot", "sleap-analysis") and tracked:  # without an identity
            mine = mine[mine.track_ids >= 0]
        if not len(mine) and ("empty frames" in lost or name == "mot"):
            continue
        if kept(lost, "frame names"):
            theirs = by_stem[stem_of(frame)]
        else:
            theirs = by_index[frame.index]
        compare(name, mine, theirs.poses, lost, tolerance)


def stem_of(frame):
    return frame.name.rpartition("/")[2].removesuffix(".png")


def compare(name, mine, theirs, lost, tolerance):
    if name in ("sleap-analysis", "labelstudio"):  # in order of tracks, or of none
        order = [np.lexsort(np.round(p.keypoints[:, -1].T, 3)) for p in (mine, theirs)]
        mine, theirs = mine[order[0]], theirs[order[1]]
    assert len(mine) == len(theirs)

    def close(a, b):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * 64)

    if kept(lost, "joints"):
        np.testing.assert_array_equal(mine.present, theirs.present)
        shown = mine.present[..., None]
        close(np.where(shown, mine.keypoints, 0), np.where(shown, theirs.keypoints, 0))
        if kept(lost, "joint scores"):
            close(mine.keypoint_scores, theirs.keypoint_scores)
    if kept(lost, "boxes"):
        close(mine.boxes, theirs.boxes)
    if kept(lost, "scores"):
        close(mine.scores, theirs.scores)
    if kept(lost, "identities") and name != "sleap-analysis":
        np.testing.assert_array_equal(mine.track_ids, theirs.track_ids)


def test_every_loss_is_named():
    rng = np.random.default_rng(0)
    poses = poseflow.Poses(
        rng.uniform(1, 99, (3, 17, 2)),
        rng.uniform(0.1, 1, (3, 17)) * [[1], [1], [0]],
        [[1, 2, 300, 400]] * 3,
        [0.1, 0.2, 0.3],
        [4, -1, 5],
    )
    frames = (
        poseflow.Frame(0, 0.3, poses, name="a.jpg"),
        poseflow.Frame(1, 0.5, poses[:0], name="b.jpg"),
    )
    sequence = poseflow.PoseSequence(
        frames,
        COCO17,
        "s",
        (9, 9),
        25.0,
        names={4: "Ann"},
        tracker="iou",
        version="1",
    )

    class Everything:
        lacks = tuple(KINDS)

    assert losses(sequence, Everything()) == [
        "joints",
        "scores of joints",
        "coordinates of 17 missing joints",
        "boxes, which readers take from the joints",
        "scores of people, which readers take from their joints",
        "2 identities",
        "1 poses without an identity",
        "1 people without a joint",
        "1 frames without people",
        "names of frames",
        "times of frames",
        "frame rate",
        "size of the images",
        "names of 1 people",
        "tracker and version",
    ]
    empty = poseflow.PoseSequence((), COCO17)
    assert losses(empty, Everything()) == []


def test_formats_lack_only_what_is_known():
    for name in names():
        assert set(getattr(get(name), "lacks", ())) <= set(KINDS), name

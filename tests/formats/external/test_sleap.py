"""The formats that sleap-io reads and writes: SLEAP, NWB, Label Studio."""

import numpy as np
import pytest

import poseflow
from poseflow.errors import FormatError, MissingExtraError
from poseflow.formats.external.sleap_labels import labels_of, sequence_of

sio = pytest.importorskip("sleap_io")

FISH = poseflow.Skeleton(
    "fish",
    ("left_eye", "right_eye", "tail"),
    (("left_eye", "tail"),),
    pairs=(("left_eye", "right_eye"),),
)


def frame(index, *ids):
    rng = np.random.default_rng(index)
    marks = rng.uniform(0.1, 1, (len(ids), 3))
    if len(ids):
        marks[0, 1] = 0
    poses = poseflow.Poses(
        rng.uniform(1, 99, (len(ids), 3, 2)),
        marks,
        track_ids=ids,
        skeleton=FISH,
        dtype=np.float64,
    )
    return poseflow.Frame(index, 0.0, poses)


def sequence(*frames, name="street"):
    return poseflow.PoseSequence.collect(frames, name, (640, 480), 25.0)


def check_same(given, found, ids=True):
    people = [f for f in given if len(f.poses)]
    assert [f.index for f in found if len(f.poses)] == [f.index for f in people]
    for mine, theirs in zip(people, found, strict=True):
        a, b = mine.poses, theirs.poses
        if ids:  # analysis files are in order of tracks
            a, b = (poses[np.argsort(poses.track_ids)] for poses in (a, b))
        np.testing.assert_array_equal(a.present, b.present)
        there = a.present[..., None]
        np.testing.assert_allclose(
            np.where(there, b.keypoints, 0), np.where(there, a.keypoints, 0)
        )
        if ids:
            np.testing.assert_allclose(b.keypoint_scores, a.keypoint_scores)
            np.testing.assert_allclose(b.scores, a.scores, rtol=1e-6)
            np.testing.assert_array_equal(b.track_ids, a.track_ids)


@pytest.mark.parametrize("name", ["out.slp", "out.h5"])
def test_what_is_written_is_read_back(tmp_path, name):
    given = sequence(frame(0, 7, 2), frame(1), frame(3, 2))
    path = tmp_path / name
    poseflow.write(given, path)
    kind = {"out.slp": "sleap", "out.h5": "sleap-analysis"}[name]
    assert poseflow.formats.sniff(path).name == kind
    found = poseflow.read(path)
    assert found.skeleton.joints == FISH.joints
    assert found.skeleton.limbs == FISH.limbs
    assert found.size == (640, 480)
    check_same(given, found)
    labels = getattr(sio, {"out.slp": "load_slp", "out.h5": "load_analysis_h5"}[name])(
        str(path)
    )
    assert len(labels.tracks) == 2


def test_skeletons_keep_their_pairs(tmp_path):
    poseflow.write(sequence(frame(0, 1)), tmp_path / "out.slp")
    assert poseflow.read(tmp_path / "out.slp").skeleton.left_right == ((0, 1),)


def test_label_studio_has_labels_alone(tmp_path):
    given = sequence(frame(0, 1, 2), frame(3, 2))
    path = tmp_path / "tasks.json"
    poseflow.write(given, path, "labelstudio")
    assert poseflow.formats.sniff(path).name == "labelstudio"
    check_same(given, poseflow.read(path), ids=False)
    turned = poseflow.Skeleton("fish", ("tail", "right_eye", "left_eye"))
    found = poseflow.read(path, skeleton=turned)
    np.testing.assert_allclose(
        found[0].poses.keypoints[1, ::-1], given[0].poses.keypoints[1]
    )


def test_nwb_is_read_and_not_written(tmp_path):
    given = sequence(frame(0, 1, 2), frame(1, 1, 2))
    sio.save_nwb(labels_of(given), str(tmp_path / "in.nwb"))
    found = poseflow.read(tmp_path / "in.nwb")
    assert [len(f.poses) for f in found] == [2, 2]
    np.testing.assert_allclose(
        found[0].poses.keypoints[1], given[0].poses.keypoints[1], rtol=1e-6
    )
    with pytest.raises(FormatError, match="format nwb can only be read"):
        poseflow.write(given, tmp_path / "out.nwb")


def test_names_of_tracks_are_names_of_people():
    labels = labels_of(sequence(frame(0, 1, 2)))
    for track, name in zip(labels.tracks, ("queen", "worker"), strict=True):
        track.name = name
    found = sequence_of(labels, poseflow.formats.Hints())
    assert found.names == {1: "queen", 2: "worker"}
    assert found[0].poses.track_ids.tolist() == [1, 2]
    assert [t.name for t in labels_of(found).tracks] == ["queen", "worker"]


def test_several_videos_are_refused_by_name():
    first, second = (labels_of(sequence(frame(0, 1), name=n)) for n in ("a", "b"))
    both = sio.Labels([*first.labeled_frames, *second.labeled_frames])
    with pytest.raises(FormatError, match=r"those of 2 \(file 'a\.mp4', 'b\.mp4'\)"):
        sequence_of(both, poseflow.formats.Hints())
    chosen = sequence_of(both, poseflow.formats.Hints(video="b.mp4"))
    assert len(chosen) == 1
    with pytest.raises(FormatError, match="expected one video 'c'"):
        sequence_of(both, poseflow.formats.Hints(video="c"))


def test_labels_of_a_user_replace_predictions():
    labels = labels_of(sequence(frame(0, 1, 2)))
    predicted = labels.labeled_frames[0].instances[0]
    label = sio.Instance.from_numpy(
        np.full((3, 2), 5.0), skeleton=predicted.skeleton, from_predicted=predicted
    )
    label.track = predicted.track
    labels.labeled_frames[0].instances.append(label)
    poses = sequence_of(labels, poseflow.formats.Hints())[0].poses
    assert sorted(poses.track_ids.tolist()) == [1, 2]
    assert poses.keypoints[0].tolist() == [[5, 5]] * 3
    assert poses.keypoint_scores[0].tolist() == [1, 1, 1]


def test_a_file_of_another_kind_is_one_line(tmp_path):
    (tmp_path / "a.slp").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(FormatError, match="damaged HDF5 file"):
        poseflow.read(tmp_path / "a.slp")


def test_sleap_io_that_is_not_installed_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sleap_io", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'poseflow\[formats\]'"):
        poseflow.write(sequence(frame(0, 1)), tmp_path / "out.slp")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_label_studio_in_any_encoding(tmp_path, encoding):
    path = tmp_path / "tasks.json"
    poseflow.write(sequence(frame(0, 1)), path, "labelstudio")
    path.write_bytes(path.read_text().encode(encoding))
    assert len(poseflow.read(path)[0].poses) == 1

"""The format `deeplabcut`: tables of predictions and labels."""

import pickle

import numpy as np
import pandas
import pytest

import poseflow
from poseflow.errors import FormatError

SCORER = "DLC_resnet50_fliesJun1shuffle1_1000"


def table(animals, coords=("x", "y", "likelihood"), index=None):
    """A table as DeepLabCut 2.3 and 3.0 write it."""
    levels = [[SCORER], animals, ["nose", "tail"], coords]
    names = ["scorer", "individuals", "bodyparts", "coords"]
    if animals is None:
        del levels[1], names[1]
    columns = pandas.MultiIndex.from_product(levels, names=names)
    values = np.arange(3.0 * len(columns)).reshape(3, -1) + 1
    found = pandas.DataFrame(values, columns=columns, index=index)
    if "likelihood" in coords:
        found.loc[:, columns.get_level_values("coords") == "likelihood"] = 0.75
    return found


def save(content, path):
    if path.suffix == ".csv":
        content.to_csv(path)
    else:
        pytest.importorskip("tables")
        content.to_hdf(path, key="df_with_missing", format="table", mode="w")
    assert poseflow.formats.sniff(path).name == "deeplabcut"
    return poseflow.read(path)


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_predictions_of_one_animal(tmp_path, suffix):
    found = save(table(None), tmp_path / f"fly{SCORER}{suffix}")
    assert found.skeleton.joints == ("nose", "tail")
    assert [(f.index, f.name) for f in found] == [(k, f"{k:06d}.jpg") for k in range(3)]
    poses = found[1].poses
    assert poses.keypoints[0].tolist() == [[7, 8], [10, 11]]
    assert poses.keypoint_scores[0].tolist() == [0.75, 0.75]
    assert poses.track_ids.tolist() == [-1]


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_predictions_of_several_animals(tmp_path, suffix):
    content = table(["mother", "pup"])
    content.iloc[1, 6:] = np.nan
    content.iloc[2, :2] = np.nan
    found = save(content, tmp_path / f"mice{suffix}")
    assert [f.poses.track_ids.tolist() for f in found] == [[1, 2], [1], [1, 2]]
    assert found.names == {1: "mother", 2: "pup"}
    assert found[2].poses.present.tolist() == [[False, True], [True, True]]


def test_labels_of_images(tmp_path):
    index = pandas.MultiIndex.from_tuples(
        [("labeled-data", "fly", f"img{k}.png") for k in (10, 2, 3)]
    )
    content = table(None, ("x", "y"), index)
    found = save(content, tmp_path / "CollectedData_me.csv")
    assert [f.name for f in found] == [
        f"labeled-data/fly/img{k}.png" for k in (2, 3, 10)
    ]
    assert found[2].poses.keypoints[0, 0].tolist() == [1, 2]
    assert (found[0].poses.keypoint_scores == 1).all()


def test_the_joints_may_be_named_in_another_order(tmp_path):
    path = tmp_path / "fly.csv"
    save(table(None), path)
    turned = poseflow.Skeleton("fly", ("tail", "nose"))
    found = poseflow.read(path, skeleton=turned)
    assert found[0].poses.keypoints[0].tolist() == [[4, 5], [1, 2]]


def test_errors_are_one_line(tmp_path):
    path = tmp_path / "fly.csv"
    path.write_text("scorer,a,b\nwhat,c\n")
    with pytest.raises(FormatError, match=r"fly\.csv"):
        poseflow.read(path)
    with pytest.raises(FormatError, match="can only be read"):
        poseflow.write([], tmp_path / "out.csv", "deeplabcut")


@pytest.mark.parametrize("kind", ["table", "fixed"])
@pytest.mark.parametrize("animals", [None, ["mother", "pup"]])
def test_both_layouts_of_pandas_are_read(tmp_path, kind, animals):
    pytest.importorskip("tables")
    content = table(animals, index=[f"labeled-data/fly/img{k}.png" for k in (9, 2, 3)])
    path = tmp_path / f"{SCORER}.h5"
    content.to_hdf(path, key="df_with_missing", format=kind, mode="w")
    content.to_csv(tmp_path / "a.csv")
    found, expected = poseflow.read(path), poseflow.read(tmp_path / "a.csv")
    assert [f.name for f in found] == [f.name for f in expected]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.poses.keypoints, theirs.poses.keypoints)


class Evil:
    def __reduce__(self):
        return (open, ("evil", "w"))


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("place", ["info", "values_block_0_kind", "TITLE"])
def test_code_in_hdf5_does_not_run(tmp_path, monkeypatch, place, protocol):
    pytest.importorskip("tables")
    h5py = pytest.importorskip("h5py")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"{SCORER}.h5"
    table(None).to_hdf(path, key="df_with_missing", format="table", mode="w")
    with h5py.File(path, "r+") as file:
        group = file["df_with_missing"]
        item = group["table"] if "block" in place else group
        item.attrs[place] = np.void(pickle.dumps(Evil(), protocol))
    if place == "TITLE":  # is not needed
        assert len(poseflow.read(path)) == 3
    else:
        with pytest.raises(FormatError, match=r"asks for .*open, which is not loaded"):
            poseflow.read(path)
    assert not (tmp_path / "evil").exists()


def test_arrays_that_the_file_does_not_hold_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / f"{SCORER}.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("df_with_missing", (10**9, 9), chunks=True, dtype="f8")
    assert path.stat().st_size < 10_000
    for format in ("deeplabcut", "sleap", "sleap-analysis", "nwb"):
        with pytest.raises(FormatError, match="its arrays claim 72000 MB"):
            poseflow.read(path, format)


@pytest.mark.parametrize("suffix", [".csv", ".h5"])
def test_an_empty_likelihood_loses_no_animal(tmp_path, suffix):
    """sleap-io leaves all of them empty."""
    content = table(["mother", "pup"])
    content.loc[:, content.columns.get_level_values("coords") == "likelihood"] = np.nan
    found = save(content, tmp_path / f"mice{suffix}")
    assert [f.poses.track_ids.tolist() for f in found] == [[1, 2]] * 3
    assert (found[0].poses.keypoint_scores == 1).all()


def test_what_sleap_io_writes_is_read(tmp_path):
    sio = pytest.importorskip("sleap_io")
    from poseflow.formats.external.sleap_labels import labels_of

    skeleton = poseflow.Skeleton("pair", ("nose", "tail"))
    points = np.arange(1.0, 9.0).reshape(2, 2, 2)
    poses = poseflow.Poses(points, track_ids=[2, 1], skeleton=skeleton)
    sequence = poseflow.PoseSequence((poseflow.Frame(3, 0.0, poses),), skeleton)
    path = tmp_path / "mice.csv"
    sio.save_csv(labels_of(sequence), str(path), format="dlc")
    found = poseflow.read(path)
    assert found.skeleton.joints == ("nose", "tail")
    assert found[0].poses.keypoints[::-1].tolist() == points.tolist()

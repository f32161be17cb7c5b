"""CSV, Parquet, JSON Lines and npz: round trips, other programs, and bad input."""

import contextlib
import io
import json
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

import poseflow
from poseflow import Frame, Poses, PoseSequence, Skeleton, skeletons
from poseflow.errors import FormatError

MOUSE = Skeleton("mouse", ("nose", "ear,l", 'ear "r"', "100 % tail"))
DOT = Skeleton("dot", ("centre",))
FILES = {
    "csv": "out.csv",
    "csv-wide": "out.csv",
    "parquet": "out.parquet",
    "jsonl": "out.jsonl",
    "npz": "out.npz",
}


def walk(skeleton=skeletons.COCO17, **known):
    """Three frames with two, no and one people; the second person has no identity."""
    rng = np.random.default_rng(5)
    marks = rng.uniform(0.1, 1, (3, len(skeleton)))
    marks[1, 0] = 0
    points = rng.uniform(1, 500, (3, len(skeleton), 2)) * (marks > 0)[..., None]
    poses = Poses(points, marks, track_ids=[3, -1, 3], skeleton=skeleton)
    frames = (
        Frame(4, 0.16, poses[:2], name="000004.jpg"),
        Frame(5, 0.20, poses[:0], name="000005.jpg"),
        Frame(9, 0.36, poses[2:], name="000009.jpg"),
    )
    known = {"name": "walk", "fps": 25.0, "size": (640, 480)} | known
    return PoseSequence(frames, skeleton, **known)


def as_floats(sequence, dtype=np.float32):
    return [replace(f, poses=f.poses.astype(dtype)) for f in sequence]


@pytest.mark.parametrize("format", FILES)
def test_the_same_frames_give_the_same_bytes(tmp_path, format):
    path = tmp_path / FILES[format]
    poseflow.write(walk(), path, format)
    first = path.read_bytes()
    poseflow.write(walk(), path, format)
    assert path.read_bytes() == first


def test_the_suffix_names_the_format(tmp_path):
    for name, content in [
        ("a.csv", b"frame,time,name"),
        ("a.parquet", b"PAR1"),
        ("a.jsonl", b'{"frame":4'),
        ("a.ndjson", b'{"frame":4'),
        ("a.npz", b"PK"),
        ("a.json", b"[\n"),
    ]:
        poseflow.write(walk(), tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(content)
        assert as_floats(poseflow.read(tmp_path / name))[0].poses == walk()[0].poses


def test_pandas_reads_csv(tmp_path):
    poseflow.write(walk(), tmp_path / "a.csv")
    table = pd.read_csv(tmp_path / "a.csv")
    assert list(table.columns) == [
        *("frame", "time", "name", "person", "id", "interpolated", "score"),
        *("box_x1", "box_y1", "box_x2", "box_y2", "joint", "x", "y", "joint_score"),
        "poseflow",
    ]
    assert len(table) == 3 * 17 + 1
    assert table["id"].dtype == np.int64
    empty = table[table["frame"] == 5].iloc[0]
    assert empty[["person", "id"]].tolist() == [-1, -1]
    assert empty[["score", "joint", "x", "y", "joint_score"]].isna().all()
    person = table[(table["frame"] == 9)]
    np.testing.assert_array_equal(
        person[["x", "y"]].to_numpy(np.float32), walk()[2].poses.keypoints[0]
    )
    missing = table[(table["person"] == 1) & (table["joint"] == "nose")].iloc[0]
    assert missing[["x", "y"]].isna().all()
    assert missing["joint_score"] == 0


def test_pandas_reads_wide_csv(tmp_path):
    poseflow.write(walk(), tmp_path / "a.csv", "csv-wide")
    table = pd.read_csv(tmp_path / "a.csv")
    assert len(table) == 4
    np.testing.assert_array_equal(
        table[["left_hip_x", "left_hip_y", "left_hip_score"]].to_numpy(np.float32)[3],
        [*walk()[2].poses.keypoints[0, 11], walk()[2].poses.keypoint_scores[0, 11]],
    )


def test_pandas_and_pyarrow_read_parquet(tmp_path):
    for name in ("a", "b"):
        poseflow.write(walk(name=name), tmp_path / f"{name}.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    frame = walk().to_dataframe()
    kept = table[table["joint"].notna()].reset_index(drop=True)
    for column in frame:
        assert kept[column].tolist() == frame[column].tolist() or (
            np.array_equal(kept[column], frame[column], equal_nan=True)
        )
    schema = pyarrow.parquet.read_schema(tmp_path / "a.parquet")
    assert json.loads(schema.metadata[b"poseflow"])["fps"] == 25.0
    both = pyarrow.parquet.read_table(tmp_path)
    assert both.num_rows == 2 * len(table)
    assert set(both.column("video").to_pylist()) == {"a", "b"}
    pyarrow.parquet.write_table(both, tmp_path / "both.parquet")
    with pytest.raises(FormatError, match="rows of one video, found those of 2"):
        poseflow.read(tmp_path / "both.parquet")


def test_numpy_reads_npz(tmp_path):
    poseflow.write(walk(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(
            arrays["keypoints"][2], walk()[2].poses.keypoints[0]
        )
        assert arrays["keypoints"].dtype == np.float32
        assert arrays["person_frame"].tolist() == [0, 0, 2]
        assert arrays["frame_index"].tolist() == [4, 5, 9]
        assert json.loads(str(arrays["poseflow"]))["size"] == [640, 480]


def test_every_line_of_json_lines_is_a_frame(tmp_path):
    poseflow.write(walk(), tmp_path / "a.jsonl")
    lines = [json.loads(x) for x in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [line["frame"] for line in lines] == [4, 5, 9]
    assert [len(line["people"]) for line in lines] == [2, 0, 1]
    assert list(lines[0]["people"][0]) == ["keypoints", "score", "box", "idx"]
    assert "idx" not in lines[0]["people"][1]
    assert ["poseflow" in line for line in lines] == [True, False, False]


WRITE = """
import sys, time, numpy as np, poseflow
from poseflow import Frame, Poses, ResultWriter
with ResultWriter("-", "jsonl") as writer:
    for k in range(3):
        writer.write(Frame(k, 0.0, Poses(np.ones((1, 17, 2)))))
        sys.stdin.readline()
"""


def test_json_lines_are_flushed_frame_by_frame(tmp_path):
    command = [sys.executable, "-P", "-c", WRITE]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for k in range(3):
            # Blocks for ever if the frame waits in a buffer for the next one.
            assert json.loads(process.stdout.readline())["frame"] == k
            process.stdin.write(b"go on\n")
            process.stdin.flush()
        process.stdin.close()
        assert process.stdout.read() == b""


def test_json_lines_are_read_while_they_are_written(tmp_path):
    poseflow.write(walk(), tmp_path / "a.jsonl")
    data = (tmp_path / "a.jsonl").read_bytes()
    (tmp_path / "b.jsonl").write_bytes(data[:-30])
    with pytest.warns(UserWarning, match=r"line 3: .*truncated, or still being writ"):
        assert [f.index for f in poseflow.read(tmp_path / "b.jsonl")] == [4, 5]
    (tmp_path / "c.jsonl").write_bytes(data.split(b"\n", 2)[2])
    assert [f.index for f in poseflow.read(tmp_path / "c.jsonl")] == [9]


# --- Tables of other programs --------------------------------------------------------


def test_a_long_table_with_few_columns(tmp_path):
    rows = ["frame,joint,x,y"]
    rows += [f"{k},{j},{k + n},{n}" for k in (7, 3) for n, j in enumerate("abc", 1)]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    read = poseflow.read(tmp_path / "a.csv", fps=10)
    assert [f.index for f in read] == [3, 7]
    assert read.skeleton.joints == ("a", "b", "c")
    assert read[1].time == 0.7
    np.testing.assert_array_equal(read[1].poses.keypoints[0], [[8, 1], [9, 2], [10, 3]])
    assert read[0].poses.keypoint_scores.tolist() == [[1, 1, 1]]
    assert read[0].poses.track_ids.tolist() == [-1]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_spreadsheets_of_other_countries(tmp_path, delimiter, decimal):
    if decimal == delimiter or (decimal == "," and delimiter == "\t"):
        pytest.skip("no such file")
    poseflow.write(walk(), tmp_path / "a.csv", "csv-wide")
    table = pd.read_csv(tmp_path / "a.csv")
    table.to_csv(tmp_path / "b.csv", sep=delimiter, decimal=decimal, index=False)
    assert as_floats(poseflow.read(tmp_path / "b.csv")) == list(walk())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings_and_line_ends(tmp_path, encoding):
    poseflow.write(walk(), tmp_path / "a.csv")
    text = (tmp_path / "a.csv").read_text().replace("\n", "\r\n") + "\r\n"
    (tmp_path / "b.csv").write_bytes(text.encode(encoding))
    assert as_floats(poseflow.read(tmp_path / "b.csv")) == list(walk())


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_rows_and_columns_in_another_order(tmp_path, format):
    """Names say what a column is: swapped ones are read as they should be."""
    path = tmp_path / FILES[format]
    poseflow.write(walk(), path, format)
    read, write = {
        "csv": (pd.read_csv, lambda t: t.to_csv(path, index=False)),
        "parquet": (pd.read_parquet, lambda t: t.to_parquet(path, index=False)),
    }[format]
    table = read(path).sample(frac=1, random_state=3)
    write(table[table.columns[::-1]])
    again = as_floats(poseflow.read(path, skeleton="coco17"))
    assert [f.index for f in again] == [4, 5, 9]
    for frame, before in zip(again, walk(), strict=True):
        order = np.argsort(frame.poses.track_ids)[::-1]
        assert frame.poses[order] == before.poses


def test_people_without_numbers_in_the_frame(tmp_path):
    lines = ["frame,id,joint,x,y"]
    lines += [f"0,{i},{j},{n},{i}" for i in (5, 8) for n, j in enumerate("ab", 1)]
    lines += [f"1,,{j},{n},{n}" for n, j in enumerate("abab", 1)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    first, second = poseflow.read(tmp_path / "a.csv")
    assert first.poses.track_ids.tolist() == [5, 8]
    np.testing.assert_array_equal(second.poses.keypoints[:, :, 0], [[1, 2], [3, 4]])
    assert second.poses.track_ids.tolist() == [-1, -1]


def test_joints_by_number(tmp_path):
    lines = ["frame,id,joint,x,y", *(f"0,1,{k},{k + 1},2" for k in range(17))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    assert poseflow.read(tmp_path / "a.csv").skeleton.name == "coco17"
    lines = ["frame,id,joint,x,y", *(f"0,1,{k},{k + 1},2" for k in range(4))]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    with pytest.raises(FormatError, match="joint: no known skeleton has 4 joints"):
        poseflow.read(tmp_path / "a.csv")
    assert poseflow.read(tmp_path / "a.csv", skeleton=MOUSE).skeleton == MOUSE


def test_the_order_of_joints_is_that_of_the_skeleton(tmp_path):
    poseflow.write(walk(MOUSE), tmp_path / "a.csv", "csv-wide")
    table = pd.read_csv(tmp_path / "a.csv")
    order = [*table.columns[:11], *table.columns[11:-1][::-1]]
    table[order].to_csv(tmp_path / "b.csv", index=False)
    assert poseflow.read(tmp_path / "b.csv").skeleton.joints == MOUSE.joints[::-1]
    again = poseflow.read(tmp_path / "b.csv", skeleton=MOUSE, fps=25)
    assert as_floats(again) == list(walk(MOUSE))
    with pytest.raises(FormatError, match=r"expected the joints of dot .*found 100"):
        poseflow.read(tmp_path / "b.csv", skeleton=DOT)


# --- Bad input ------------------------------------------------------------------------


def csv(tmp_path, *rows, header="frame,id,score,joint,x,y,joint_score"):
    path = tmp_path / "bad.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


GOOD = ("0,1,0.5,a,10,20,0.9", "0,1,0.5,b,30,40,0.8", "1,1,0.5,a,11,21,0.9")


@pytest.mark.parametrize(
    ("row", "message", "joints"),
    [
        ("x,1,0.5,b,1,2,0.5", r"line 5: frame: expected a whole number from 0", 3),
        ("1.5,1,0.5,b,1,2,0.5", r"line 5: frame: expected a whole number.* 1\.5", 3),
        ("-3,1,0.5,b,1,2,0.5", r"line 5: frame: .*found -3", 3),
        (",1,0.5,b,1,2,0.5", r"line 5: frame: .*found nothing", 3),
        ("1,1,0.5,b,1,2", r"line 5: expected 7 cells, found 6", 3),
        ("1,1,0.5,b,1,2,0.5,9", r"line 5: expected 7 cells, found 8", 3),
        ("1,1,0.5,a,1,2,0.5", r"line 5: joint a of this person occurs twice", 3),
        ("1,1,0.5,b,ten,2,0.5", r"line 5: x: expected a number, found 'ten'", 3),
        ("1,1,0.5,b,,2,0.5", r"1 joints have coordinates.*first in line", 3),
        ("1,1,0.5,b,inf,2,0.5", r"1 joints have coordinates", 3),
        ("1,1,high,b,1,2,0.5", r"line 5: score: expected a number, found 'high'", 4),
        ("1,1.5,0.5,b,1,2,0.5", r"line 5: id: expected a whole number, found 1.5", 4),
    ],
)
def test_a_bad_row_does_not_lose_the_others(tmp_path, row, message, joints):
    path = csv(tmp_path, *GOOD, row)
    with pytest.warns(UserWarning, match=message):
        read = poseflow.read(path)
    assert sum(f.poses.present.sum() for f in read) == joints


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("frame,joint,x\n0,a,1\n", r"line 1: expected the columns frame, joint, x, y"),
        ("frame,x,x,joint,y\n", r"line 1: two columns are called 'x'"),
        ("frame,joint,x,y\nx,a,1,2\n", r"none of its 1 rows can be read; line 2"),
        (b"frame,joint,x,y\n0,\xff,1,2\n", r"expected text in UTF-8.* line 2"),
        ("frame,joint,x,y\n0,a,1,2\n0,a", r"left out"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_files_that_are_no_tables(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((FormatError, UserWarning), match=message):
        poseflow.read(path, "csv")


def test_every_truncation_of_csv_is_noticed(tmp_path):
    poseflow.write(walk(DOT), tmp_path / "a.csv")
    data = (tmp_path / "a.csv").read_bytes().rstrip(b"\n")
    start = data.rindex(b"\n") + 2
    for cut in range(start, len(data) - 1):
        (tmp_path / "b.csv").write_bytes(data[:cut])
        with pytest.warns(UserWarning, match="line 5: expected 16 cells"):
            assert len(poseflow.read(tmp_path / "b.csv")) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "line 2: no JSON"),
        ("[1]", "line 2: expected an object"),
        ('{"frame": -1, "people": []}', "line 2: frame: expected a whole number"),
        ('{"frame": 1.5, "people": []}', "line 2: frame: expected a whole number"),
        ('{"frame": "x", "people": []}', "line 2: frame: "),
        ('{"people": []}', "line 2: .*frame"),
        ('{"frame": 7, "people": 3}', "line 2: people: "),
        ('{"frame": 7, "people": [3]}', r"entry 1 \(image '000007.jpg'\)"),
    ],
)
def test_a_bad_line_does_not_lose_the_others(tmp_path, line, message):
    person = json.dumps({"keypoints": [1.5] * 51})
    good = [f'{{"frame": {k}, "people": [{person}]}}' for k in (3, 8)]
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([good[0], line, good[1]]))
    with pytest.warns(UserWarning, match=message):
        read = poseflow.read(path)
    assert [f.index for f in read if len(f.poses)] == [3, 8]
    path.write_text(line)
    if "[3]" in line or line.startswith("{"):
        with pytest.raises(FormatError, match="none of its 1"):
            poseflow.read(path, "jsonl")


def npz(path, **changes):
    arrays = {
        "frame_index": np.array([4, 9]),
        "person_frame": np.array([0, 1, 1]),
        "keypoints": np.ones((3, 17, 2)),
    }
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": None}, "expected the arrays frame_index, person_frame, keypoin"),
        ({"keypoints": np.ones((3, 17, 3))}, r"array keypoints: expected shape \(3, "),
        ({"keypoints": np.ones((2, 17, 2))}, "array keypoints: expected shape"),
        ({"keypoints": np.ones((3, 17, 2), object)}, "Python objects"),
        ({"keypoints": np.ones((3, 17, 2), "U3")}, "array keypoints: expected float"),
        ({"person_frame": np.array([0, 1, 2])}, "array person_frame: expected posit"),
        ({"frame_index": np.array([4, 4])}, "array frame_index: expected every fra"),
        ({"track_ids": np.array(["a", "b", "c"])}, "array track_ids: expected whole"),
        ({"keypoints": np.ones((3, 5, 2))}, "no known skeleton has 5 joints"),
    ],
)
def test_bad_npz(tmp_path, changes, message):
    npz(tmp_path / "bad.npz", **changes)
    with pytest.raises(FormatError, match=rf"bad\.npz: .*{message}"):
        poseflow.read(tmp_path / "bad.npz")


def test_npz_of_others_with_few_arrays(tmp_path):
    npz(tmp_path / "a.npz")
    read = poseflow.read(tmp_path / "a.npz", fps=10)
    assert [(f.index, len(f.poses), f.time) for f in read] == [(4, 1, 0.4), (9, 2, 0.9)]


def test_npz_that_claims_more_than_it_has(tmp_path):
    npz(tmp_path / "a.npz")
    out = tmp_path / "bad.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 17, 2)}
    )
    with zipfile.ZipFile(tmp_path / "a.npz") as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = header.getvalue() if name == "keypoints.npy" else old.read(name)
            new.writestr(name, data)
    with pytest.raises(FormatError, match=r"272000000000 bytes of numbers in \d+ byt"):
        poseflow.read(out)


@pytest.mark.parametrize("format", ["parquet", "npz"])
def test_damaged_containers(tmp_path, format):
    path = tmp_path / FILES[format]
    poseflow.write(walk(), path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    for cut in rng.integers(4, len(data), 20).tolist():
        path.write_bytes(data[:cut])
        with pytest.raises(FormatError, match=rf"out\.{format}"):
            poseflow.read(path, format)
    for place in rng.integers(0, len(data), 60).tolist():
        path.write_bytes(data[:place] + b"\xf0" + data[place + 1 :])
        with contextlib.suppress(FormatError):  # or any other numbers
            poseflow.read(path, format)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("x", ["a"] * 52, "column x: expected numbers, found"),
        ("frame", [-1] * 52, "none of its 52 rows can be read; row 1: frame"),
    ],
)
def test_bad_parquet(tmp_path, column, values, message):
    poseflow.write(walk(), tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    table[column] = values
    table.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(FormatError, match=message):
        poseflow.read(tmp_path / "a.parquet")
    table.drop(columns="joint").to_parquet(tmp_path / "a.parquet")
    with pytest.raises(FormatError, match="expected the columns frame, joint, x, y"):
        poseflow.read(tmp_path / "a.parquet")


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(poseflow.PoseFlowError, match=r"needs pyarrow.*\[parquet\]"):
        poseflow.write(walk(), tmp_path / "a.parquet")
    assert not (tmp_path / "a.parquet").exists()


@pytest.mark.parametrize("format", ["csv", "npz", "parquet"])
def test_frames_with_other_joints_are_refused(tmp_path, format):
    frames = [Frame(0, 0.0, walk()[0].poses), Frame(1, 0.0, walk(DOT)[0].poses)]
    with pytest.raises(FormatError, match="frame 1: expected the joints of coco17"):
        poseflow.write(frames, tmp_path / FILES[format])
    assert not list(tmp_path.iterdir())


def long_text(joints, *, header="frame,joint,x,y", reverse=False):
    rows = [f"0,{joint},{k + 1.5},{k + 2.5}" for k, joint in enumerate(joints)]
    return "\n".join([header, *(rows[::-1] if reverse else rows)]) + "\n"


COCO = skeletons.COCO17.joints
SPELLED = [name.replace("_", " ").title() for name in COCO]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(long_text(COCO, reverse=True), id="long, other order"),
        pytest.param(long_text(SPELLED), id="long, other spelling"),
        pytest.param(long_text(range(17)), id="numbers from 0"),
        pytest.param(
            "frame,"
            + ",".join(f"{name}_y,{name}_x" for name in COCO[::-1])
            + "\n0,"
            + ",".join(f"{k + 2.5},{k + 1.5}" for k in reversed(range(17))),
            id="wide, other order",
        ),
    ],
)
@pytest.mark.parametrize("skeleton", [None, "coco17"])
def test_joints_go_by_name_in_any_order(tmp_path, text, skeleton):
    path = tmp_path / "walk.csv"
    path.write_text(text)
    found = poseflow.read(path, skeleton=skeleton)
    assert found.skeleton == skeletons.COCO17
    assert found[0].poses.keypoints[0, :, 0].tolist() == [k + 1.5 for k in range(17)]


@pytest.mark.parametrize("skeleton", [None, "coco17"])
def test_joints_numbered_from_1(tmp_path, skeleton):
    """They would be those of a skeleton with one joint more."""
    path = tmp_path / "walk.csv"
    path.write_text(long_text(range(1, 18)))
    with pytest.warns(UserWarning, match="joints are numbered from 1"):
        found = poseflow.read(path, skeleton=skeleton)
    assert found.skeleton == skeletons.COCO17
    assert found[0].poses.keypoints[0, 0].tolist() == [1.5, 2.5]


def test_joints_from_0_without_the_first(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text(long_text(range(1, 17)))
    found = poseflow.read(path, skeleton="coco17")
    assert not found[0].poses.present[0, 0]
    assert found[0].poses.present[0, 1:].all()


def test_coordinates_in_parts_of_the_image_and_folders_are_named(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text(
        "frame,name,joint,x,y\n0,a/0.jpg,nose,0.25,0.5\n1,b/0.jpg,nose,0.5,0.5\n"
    )
    with warnings.catch_warnings(record=True) as caught:
        poseflow.read(path)
    texts = " ".join(str(one.message) for one in caught)
    assert "divided by the size of the image" in texts
    assert "in 2 folders, 'a' and 'b' first" in texts


def json_line(frame, x=1.5, **fields):
    return {"frame": frame, "people": [{"keypoints": [x] * 51}]} | fields


@pytest.mark.parametrize(
    ("line", "indices", "text"),
    [
        (json_line(0, time=float("nan")), [0, 1, 2], "time: cannot be read"),
        (json_line(0, time="soon", image_id=[1]), [0, 1, 2], "ignored 2 optional"),
        (json_line(0, x=float("nan")), [0, 1, 2], "no finite numbers"),
        (json_line(float("inf")), [1, 2], "expected a whole number from 0, found inf"),
        (json_line(0.5), [1, 2], "expected a whole number from 0, found 0.5"),
        ([1], [1, 2], "expected an object, found a list"),
    ],
)
def test_a_line_that_only_python_takes_for_json(tmp_path, line, indices, text):
    path = tmp_path / "walk.jsonl"
    lines = [json_line(1), line, json_line(2)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.warns(UserWarning, match=text):
        found = poseflow.read(path)
    assert [frame.index for frame in found] == indices

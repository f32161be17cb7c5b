"""Writing of results: schema, round trips, and atomic files."""

import errno
import gc
import itertools
import json
import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import poseflow
from poseflow import Frame, Poses, PoseSequence, ResultWriter, formats, skeletons
from poseflow.errors import FormatError
from poseflow.formats import check_writable
from poseflow.formats.json.numbers import widths
from poseflow.storage.atomic import AtomicFile, write_atomically


def people(count=2, dtype=np.float64, ids=None, seed=0):
    rng = np.random.default_rng(seed)
    return Poses(
        rng.uniform(0, 1920, (count, 17, 2)),
        rng.uniform(0.01, 1, (count, 17)),
        track_ids=ids,
        dtype=dtype,
    )


def sequence(dtype=np.float64):
    frames = (
        Frame(0, 0.0, people(2, dtype, [1, 2])),
        Frame(1, 0.0, Poses.empty(dtype=dtype)),
        Frame(5, 0.0, people(1, dtype, [2], seed=1), name="5.png"),
    )
    return PoseSequence(frames, skeletons.get("coco17"))


def test_default_is_an_alias_of_alphapose(tmp_path):
    poseflow.write(sequence(), tmp_path / "new.json", format="alphapose")
    poseflow.write(sequence(), tmp_path / "old.json", format="default")
    written = (tmp_path / "new.json").read_bytes()
    assert (tmp_path / "old.json").read_bytes() == written
    assert poseflow.read(tmp_path / "new.json", format="default") == poseflow.read(
        tmp_path / "new.json"
    )
    assert "default" not in formats.names()


def test_the_written_list_is_the_contract(tmp_path):
    poseflow.write(sequence(), tmp_path / "out.json")
    entries = json.loads((tmp_path / "out.json").read_text())
    assert [(e["image_id"], e["idx"]) for e in entries] == [
        ("000000.jpg", 1),
        ("000000.jpg", 2),
        ("5.png", 2),
    ]
    first = entries[0]
    assert list(first) == [
        "image_id",
        "category_id",
        "keypoints",
        "score",
        "box",
        "idx",
    ]
    assert first["category_id"] == 1
    poses = sequence()[0].poses
    numbers = np.concatenate(
        [poses.keypoints, poses.keypoint_scores[..., None]], axis=2
    )
    np.testing.assert_array_equal(first["keypoints"], numbers[0].ravel())
    x1, y1, x2, y2 = poses.boxes[0]
    np.testing.assert_allclose(first["box"], [x1, y1, x2 - x1, y2 - y1])
    assert first["score"] == poses.scores[0]


def test_no_identity_is_no_idx(tmp_path):
    poseflow.write([Frame(0, 0.0, people())], tmp_path / "out.json")
    assert all("idx" not in e for e in json.loads((tmp_path / "out.json").read_text()))


def test_forvis_and_coco(tmp_path):
    poseflow.write(sequence(), tmp_path / "forvis.json", "forvis")
    by_image = json.loads((tmp_path / "forvis.json").read_text())
    assert {name: len(p) for name, p in by_image.items()} == {
        "000000.jpg": 2,
        "000001.jpg": 0,
        "5.png": 1,
    }
    assert list(by_image["5.png"][0]) == ["keypoints", "scores", "box", "idx"]
    poseflow.write(sequence(), tmp_path / "coco.json", "coco")
    entries = json.loads((tmp_path / "coco.json").read_text())
    assert [e["image_id"] for e in entries] == [0, 0, 5]
    assert set(entries[0]) == {"image_id", "category_id", "keypoints", "score"}


@pytest.mark.parametrize("format", ["alphapose", "forvis", "coco"])
def test_no_people_is_valid_json(tmp_path, format):
    for result in ([], [Frame(0, 0.0, Poses.empty())]):
        poseflow.write(result, tmp_path / "out.json", format)
        assert not poseflow.read(tmp_path / "out.json").track_ids.size


def test_float32_is_written_in_its_shortest_decimal_form(tmp_path):
    poses = Poses(np.full((1, 17, 2), 0.1, np.float32), np.full((1, 17), 0.7))
    poseflow.write([Frame(0, 0.0, poses)], tmp_path / "out.json")
    assert set(json.loads((tmp_path / "out.json").read_text())[0]["keypoints"]) == {
        0.1,
        0.7,
    }
    again = poseflow.read(tmp_path / "out.json")[0].poses.astype(np.float32)
    assert again == poses


def test_widths_are_as_short_as_they_were(tmp_path):
    boxes = [[612.3, 107.71, 37.21, 88.9], [0.1, 0.2, 0.3, 1000.7]]
    entries = [
        {"image_id": "0.jpg", "category_id": 1, "keypoints": [1.5] * 51, "box": box}
        for box in boxes
    ]
    (tmp_path / "in.json").write_text(json.dumps(entries))
    poseflow.write(poseflow.read(tmp_path / "in.json"), tmp_path / "out.json")
    out = json.loads((tmp_path / "out.json").read_text())
    assert [entry["box"] for entry in out] == boxes


# Coordinates of any image, to any digit; boxes that lie far outside as well.
coordinates = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def results(draw):
    names = draw(
        st.lists(
            st.one_of(
                st.integers(0, 10**9).map(str),
                st.integers(0, 10**6).map("{:06d}.jpg".format),
                st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
            ),
            max_size=4,
            unique=True,
        )
    )
    entries = []
    for name in names:
        for _ in range(draw(st.integers(1, 2))):
            keypoints = draw(hnp.arrays(float, 51, elements=coordinates))
            entry = {"image_id": name, "keypoints": np.abs(keypoints).tolist()}
            entry |= draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "score": st.floats(0, 6),
                        "box": st.lists(coordinates, min_size=4, max_size=4),
                        "idx": st.integers(1, 2**62),
                    },
                )
            )
            entries.append(entry)
    return draw(st.permutations(entries))


@settings(max_examples=60, deadline=None)
@given(results(), st.sampled_from(["alphapose", "forvis"]))
def test_reading_what_was_written_changes_nothing(tmp_path_factory, entries, format):
    folder = tmp_path_factory.mktemp("round")
    (folder / "in.json").write_text(json.dumps(entries))
    first = poseflow.read(folder / "in.json")
    poseflow.write(first, folder / "out.json", format)
    second = poseflow.read(folder / "out.json")
    assert list(first) == list(second)
    poseflow.write(second, folder / "again.json", format)
    assert (folder / "again.json").read_bytes() == (folder / "out.json").read_bytes()


# --- Whole or not at all -------------------------------------------------------------


def frames_then(error):
    yield Frame(0, 0.0, people())
    raise error


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()])
def test_write_keeps_the_previous_file_when_the_frames_fail(tmp_path, error):
    path = tmp_path / "out.json"
    path.write_text("before")
    with pytest.raises(type(error)):
        poseflow.write(frames_then(error), path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_writer_keeps_what_was_done(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("before")

    def work():
        with ResultWriter(path) as writer:
            writer.write(Frame(0, 0.0, people()))
            assert path.read_text() == "before"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert [len(frame.poses) for frame in poseflow.read(path)] == [2]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_writer_leaves_nothing(tmp_path):
    path = tmp_path / "out.json"

    def work():
        with ResultWriter(path) as writer:
            writer.write(Frame(0, 0.0, people()))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert list(tmp_path.iterdir()) == []


def test_half_a_frame_is_cut_off(tmp_path, monkeypatch):
    # Ctrl-C can end a write after some of its bytes.
    path = tmp_path / "out.json"
    writer = ResultWriter(path)
    writer.write(Frame(0, 0.0, people()))
    file = writer._output._file._file

    def half(data):
        file.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(writer._output._file, "write", half)
    with pytest.raises(KeyboardInterrupt):
        writer.write(Frame(1, 0.0, people()))
    monkeypatch.undo()
    writer.commit()
    assert [frame.index for frame in poseflow.read(path)] == [0]


def test_a_closed_writer_raises(tmp_path):
    writer = ResultWriter(tmp_path / "out.json")
    writer.commit()
    writer.commit()
    writer.discard()
    assert json.loads((tmp_path / "out.json").read_text()) == []
    with pytest.raises(FormatError, match="already closed"):
        writer.write(Frame(0, 0.0, people()))


def test_writing_needs_no_more_memory_for_more_frames(tmp_path):
    tracemalloc = pytest.importorskip("tracemalloc")
    poses, peaks = people(10), []
    for count in (20, 400):
        tracemalloc.start()
        with ResultWriter(tmp_path / "out.json") as writer:
            for index in range(count):
                writer.write(Frame(index, 0.0, poses))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


LIMITED = """
import resource, signal, sys
import numpy as np, poseflow
from poseflow import Frame, Poses
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
poses = Poses(np.ones((10, 17, 2)))
try:
    poseflow.write((Frame(k, 0.0, poses) for k in range(1000)), sys.argv[1])
except poseflow.PoseFlowError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
def test_no_room_left_keeps_the_previous_file(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("before")
    command = [sys.executable, "-P", "-c", LIMITED, os.fspath(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot write" in done.stdout
    assert "larger than this system allows" in done.stdout
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_disk_full_is_reported():
    with pytest.raises(FormatError, match="/dev/full: disk full"):
        poseflow.write([Frame(0, 0.0, people(500))], "/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)  # noqa: PTH116


def test_pipes_and_devices_are_written_to_not_replaced(tmp_path):
    poseflow.write([], os.devnull)
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)  # noqa: PTH116


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for path, message in [
        (tmp_path, "is a folder"),
        (tmp_path / "no" / "out.json", "folder .*no does not exist; create"),
        (tmp_path / "file" / "out.json", "not a folder"),
        ("a\0b", "cannot write"),
    ]:
        with pytest.raises(FormatError, match=message):
            check_writable(path)
        with pytest.raises(FormatError, match=message):
            ResultWriter(path)
    with pytest.raises(FormatError, match="too long"):
        write_atomically(tmp_path / ("x" * 300), b"")
    with pytest.raises(FormatError, match="gzip is only read"):
        poseflow.write([], tmp_path / "out.json.gz")
    with pytest.raises(FormatError, match="unknown format"):
        poseflow.write([], tmp_path / "out.json", "xml")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_permission_denied_is_noticed_first(tmp_path, monkeypatch):
    # Root may do everything, so ask the question in its place.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(FormatError, match="permission denied"):
        check_writable(tmp_path / "out.json")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_permissions_follow_the_umask_and_the_old_file(tmp_path):
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    (tmp_path / "new").chmod(0o604)
    write_atomically(tmp_path / "new", b"y")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "after"


def test_a_failing_replace_cleans_up(tmp_path, monkeypatch):
    def refuse(self, target):
        raise OSError(errno.EIO, "I/O error")

    path = tmp_path / "out.json"
    path.write_text("before")
    file = AtomicFile(path)
    file.write(b"after")
    monkeypatch.setattr(type(tmp_path), "replace", refuse)
    with pytest.raises(FormatError, match="I/O error"):
        file.commit()
    assert [p.read_text() for p in tmp_path.iterdir()] == ["before"]


def test_standard_output(tmp_path):
    script = "import poseflow; poseflow.write([], '-'); print('more')"
    command = [sys.executable, "-P", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[\n]\nmore\n"


ENDLESS = """
import signal, sys
import numpy as np, poseflow
from poseflow import Frame, Poses
# Shells start background jobs with SIGINT ignored, and so would this one be.
signal.signal(signal.SIGINT, signal.default_int_handler)
poses = Poses(np.full((30, 17, 2), 0.5))
with poseflow.ResultWriter(sys.argv[1]) as writer:
    for index in range(20_000):  # a lost signal shall not fill the disk
        writer.write(Frame(index, 0.0, poses))
        if index == 20:
            print("working", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_at_any_moment_leaves_a_valid_file(tmp_path):
    path = tmp_path / "out.json"
    command = [sys.executable, "-P", "-c", ENDLESS, os.fspath(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as work:
        assert work.stdout.readline() == b"working\n"
        work.send_signal(signal.SIGINT)
        assert work.wait(timeout=60) != 0
    result = poseflow.read(path)
    assert len(result) >= 20
    assert all(len(frame.poses) == 30 for frame in result)
    assert list(tmp_path.iterdir()) == [path]


def interrupted(work, line):
    """Run with Ctrl-C at the nth line that Python executes: whether there is one."""
    before, come = sys.gettrace(), 0
    gc.disable()  # an exception in a callback of the collector reaches no caller

    def trace(frame, event, arg):
        nonlocal come
        come += event == "line"
        if come == line:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
        gc.enable()
    assert come < line, "the interruption was swallowed"
    return False


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("format", [None, "coco", "posetrack17", "posetrack18"])
def test_ctrl_c_reaches_the_caller_from_every_line(tmp_path, format):
    poses = Poses(
        np.full((3, 17 if format in (None, "coco") else 15, 2), 0.1, np.float32)
    )
    for line in itertools.count(1):
        writer = ResultWriter(tmp_path / "out", format or "alphapose")
        writer.write(Frame(0, 0.0, poses))
        goes_on = interrupted(lambda: writer.write(Frame(1, 0.0, poses)), line)  # noqa: B023
        writer.discard()
        if not goes_on:
            break
    assert line > 100
    assert not list(tmp_path.iterdir())


def test_every_box_that_was_read_can_be_written():
    rng = np.random.default_rng(0)
    low = rng.uniform(-300, 3000, 200_000) * 10.0 ** rng.integers(-6, 2, 200_000)
    width = rng.uniform(0, 3000, 200_000) * 10.0 ** rng.integers(-6, 2, 200_000)
    high = low + width
    np.testing.assert_array_equal(low + widths(low, high, high), high)
    # Not so for any two numbers, which is why readers make extents of sums as well.
    low, high = np.sort(rng.uniform(0, 3000, (2, 200_000)), axis=0)
    assert (low + widths(low, high, high) != high).any()


def test_extents_survive_as_well(tmp_path):
    rng = np.random.default_rng(0)
    entries = [
        {"image_id": k, "keypoints": rng.uniform(0, 3000, 51).tolist()}
        for k in range(500)
    ]
    (tmp_path / "in.json").write_text(json.dumps(entries))
    first = poseflow.read(tmp_path / "in.json")
    poseflow.write(first, tmp_path / "out.json")
    second = poseflow.read(tmp_path / "out.json")
    assert [frame.poses for frame in first] == [frame.poses for frame in second]


@pytest.mark.parametrize(("frames", "kept"), [(0, "old"), (1, "[\n]\n")])
def test_an_interruption_before_the_first_frame_keeps_the_old_result(
    tmp_path, frames, kept
):
    path = tmp_path / "out.json"
    path.write_text("old")
    writer = ResultWriter(path)
    for index in range(frames):
        writer.write(Frame(index, 0.0, Poses.empty()))
    writer.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert path.read_text() == kept
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name",
    [
        *("clip.mp4", "clip.MKV", "frame.png", "a.json.gz"),
        *("out.csv", "b.txt", "out.parquet", "out.jsonl", "out.json.bak", "a.JSN"),
    ],
)
@pytest.mark.parametrize("format", ["alphapose", "forvis", "coco", "posetrack18"])
def test_a_result_has_a_suffix_of_its_format(tmp_path, name, format):
    path = tmp_path / name
    path.write_bytes(b"precious")
    with pytest.raises(FormatError, match="cannot write"):
        ResultWriter(path, format)
    assert path.read_bytes() == b"precious"


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(FormatError, match=r"out\.xyz: no format is written to \.xyz"):
        poseflow.write([], tmp_path / "out.xyz")
    with pytest.raises(FormatError, match=r"known suffixes are \.json \(alphapose, fo"):
        poseflow.write([], tmp_path / "out.xyz")


@pytest.mark.parametrize("name", ["out.json", "OUT.JSON", "out", "v1.2.json"])
def test_names_that_a_result_may_have(tmp_path, name):
    poseflow.write([], tmp_path / name)
    assert len(poseflow.read(tmp_path / name)) == 0


def test_a_format_without_suffixes_takes_any(tmp_path):
    class Text:
        name, summary = "text", "text"

        def encoder(self, hints):
            return formats.get("alphapose").encoder(hints)

    poseflow.write([], tmp_path / "out.txt", Text())
    assert (tmp_path / "out.txt").exists()


FISH = poseflow.Skeleton("fish", ("mouth", "fin", "tail"), (("mouth", "tail"),))


@pytest.mark.parametrize("format", ["alphapose", "forvis", "coco"])
@pytest.mark.parametrize(
    "skeleton",
    [skeletons.POSETRACK18, skeletons.POSETRACK15, FISH],
    ids=lambda s: s.name,
)
def test_a_result_carries_a_skeleton_that_its_joints_do_not_tell(
    tmp_path, format, skeleton
):
    poses = Poses(np.ones((2, len(skeleton), 2)), skeleton=skeleton, dtype=np.float64)
    frames = (Frame(0, 0.0, poses[:0]), Frame(5, 0.5, poses), Frame(6, 0.6, poses))
    written = PoseSequence(frames, skeleton, "a", (640, 480), 10.0)
    path = tmp_path / "out.json"
    poseflow.write(written, path, format)
    assert path.read_text().count('"poseflow"') == 1
    again = poseflow.read(path)
    assert again.skeleton == skeleton
    assert (again.fps, again.size) == (10.0, (640, 480))
    assert again[-1].time == 0.6
    assert poseflow.read(path, fps=5).fps == 5
    if len(skeleton) == 17:
        assert poseflow.read(path, skeleton="coco17").skeleton.name == "coco17"


def test_metadata_is_left_out_where_nothing_is_known(tmp_path):
    poseflow.write(sequence(), tmp_path / "out.json")
    assert "poseflow" not in (tmp_path / "out.json").read_text()


@pytest.mark.parametrize(
    "value", [3, {}, {"skeleton": {"name": "", "joints": []}}, {"skeleton": "coco17"}]
)
def test_bad_metadata_is_ignored(tmp_path, value):
    entry = {"image_id": "0.jpg", "keypoints": [1.5] * 51, "poseflow": value}
    (tmp_path / "in.json").write_text(json.dumps([entry]))
    with pytest.warns(UserWarning, match="ignored 1 optional.*poseflow: expected skel"):
        assert poseflow.read(tmp_path / "in.json").skeleton.name == "coco17"

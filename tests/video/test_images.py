"""Image files as a source: order, damage, pixel types and arrays."""

import os
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from poseflow.errors import SourceError, SourceWarning
from poseflow.frame_names import natural_key
from poseflow.video import open_source
from poseflow.video.image_file import read_image

RNG = np.random.default_rng(0)
IMAGE = cv2.GaussianBlur(RNG.integers(0, 256, (48, 64, 3), np.uint8), (9, 9), 0)


def encoded(suffix, image=IMAGE):
    return cv2.imencode(suffix, image)[1].tobytes()


def test_natural_order_and_names(tmp_path):
    for k in (10, 9, 1, 100):
        cv2.imwrite(str(tmp_path / f"f{k}.png"), np.full((8, 8, 3), k, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._f1.png").write_bytes(b"resource fork")
    (tmp_path / "deeper.png").mkdir()
    (tmp_path / "deeper.png").rmdir()
    with open_source(tmp_path) as source:
        frames = list(source)
        assert [f.name for f in frames] == ["f1.png", "f9.png", "f10.png", "f100.png"]
        assert [int(f.image[0, 0, 0]) for f in frames] == [1, 9, 10, 100]
        assert [f.index for f in frames] == [0, 1, 2, 3]
        assert [f.time for f in frames] == pytest.approx([0, 0.04, 0.08, 0.12])
        assert (source.size, source.frame_count, source.fps) == ((8, 8), 4, None)
        assert [f.name for f in source] == [f.name for f in frames]
    assert open_source(tmp_path, fps=2).fps == 2


def test_natural_key_orders_every_name():
    names = ["a", "A", "a1", "a01", "1", "01", "x9y10", "x9y9", "", "é2", "10a"]
    shuffled = list(RNG.permutation(names))
    assert sorted(shuffled, key=natural_key) == sorted(names, key=natural_key)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif"])
@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, -3])
def test_one_broken_image_costs_only_itself(tmp_path, suffix, keep, capfd):
    data = encoded(suffix)
    keep = int(len(data) * keep) if isinstance(keep, float) else keep
    for k in range(4):
        whole = k != 2
        (tmp_path / f"{k}{suffix}").write_bytes(data if whole else data[:keep])
    with pytest.warns(SourceWarning, match=rf"1 of 4 images .*2\{suffix}") as caught:
        frames = list(open_source(tmp_path))
    assert len(caught) == 1
    assert [(f.index, f.name) for f in frames] == [
        (k, f"{k}{suffix}") for k in (0, 1, 3)
    ]
    # libpng and libjpeg would speak up themselves; those files never reach them.
    if suffix in (".jpg", ".png"):
        assert capfd.readouterr().err == ""


MARKS = b"\xff\xd8\xff\xda\x00\x08 \xff\xd9 \xff\xda IEND"


def with_preview(data):
    """A JPEG with a small one in its header, as cameras write it."""
    preview = encoded(".jpg", IMAGE[:16, :16])
    length = (len(preview) + 2).to_bytes(2)
    return data[:2] + b"\xff\xe1" + length + preview + data[2:]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif"])
@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(bytes(100), id="zeros"),
        pytest.param(b"\n", id="line feed"),
        pytest.param(b"\0\0\0\x18ftypmp42" + MARKS, id="video"),
        pytest.param(MARKS * 3 + RNG.bytes(5000), id="marks"),
        pytest.param(encoded(".jpg"), id="second image"),
        pytest.param(encoded(".jpg")[:-40], id="cut second image"),
    ],
)
def test_data_behind_an_image_is_no_truncation(tmp_path, suffix, behind, capfd):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encoded(suffix) + behind)
    whole = cv2.imdecode(np.frombuffer(encoded(suffix), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read_image(path), whole)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("preview", [False, True])
def test_every_cut_of_a_jpeg_is_a_truncation(tmp_path, progressive, preview, capfd):
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    flags += [cv2.IMWRITE_JPEG_RST_INTERVAL, 4]
    data = cv2.imencode(".jpg", IMAGE, flags)[1].tobytes()
    data = with_preview(data) if preview else data
    path = tmp_path / "a.jpg"
    for keep in range(2, len(data) - 1):
        path.write_bytes(data[:keep])
        with pytest.raises(SourceError, match="truncated JPEG"):
            read_image(path)
    for behind in (b"", MARKS):
        path.write_bytes(data + behind)
        assert read_image(path).shape == IMAGE.shape
    assert capfd.readouterr().err == ""


def test_a_broken_first_image_is_no_obstacle(tmp_path):
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "1.png").write_bytes(encoded(".png"))
    with pytest.warns(SourceWarning, match=r"0\.png"):
        assert [f.index for f in open_source(tmp_path)] == [1]


def test_many_broken_images_make_one_short_warning(tmp_path):
    (tmp_path / "z.png").write_bytes(encoded(".png"))
    for k in range(50):
        (tmp_path / f"{k}.png").write_bytes(b"")
    with pytest.warns(SourceWarning, match="47 more") as caught:
        assert len(list(open_source(tmp_path))) == 1
    assert len(caught) == 1


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(IMAGE[..., 0], id="grey"),
        pytest.param(IMAGE.astype(np.uint16) * 257, id="16 bit"),
        pytest.param(IMAGE[..., 0].astype(np.uint16) * 257, id="grey 16 bit"),
        pytest.param(cv2.cvtColor(IMAGE, cv2.COLOR_BGR2BGRA), id="alpha"),
    ],
)
def test_other_depths_and_channels_become_bgr(tmp_path, image):
    cv2.imwrite(str(tmp_path / "a.png"), image)
    expected = IMAGE
    if image.ndim == 2:
        expected = np.repeat(IMAGE[..., :1], 3, axis=2)
    (from_file,) = open_source(tmp_path / "a.png")
    np.testing.assert_array_equal(from_file.image, expected)
    (from_array,) = open_source([image])
    np.testing.assert_array_equal(from_array.image, expected)
    assert from_array.image.flags.c_contiguous


def test_exif_orientation_is_honoured(tmp_path):
    image = np.zeros((32, 64, 3), np.uint8)
    image[:, :32] = 255
    data = encoded(".jpg", image)
    # A minimal EXIF block that says: orientation 6, turn clockwise.
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    body = b"Exif\0\0" + tiff
    block = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
    (tmp_path / "a.jpg").write_bytes(data[:2] + block + data[2:])
    turned = read_image(tmp_path / "a.jpg")
    assert turned.shape == (64, 32, 3)
    assert turned[:30].mean() > 250 > 5 > turned[34:].mean()


def test_sizes_may_differ(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 10, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((20, 6, 3), np.uint8))
    source = open_source(tmp_path)
    assert source.size == (10, 8)
    assert [f.image.shape for f in source] == [(8, 10, 3), (20, 6, 3)]


def test_glob_over_folders_keeps_names_apart(tmp_path):
    for camera in "ab":
        (tmp_path / camera).mkdir()
        for k in range(2):
            path = tmp_path / camera / f"{k}.png"
            cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    names = [f.name for f in open_source(str(tmp_path / "*" / "*.png"))]
    assert names == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    assert [f.name for f in open_source(str(tmp_path / "a" / "*.png"))] == [
        "0.png",
        "1.png",
    ]


def test_arrays_run_in_the_callers_thread_one_at_a_time():
    asked = []

    def camera():
        for k in range(5):
            asked.append((k, threading.current_thread()))
            yield np.full((6, 8, 3), k, np.uint8)

    source = open_source(camera(), fps=10)
    assert source.size is None
    frames = iter(source)
    first = next(frames)
    assert (first.index, first.time, first.name) == (0, 0.0, "000000.jpg")
    assert asked == [(0, threading.current_thread())]
    assert source.size == (8, 6)
    assert [f.time for f in frames] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(SourceError, match="only once"):
        list(source)


def test_a_bad_array_in_the_middle_is_named():
    good = np.zeros((6, 8, 3), np.uint8)
    frames = iter(open_source([good, good, np.zeros((2, 2, 7), np.uint8)]))
    next(frames), next(frames)
    with pytest.raises(SourceError, match=r"image 2: .*\(2, 2, 7\)"):
        next(frames)


def test_a_stack_of_arrays_can_be_read_again():
    source = open_source(np.zeros((3, 6, 8, 3), np.uint8))
    assert len(list(source)) == len(list(source)) == source.frame_count == 3
    assert len(list(open_source(np.zeros((3, 6, 8), np.uint8)))) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_names_that_are_no_text_can_still_be_written_down(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(folder)).mkdir()
    data = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    for ending in (b"\xfe", b"\xff"):
        Path(os.fsdecode(folder + b"/" + ending + b".png")).write_bytes(data)
    with open_source(os.fsdecode(folder)) as source:
        assert source.name == r"caf\xe9"
        assert [frame.name for frame in source] == [r"\xfe.png", r"\xff.png"]


def test_the_origin_of_a_glob_over_folders_is_above_them(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "0.png"), np.zeros((4, 4, 3), np.uint8))
    with open_source(tmp_path / "*" / "0.png") as source:
        assert source.origin == tmp_path

"""`open_source`: kinds of sources, and errors."""

import io
import os
import wave

import cv2
import numpy as np
import pytest

from poseflow.errors import SourceError
from poseflow.video import open_source


def audio_only(folder):
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(8000))
    (folder / "song.wav").write_bytes(data.getvalue())
    return "song.wav"


def file(name, data=b""):
    def make(folder):
        (folder / name).write_bytes(data)
        return name

    return make


def folder_of(**files):
    def make(folder):
        (folder / "shots").mkdir()
        for name, data in files.items():
            (folder / "shots" / name.replace("_", ".")).write_bytes(data)
        return "shots"

    return make


BAD = [
    pytest.param(lambda _: "gone.mp4", "gone.mp4: no such file or folder", id="gone"),
    pytest.param(lambda _: "a/b/gone.mp4", "folder a/b does not exist", id="no folder"),
    pytest.param(file("e.mp4"), r"e\.mp4: .*found an empty file", id="empty file"),
    pytest.param(
        file("t.mp4", b"Dear diary\n" * 90), r"t\.mp4: .*found text", id="text"
    ),
    pytest.param(
        file("r.mp4", np.random.default_rng(0).bytes(5000)),
        r"r\.mp4: expected a video, found data that FFmpeg does not know",
        id="random bytes",
    ),
    pytest.param(
        file("m.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(500)),
        r"m\.mp4: its index \(moov atom\) is missing",
        id="mp4 without index",
    ),
    pytest.param(audio_only, r"song\.wav: .*found only audio", id="sound only"),
    pytest.param(folder_of(), r"shots: expected a folder of images", id="empty folder"),
    pytest.param(
        folder_of(a_txt=b"hi"), r"shots: expected a folder of images", id="no image"
    ),
    pytest.param(
        folder_of(a_jpg=b"hi", b_png=b""),
        r"shots: none of 2 images can be read; first: .*a\.jpg",
        id="only broken images",
    ),
    pytest.param(file("x.png"), r"x\.png: .*empty file", id="broken single image"),
    pytest.param(lambda _: "*.zzz", r"\*\.zzz: no file matches", id="glob of nothing"),
    pytest.param(lambda _: "", "empty name", id="empty name"),
    pytest.param(lambda _: "a\0b", "null byte", id="null byte"),
    pytest.param(lambda _: -1, "camera -1", id="negative camera"),
    pytest.param(lambda _: None, "expected .* got NoneType", id="none"),
    pytest.param(lambda _: 1.5, "expected .* got float", id="float"),
    pytest.param(lambda _: [], "at least one image", id="empty list"),
    pytest.param(
        lambda _: np.zeros((4, 5, 3), np.uint8), r"pass \[image\]", id="one image"
    ),
    pytest.param(
        lambda _: np.zeros(4, np.uint8), r"found an array of shape \(4,\)", id="1-D"
    ),
    pytest.param(
        lambda _: [np.zeros((4, 5, 2), np.uint8)],
        r"image 0: .*\(4, 5, 2\)",
        id="two channels",
    ),
    pytest.param(
        lambda _: [np.full((4, 5, 3), 9.0)],
        "image 0: expected floating-point pixels between 0 and 1, found 9 to 9",
        id="float image from 0 to 255",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_sources_give_one_clear_line(tmp_path, monkeypatch, capfd, make, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=message) as caught:
        list(open_source(make(tmp_path)))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_camera_gives_one_line(capfd):
    with pytest.raises(SourceError, match="camera 97"):
        open_source("97")
    assert capfd.readouterr().err == ""


def test_a_near_miss_is_suggested(tmp_path):
    (tmp_path / "street.mp4").touch()
    with pytest.raises(SourceError, match=r"did you mean .*street\.mp4\?"):
        open_source(tmp_path / "stret.mp4")


def test_several_videos_are_not_one_source(make_clip, tmp_path):
    make_clip("a.mp4", 2)
    make_clip("b.mp4", 2)
    with pytest.raises(SourceError, match="one at a time"):
        open_source(str(tmp_path / "*.mp4"))
    assert open_source(str(tmp_path / "a*.mp4")).name == "a"


def test_a_file_called_like_a_number_is_no_camera(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "7").mkdir()
    cv2.imwrite("7/a.png", np.zeros((4, 4, 3), np.uint8))
    assert open_source("7").name == "7"


def test_sources_pass_through(make_clip):
    with open_source(make_clip(frames=2)) as source:
        assert open_source(source) is source


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_invalid_frame_rates(fps):
    with pytest.raises(SourceError, match="fps"):
        open_source([np.zeros((4, 4, 3), np.uint8)], fps=fps)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(SourceError, match="is a pipe"):
        open_source(tmp_path / "pipe.mp4")


def test_a_link_that_leads_nowhere_is_no_near_miss_of_itself(tmp_path):
    (tmp_path / "clip.mp4").symlink_to(tmp_path / "gone")
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path / "clip.mp4")
    assert "did you mean" not in str(caught.value)

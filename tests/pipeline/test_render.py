"""`poseflow.render`: frames, files and errors."""

import json

import cv2
import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses, open_source, render
from poseflow.drawing import Overlay
from poseflow.errors import FormatError, SourceError
from poseflow.pipeline.render import OverlaySink
from poseflow.video import VideoWriter, open_writer

SIZE = (96, 64)


def people(x):
    points = np.random.default_rng(1).uniform(10, 50, (1, 17, 2))
    points[..., 0] += x
    return Poses(points, track_ids=[1])


@pytest.fixture
def clip(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", fps=10) as writer:
        for _ in range(6):
            writer.write(np.full((64, 96, 3), 120, np.uint8))
    return tmp_path / "clip.mp4"


def walk(*numbers):
    return [Frame(k, k / 10, people(3 * k), name=f"{k:06d}.jpg") for k in numbers]


def drawn_on(path):
    """Which frames of a grey video or folder have been drawn on."""
    return [f.index for f in open_source(path) if np.ptp(f.image) > 80]


def test_people_are_drawn_on_their_frames(clip, tmp_path):
    done = render(clip, walk(1, 2, 4), tmp_path / "out.mp4")
    assert (done.frames, done.codec) == (6, "libx264")
    assert drawn_on(done.path) == [1, 2, 4]
    with open_source(done.path) as result, open_source(clip) as source:
        assert (result.size, result.fps) == (source.size, source.fps)


def test_a_result_file_and_a_folder_are_matched_by_name(tmp_path):
    names = ["a.png", "b.png", "c.png"]
    with open_writer(tmp_path / "shots") as writer:
        for name in names:
            writer.write(np.full((64, 96, 3), 120, np.uint8), name)
    frames = [Frame(0, 0, people(0), name="b.png")]
    done = render(tmp_path / "shots", frames, tmp_path / "out/")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == names
    assert drawn_on(done.path) == [1]


def test_frames_beyond_the_video_make_one_warning(clip, tmp_path):
    with pytest.warns(UserWarning, match=r"2 frames .*'000006\.jpg'") as caught:
        render(clip, walk(5, 6, 7), tmp_path / "out.mp4")
    assert len(caught) == 1
    assert drawn_on(tmp_path / "out.mp4") == [5]


def test_the_result_of_another_video_is_refused(clip, tmp_path):
    (tmp_path / "out.mp4").write_text("previous")
    with pytest.raises(PoseFlowError, match="is it the right file"):
        render(clip, walk(10, 11), tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_text() == "previous"


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_source_is_never_written_over(clip, tmp_path, slash):
    with pytest.raises(PoseFlowError, match="the source itself"):
        render(clip, walk(1), clip)
    with open_writer(tmp_path / "shots") as writer:
        writer.write(np.zeros((64, 96, 3), np.uint8))
    with pytest.raises(PoseFlowError, match="the source itself"):
        render(tmp_path / "shots", walk(0), f"{tmp_path}/shots{slash}")


def test_bad_sources_and_outputs(clip, tmp_path):
    with pytest.raises(SourceError, match="no such file"):
        render(tmp_path / "gone.mp4", walk(0), tmp_path / "out.mp4")
    with pytest.raises(FormatError, match="does not exist"):
        render(clip, walk(0), tmp_path / "gone" / "out.mp4")
    assert not list(tmp_path.glob(".*"))


def test_ctrl_c_keeps_what_was_drawn(clip, tmp_path):
    def interrupt(shots, total):
        assert total == 6
        for shot in shots:
            if shot.index == 3:
                raise KeyboardInterrupt
            yield shot

    with pytest.raises(KeyboardInterrupt):
        render(clip, walk(0, 1), tmp_path / "out.mp4", progress=interrupt)
    assert len(list(open_source(tmp_path / "out.mp4"))) == 3


def test_a_sink_needs_images(tmp_path):
    with (
        OverlaySink(tmp_path / "out.mp4", overlay=Overlay(trail=0)) as sink,
        pytest.raises(PoseFlowError, match="frame 4 has no image"),
    ):
        sink.write(Frame(4, 0.0, people(0)))


def test_the_command(clip, tmp_path):
    pytest.importorskip("poseflow.formats.alphapose")
    from typer import Typer
    from typer.testing import CliRunner

    from poseflow.cli.render import render as command

    entry = {
        "image_id": "000002.jpg",
        "category_id": 1,
        "keypoints": np.concatenate([people(0).keypoints[0], np.ones((17, 1))], 1)
        .ravel()
        .tolist(),
        "score": 1.0,
        "idx": 1,
    }
    (tmp_path / "result.json").write_text(json.dumps([entry]))
    app = Typer()
    app.command()(command)
    out = tmp_path / "out.mp4"
    arguments = [str(clip), str(tmp_path / "result.json"), str(out), "--boxes"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "6 frames, libx264" in done.stderr
    assert drawn_on(out) == [2]


def test_two_results_side_by_side(clip, tmp_path):
    sheet = tmp_path / "sheet.png"
    done = render(
        *(clip, walk(1, 2), tmp_path / "out.mp4"),
        compare=walk(2, 4),
        titles=("one", "two"),
        sheet=sheet,
    )
    with open_source(done.path) as shots:
        assert shots.size == (192, 64)
        images = [shot.image for shot in shots]

    def drawn(half):
        # Below the title.
        return [k for k, i in enumerate(images) if np.ptp(i[24:, half]) > 80]

    assert drawn(slice(0, 96)) == [1, 2]
    assert drawn(slice(96, 192)) == [2, 4]
    assert cv2.imread(str(sheet)).shape[1] == 1600


@pytest.mark.parametrize("name", ["sheet.txt", "no/sheet.png"])
def test_a_sheet_that_cannot_be_written_is_refused_first(clip, tmp_path, name):
    with pytest.raises(FormatError, match="sheet"):
        render(clip, walk(1), tmp_path / "out.mp4", sheet=tmp_path / name)
    assert not (tmp_path / "out.mp4").exists()

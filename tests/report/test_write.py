"""The results page as a file: its data, its media, and what is refused."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest

import poseflow
from poseflow import PoseFlowError, PoseSequence, edit
from poseflow.events.people import People
from poseflow.report import write_report
from poseflow.report.columns import packed, pose_columns
from poseflow.report.write import _PAGE, SCRIPTS


def info(path):
    text = path.read_text()
    return json.loads(re.search(r'id="info">(.*?)</script>', text, re.DOTALL)[1])


def columns(path):
    text = path.read_text()
    data = base64.b64decode(re.search(r'id="columns">(.*?)</script>', text)[1])
    return {
        name: np.frombuffer(data, kind, length, offset)
        for name, (kind, offset, length) in info(path)["columns"].items()
    }


def test_columns_keep_a_sixteenth_of_a_pixel(scenes):
    people = People.of(scenes.walkers(3, 5))
    step, made = pose_columns(people)
    assert step == 1 / 16
    assert np.abs(made["points"] * step - people.keypoints).max() <= step / 2
    assert np.abs(made["boxes"] * step - people.boxes).max() <= step / 2
    table, text = packed(made)
    data = base64.b64decode(text)
    for name, (kind, offset, length) in table.items():
        back = np.frombuffer(data, kind, length, offset)
        assert np.array_equal(back, made[name].reshape(-1))


@pytest.mark.parametrize("largest", [1e4, 1e30])
def test_columns_of_large_coordinates(largest, scenes):
    sequence = scenes.walkers(1, 1)
    poses = sequence[0].poses
    wide = poses.replace(keypoints=np.array([[[largest, 5.0]] * 17]))
    step, made = pose_columns(
        People.of(PoseSequence.collect([replace(sequence[0], poses=wide)]))
    )
    expected = min(largest, 1e5)
    assert made["points"][0, 0, 0] * step == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("first", [1, 2**31 - 5, 2**40])
def test_ids_are_exact(place, scenes, first):
    made = write_report(scenes.walkers(2, 3, first_id=first), "page.html")
    assert columns(made.path)["ids"].tolist() == [first, first + 1] * 3


def test_ids_beyond_numbers_of_javascript_are_refused(place, scenes):
    with pytest.raises(PoseFlowError, match="a page holds ids up to"):
        write_report(scenes.walkers(1, 1, first_id=2**60), "page.html")


def test_what_the_page_knows(place, scenes):
    sequence = scenes.walkers(2, 20)
    made = write_report(sequence, "page.html", video=scenes.film(place / "v.mp4"))
    assert (made.frames, made.tracks, made.notes) == (20, 2, ())
    facts = info(made.path)
    assert facts["fingerprint"] == edit.fingerprint(sequence)
    assert facts["media"] == {
        "kind": "video",
        "sources": ["v.mp4"],
        "type": "video/mp4",
    }
    assert facts["size"] == list(scenes.SIZE)
    assert set(facts["thumbnails"]) == {"1", "2"}
    assert [event["kind"] for event in facts["events"]] == ["birth", "birth"]
    made = columns(made.path)
    assert made["bounds"].tolist() == list(range(0, 42, 2))
    assert made["times"] == pytest.approx(np.arange(20) / 10, abs=1e-3)


def test_the_page_needs_no_network(place, scenes):
    made = write_report(
        scenes.walkers(), "page.html", video=scenes.film(place / "v.mp4"), embed=True
    )
    text = made.path.read_text()
    assert not re.search(r"https?:|//[a-z]+\.|<link|@import|\bfetch\(", text)
    assert "default-src 'none'" in text


def test_texts_cannot_leave_their_place(place, scenes):
    evil = "</script><img src=x onerror=alert(1)>{{info}}"
    sequence = replace(scenes.walkers(), name=evil, names={1: evil})
    made = write_report(sequence, "page.html")
    text = made.path.read_text()
    assert "<img" not in text
    assert info(made.path)["names"] == {"1": evil}
    assert text.count("</script>") == 4


def test_frames_that_the_result_leaves_out(place, scenes):
    whole = scenes.walkers(1, 20)
    sparse = replace(whole, frames=tuple(whole.frames[k] for k in (3, 4, 9)))
    for video in (None, scenes.film(place / "v.mp4")):
        made = write_report(sparse, "page.html", video=video)
        data = columns(made.path)
        frames = 10 if video is None else 20
        assert data["numbers"].tolist() == list(range(frames))
        assert data["indices"][:10].tolist() == [3, 3, 3, 3, 4, 9, 9, 9, 9, 9]
        assert np.diff(data["bounds"]).nonzero()[0].tolist() == [3, 4, 9]


def test_ground_truth(place, scenes):
    truth, result = scenes.walkers(2), scenes.walkers(2)
    swapped = edit.swap(result, 1, 2, 10)
    made = write_report(swapped, "page.html", gt=truth)
    facts = info(made.path)
    switches = [e for e in facts["events"] if e["kind"] == "switch"]
    assert [(e["at"], e["tracks"], e["person"]) for e in switches] == [
        (10, [1, 2], 1),
        (10, [2, 1], 2),
    ]
    row = dict(
        zip(facts["scores"]["columns"], facts["scores"]["rows"][0][1:], strict=True)
    )
    assert row["IDs"] == "2"
    assert len(facts["scores"]["rows"]) == 1 + 17 + 1
    assert columns(made.path)["truth_ids"].tolist() == [1, 2] * 20


def test_a_video_that_browsers_do_not_play(place, scenes):
    video = scenes.film_mpeg4(place / "v.mp4")
    made = write_report(scenes.walkers(), "page.html", video=video)
    assert "do not play its codec, mpeg4" in made.notes[0]
    assert info(made.path)["media"]["kind"] == "none"
    assert set(info(made.path)["thumbnails"]) == {"1", "2"}
    made = write_report(scenes.walkers(), "page.html", video=video, embed=True)
    assert made.notes == ()
    assert info(made.path)["media"]["kind"] == "video"
    assert 'id="embedded">AAAA' in made.path.read_text()


def test_a_folder_of_images(place, scenes):
    scenes.film(place / "shots")
    made = write_report(scenes.walkers(), "page.html", video="shots", fps=10)
    media = info(made.path)["media"]
    assert media["kind"] == "images"
    assert media["sources"][1] == "shots/000001.jpg"
    made = write_report(scenes.walkers(), "page.html", video="shots", embed=True)
    assert info(made.path)["media"] == {
        "kind": "video",
        "sources": [],
        "type": "video/mp4",
    }


@pytest.mark.parametrize("people", [0, 1])
def test_few_people(place, people, scenes):
    for frames in (0, 1):
        made = write_report(scenes.walkers(people, frames), "page.html")
        assert (made.frames, made.tracks) == (frames, people * frames)


REFUSED = [
    (
        {"video": "small.mp4"},
        "was made of a video of 320x240 pixels, .*small.mp4 has 64x48",
    ),
    ({"video": "short.mp4"}, "15 frames with poses, from 5 to 19, are not in short"),
    ({"video": "no.mp4"}, "no such file"),
    ({"embed": True}, "a video to embed is missing"),
    ({"out": "page.txt"}, "expected the name of a page, such as report.html"),
    ({"out": "no/page.html"}, "does not exist"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_refused(place, options, message, scenes):
    scenes.film(place / "small.mp4", size=(64, 48))
    scenes.film(place / "short.mp4", frames=5)
    before = sorted(place.iterdir())
    with pytest.raises(PoseFlowError, match=message):
        write_report(scenes.walkers(), **({"out": "page.html"} | options))
    assert sorted(place.iterdir()) == before


def test_people_outside_the_images_are_refused(place, scenes):
    scenes.film(place / "small.mp4", size=(64, 48))
    unknown = replace(scenes.walkers(), size=None)
    with pytest.raises(PoseFlowError, match="of its people are outside the images"):
        write_report(unknown, "page.html", video="small.mp4")


def test_inputs_are_not_overwritten(place, scenes):
    poseflow.write(scenes.walkers(), "page.html.json")
    (place / "page.html.json").rename(place / "page.html")
    with pytest.raises(PoseFlowError, match="this is the result itself"):
        write_report("page.html", "page.html")


def test_no_name_is_declared_in_two_modules():
    """They are joined to one script."""
    names = [
        name
        for script in SCRIPTS
        for name in re.findall(
            r"^(?:export )?(?:const|let|function|class) \[?(\w+)",
            (_PAGE / script).read_text(),
            re.MULTILINE,
        )
    ]
    assert len(names) == len(set(names)) > 30
    assert {path.name for path in _PAGE.glob("*.js")} == set(SCRIPTS)

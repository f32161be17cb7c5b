"""The results page in a real browser; skipped where there is no Chromium.

`pip install playwright` and a Chromium: Debian's package, or `playwright install
chromium`; POSEFLOW_CHROMIUM names another one.
"""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

import poseflow
from poseflow import edit
from poseflow.report import write_report

playwright = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def browser():
    names = (os.environ.get("POSEFLOW_CHROMIUM"), "chromium", "chromium-browser")
    path = next(
        (found for name in names if name and (found := shutil.which(name))), None
    )
    with playwright.sync_playwright() as engine:
        try:
            opened = engine.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {error}")
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, place):
    """Opens a page from disk, without a network; any error in it fails the test."""
    errors = []
    contexts = []

    def visit(result, **options):
        made = write_report(result, place / "page.html", **options)
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme="light", offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(made.path.resolve().as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert errors == []


def frame(page):
    return page.evaluate("poseflow.state.frame")


def selected(page):
    return page.evaluate("poseflow.state.selected")


def until(page, condition):
    """Wait for something; Playwright's own way is not allowed by the page's policy."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"not within 10 s: {condition}")


def settle(page):
    """Wait until the page has drawn."""
    page.evaluate("new Promise((d) => requestAnimationFrame(() => setTimeout(d, 50)))")


def pixel(page, x, y, canvas="overlay"):
    """Colour and cover of a canvas at a place in pixels of the video."""
    return page.evaluate(
        """([id, x, y]) => {
          const canvas = document.getElementById(id);
          const scale = canvas.width / poseflow.data.info.size[0];
          const at = canvas.getContext("2d");
          return [...at.getImageData(x * scale, y * scale, 1, 1).data];
        }""",
        [canvas, x, y],
    )


def screen_place(page, x, y):
    """Where a pixel of the video is on the screen."""
    place = page.locator("#overlay").bounding_box()
    scale = place["width"] / page.evaluate("poseflow.data.info.size[0]")
    return place["x"] + x * scale, place["y"] + y * scale


def joint_place(sequence, number, person, joint=5):
    return sequence[number].poses.keypoints[person, joint].tolist()


def test_open_play_and_step(visit, place, scenes):
    page = visit(scenes.walkers(), video=scenes.film(place / "v.mp4"))
    assert page.title() == "walk · PoseFlow"
    assert "20 frames · 320 × 240 · 10 frames/s · 2 tracks" in page.inner_text("#facts")
    for key, expected in [
        *(("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 19)),
        *(("ArrowRight", 19), ("Home", 0), ("ArrowLeft", 0), ("Shift+ArrowRight", 10)),
    ]:
        page.keyboard.press(key)
        assert frame(page) == expected
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    until(page, "poseflow.state.frame > 3")
    page.keyboard.press("Space")
    assert page.evaluate("poseflow.player.playing") is False
    page.fill("#number", "7")
    page.press("#number", "Enter")
    page.locator("#number").blur()
    assert frame(page) == 7
    page.locator("#scrubber").evaluate("e => { e.value = 12; e.oninput(); }")
    assert frame(page) == 12
    assert page.input_value("#number") == "12"


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])
def test_video_and_poses_show_the_same_frame(visit, place, scenes, codec):
    make = scenes.film if codec == "h264" else scenes.film_mpeg4
    page = visit(scenes.walkers(), video=make(place / "v.mp4"), embed=True)
    until(page, "document.getElementById('video').readyState >= 2")
    for number in (0, 1, 13, 7, 19):
        page.evaluate("n => poseflow.seek(n)", number)
        until(page, "!poseflow.player.seeking")
        level = page.evaluate(
            """() => {
              const canvas = document.createElement("canvas");
              canvas.width = canvas.height = 4;
              const at = canvas.getContext("2d");
              at.drawImage(document.getElementById("video"), 0, 0, 4, 4);
              return at.getImageData(2, 2, 1, 1).data[0];
            }"""
        )
        assert abs(level - scenes.grey(number)) <= 4


def test_while_playing_the_overlay_follows_the_video(visit, place, scenes):
    page = visit(scenes.walkers(), video=scenes.film(place / "v.mp4"))
    until(page, "document.getElementById('video').readyState >= 2")
    page.keyboard.press("Space")
    until(page, "poseflow.state.frame >= 5")
    apart = page.evaluate(
        "document.getElementById('video').currentTime * 10 - poseflow.state.frame"
    )
    assert abs(apart) <= 2
    until(page, "!poseflow.player.playing")
    assert frame(page) == 19


def test_overlay_pixels_and_clicks(visit, scenes):
    sequence = scenes.walkers(2)
    page = visit(sequence)
    page.uncheck("[name=trails]")
    page.uncheck("[name=labels]")
    for number in (0, 9):
        page.evaluate("n => poseflow.seek(n)", number)
        settle(page)
        for person in (0, 1):
            assert pixel(page, *joint_place(sequence, number, person))[3] > 200
            page.mouse.click(
                *screen_place(page, *joint_place(sequence, number, person))
            )
            assert selected(page) == person + 1
    assert pixel(page, 310, 230) == [0, 0, 0, 0]
    page.mouse.click(*screen_place(page, 310, 230))
    assert selected(page) == -1
    page.uncheck("[name=skeletons]")
    settle(page)
    assert pixel(page, *joint_place(sequence, 9, 0))[3] == 0


def test_colours_are_those_of_the_overlay_of_python(visit, scenes):
    page = visit(scenes.walkers(12, 2))
    colors = poseflow.drawing.identity_colors(np.arange(1, 13))[:, ::-1].tolist()
    for track, color in enumerate(colors, start=1):
        expected = "#{:02x}{:02x}{:02x}".format(*color)
        assert page.evaluate("t => poseflow.color(poseflow.data, t)", track) == expected


def test_lists_filter_and_select(visit, scenes):
    sequence = edit.name(scenes.walkers(30, 5, first_id=100), 117, "Zoë Ångström")
    page = visit(sequence)
    assert page.inner_text("#track-count") == "30 tracks"
    assert 5 < page.locator("#track-list .row").count() < 30  # only those on the screen
    page.fill("#track-search", "zoë")
    settle(page)
    assert page.inner_text("#track-count") == "1 of 30 tracks"
    page.click("#track-list .row")
    assert selected(page) == 117
    page.fill("#track-search", "129")
    settle(page)
    page.click("#track-list .row")
    assert selected(page) == 129
    page.fill("#track-search", "")
    page.select_option("#track-filter", "named")
    settle(page)
    assert page.locator("#track-list .row").count() == 1
    page.click("#tab-frame")
    settle(page)
    assert page.locator("#frame-table tbody tr").count() == 30


def test_timeline(visit, scenes):
    page = visit(edit.split(scenes.walkers(2, 20), 1, 10))
    place = page.locator("#timeline").bounding_box()
    page.mouse.click(place["x"] + 0.76 * place["width"], place["y"] + 38)
    assert (frame(page), selected(page)) == (15, 3)
    page.click("#zoom-in")
    assert page.evaluate("poseflow.timeline.to - poseflow.timeline.from") == 10
    page.keyboard.press("0")
    assert page.evaluate("poseflow.timeline.to - poseflow.timeline.from") == 20


def test_dark_and_light(visit, scenes):
    page = visit(scenes.walkers())
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(251, 251, 250)"
    page.keyboard.press("d")
    assert page.evaluate(paper) == "rgb(18, 20, 24)"
    page.click("#theme")
    assert page.evaluate(paper) == "rgb(251, 251, 250)"


def test_keyboard_alone_corrects_and_saves(visit, place, scenes):
    """All corrections, undone and redone; the file does in Python what the page did."""
    sequence = edit.split(edit.split(scenes.walkers(4, 20), 1, 5), 2, 9)  # 5 and 6
    poseflow.write(sequence, "in.json")
    sequence = poseflow.read("in.json")
    page = visit("in.json")
    keys = page.keyboard

    def choose(track):
        page.evaluate("t => poseflow.select(t)", track)

    def answer(text):
        page.wait_for_selector("#ask[open]")
        keys.type(text)
        keys.press("Enter")
        until(page, "!document.querySelector('dialog[open]')")

    choose(1)
    keys.press("m")
    answer("5")
    choose(3)
    for _ in range(12):
        keys.press("ArrowRight")
    keys.press("x")
    answer("4")
    choose(6)
    keys.press("s")
    choose(4)
    keys.press("Delete")
    answer("")
    choose(1)
    keys.press("r")
    answer("Ada <i>")
    until(page, "poseflow.edits.done.length === 5")
    assert page.inner_text("#tab-corrections") == "Corrections (5)"
    for _ in range(2):
        keys.press("Control+z")
    assert page.inner_text("#tab-corrections") == "Corrections (3)"
    assert page.evaluate("poseflow.state.tracks.has(4)")
    for _ in range(2):
        keys.press("Control+Shift+z")
    with page.expect_download() as download:
        keys.press("Control+s")
    download.value.save_as(place / "corrections.json")
    from poseflow.edit.corrections import read_corrections

    made = read_corrections("corrections.json")
    assert made.fingerprint == edit.fingerprint(sequence)
    assert made.corrections == (
        edit.Merge(1, (5,)),
        edit.Swap(3, 4, 12),
        edit.Split(6, 12, 7),
        edit.Delete(4),
        edit.Name(1, "Ada <i>"),
    )
    expected = edit.apply(sequence, made.corrections)
    shown = page.evaluate("[...poseflow.edits.ids].filter((id) => id > -2)")
    assert shown == [i for f in expected for i in f.poses.track_ids.tolist()]
    page.evaluate("poseflow.state.saved = 5")


def test_large_ids_are_corrected_exactly(visit, scenes):
    page = visit(scenes.walkers(2, 6, first_id=2**40))
    page.evaluate("poseflow.select(2 ** 40)")
    page.evaluate("poseflow.seek(3)")
    page.keyboard.press("s")
    tracks = page.evaluate("[...poseflow.state.tracks.keys()]")
    assert sorted(tracks) == [2**40, 2**40 + 1, 2**40 + 2]
    page.evaluate("poseflow.state.saved = 1")


def test_impossible_corrections_are_refused_as_in_python(visit, scenes):
    page = visit(scenes.walkers(2, 8))
    page.evaluate("poseflow.select(1)")
    page.keyboard.press("m")
    page.wait_for_selector("#ask[open]")
    for text, message in [
        ("2", "both are in frame 0, 1, 2, 3, 4 and 3 more"),
        ("7", "There is no track 7"),
        ("1", "cannot be merged with itself"),
        ("Anna", "Type the id of a track"),
    ]:
        page.fill("#ask-value", text)
        page.click("#ask-ok")
        assert message in page.inner_text("#ask-error")
    page.keyboard.press("Escape")
    page.keyboard.press("s")
    page.wait_for_selector("#ask[open]")
    assert "lasts from frame 0 to 7" in page.inner_text("#ask-text")
    assert page.evaluate("poseflow.edits.done.length") == 0


def test_events_lead_to_their_places(visit, scenes):
    page = visit(edit.swap(scenes.walkers(2), 1, 2, 10), gt=scenes.walkers(2))
    page.keyboard.press("2")
    settle(page)
    assert "Switch: " in page.locator("#event-list .row").first.inner_text()
    page.keyboard.press("n")
    assert frame(page) == 10
    assert selected(page) in (1, 2)
    assert page.evaluate("poseflow.state.other") in (1, 2)
    page.keyboard.press("4")
    assert "HOTA" in page.inner_text("#scores")
    assert "all joints" in page.inner_text("#scores")


def test_texts_are_not_run(visit, scenes):
    evil = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>"
    page = visit(replace(scenes.walkers(), name=evil, names={1: evil, 2: evil}))
    for key in "12345":
        page.keyboard.press(key)
    page.evaluate("poseflow.select(1)")
    settle(page)
    assert page.evaluate("window.hit") is None
    assert page.inner_text("#title") == evil


@pytest.mark.parametrize(("people", "frames"), [(0, 0), (0, 3), (1, 1), (30, 3)])
def test_any_number_of_people(visit, scenes, people, frames):
    page = visit(scenes.walkers(people, frames))
    for key in ("Space", "End", "n", "p", "j", "k", *"12345", "Enter", "m", "Escape"):
        page.keyboard.press(key)
        settle(page)
    page.keyboard.press("1")
    settle(page)
    assert page.inner_text("#track-count") == f"{people * bool(frames)} tracks"


def test_a_video_that_is_gone_or_not_played(visit, place, scenes):
    page = visit(scenes.walkers(), video=scenes.film_mpeg4(place / "v.mp4"))
    assert "do not play its codec, mpeg4" in page.inner_text("#note")
    video = scenes.film(place / "w.mp4")
    page = visit(scenes.walkers(), video=video)
    video.unlink()
    page.reload()
    page.wait_for_selector("#note:not([hidden])")
    assert "cannot play w.mp4" in page.inner_text("#note")
    page.keyboard.press("ArrowRight")
    assert frame(page) == 1


def test_a_folder_of_images(visit, place, scenes):
    scenes.film(place / "shots")
    page = visit(scenes.walkers(), video="shots", fps=10)
    page.evaluate("poseflow.seek(7)")
    until(page, "document.getElementById('picture').width === 320")
    assert page.evaluate("poseflow.player.images.get(7).src").endswith("000007.jpg")


def test_what_a_screen_reader_gets(visit, scenes):
    page = visit(scenes.walkers())
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas")]
          .filter((e) => !e.ariaHidden && !e.ariaLabel && !e.innerText)
          .filter((e) => !e.closest("label"))
          .map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    page.evaluate("poseflow.select(2)")
    assert page.inner_text("#announcer") == "Track 2"
    row = page.locator("#track-list [role=option]").first
    assert row.get_attribute("aria-posinset") == "1"
    assert row.get_attribute("aria-setsize") == "2"
    tabs = page.locator("[role=tab][aria-selected=true]")
    assert tabs.count() == 1
    assert json.loads(page.evaluate("JSON.stringify(poseflow.data.info.notes)")) == []

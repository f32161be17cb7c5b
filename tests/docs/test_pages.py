"""Pages of the documentation: their commands and code run, their links have targets.

The blocks of a page run in order in a folder that has the files of `FILES` named in
the page. A block that cannot run stands below a comment with the reason:
`<!-- not run: needs a GPU -->`.
"""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import synthetic
from poseflow.cli.app import app
from poseflow.video import VideoWriter

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RUN = sorted([DOCS / "get_started.md", *(DOCS / "guides").glob("*.md")])
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]

BLOCK = re.compile(
    r"(<!-- not run: .+? -->\n)?^```(python|console)\n(.*?)^```", re.M | re.S
)


def street(frames, seed=1, size=(320, 180)):
    return synthetic.make_scene("street", seed=seed, frames=frames, size=size)


def write_video(path):
    scene = street(8)
    path.parent.mkdir(exist_ok=True)
    with VideoWriter(path, scene.size, scene.fps) as video:
        for frame in scene:
            video.write(frame.image)


def write_poses(path):
    poseflow.write(street(30).truth(), path)


def write_noisy_poses(path):
    noise = synthetic.NoiseModel.preset("detector")
    poseflow.write(noise.apply(street(60).truth(), seed=1), path)


def write_posetrack(folder):
    folder.mkdir()
    for seed in (0, 1):
        scene = synthetic.make_scene(
            "street", seed=seed, frames=12, skeleton="posetrack18"
        )
        path = folder / f"{seed:06d}_mpii_test.json"
        if folder.name == "annotations":
            synthetic.write_posetrack(scene, path)
        else:
            poseflow.write(scene.truth(), path, format="posetrack18")


# What a page may name without making it -> how the test makes it.
FILES = {
    "street.mp4": write_video,
    "videos": lambda folder: write_video(folder / "a.mp4"),
    "street.json": write_poses,
    "poses.json": write_noisy_poses,
    "annotations": write_posetrack,
    "predictions": write_posetrack,
}


def blocks(page):
    """(language, text) of the blocks of a page that run."""
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if not found[1]:
            yield found[2], found[3]


def commands(text):
    """The commands of a console block, as lists of words, globs expanded."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.startswith("$ "):
            continue  # output
        words = shlex.split(line[2:], comments=True)
        assert words[0] == "poseflow", f"not a command of poseflow: {line}"
        yield [
            path
            for word in words[1:]
            for path in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
        ]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    text = " ".join(block for _, block in blocks(page))
    for name, make in FILES.items():
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text):
            make(tmp_path / name)
    names = {}
    for language, block in blocks(page):
        if language == "python":
            exec(compile(block, str(page), "exec"), names)
            continue
        for words in commands(block):
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, f"{words}: {done.output}"


def heading_anchors(text):
    """The anchors that GitHub and Sphinx give to a page's headings."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower())
        .strip()
        .replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_has_a_target(page):
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        file = page if not name else page.parent / name
        assert file.exists(), f"{page.name}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in heading_anchors(file.read_text("utf-8")), target

"""Pages of the documentation: their commands and code run, their links have targets.

The blocks of a page run in order in a folder that has the files of `FILES` named in
the page. A block that cannot run stands below a comment with the reason:
`<!-- not run: needs a GPU -->`.
"""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, PoseSequence, synthetic
from poseflow.cli.app import app
from poseflow.skeletons.files import find_skeleton
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


def mice(noise=0.0):
    """Two mice, each a cloud of four joints, that walk in a circle."""
    rng = np.random.default_rng(3)
    shapes = rng.uniform(-15, 15, (2, 4, 2))
    for step in range(20):
        angle = step / 8 + np.array([0, np.pi])
        centres = 100 + 50 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points = shapes + centres[:, None] + rng.normal(0, noise, (2, 4, 2))
        yield points


def write_mice_video(path):
    with VideoWriter(path, (200, 200), 25) as video:
        for points in mice():
            image = np.full((200, 200, 3), 200, np.uint8)
            for x, y in points.reshape(-1, 2).astype(int):
                image[y - 3 : y + 3, x - 3 : x + 3] = 40
            video.write(image)


def write_mouse_skeleton(path):
    page = (DOCS / "guides" / "animals.md").read_text(encoding="utf-8")
    path.write_text(re.search(r"^```yaml\n(.*?)^```", page, re.M | re.S)[1])


def write_mice_detections(path):
    """AlphaPose's list of another program: no names of joints, no identities."""
    entries = [
        {
            "image_id": f"{k}.jpg",
            "keypoints": np.append(p, [[0.9]] * 4, 1).ravel().tolist(),
            "score": 0.9,
        }
        for k, points in enumerate(mice(noise=1.0))
        for p in points
    ]
    path.write_text(json.dumps(entries))


def mice_truth():
    write_mouse_skeleton(Path("mouse.yaml"))
    skeleton = find_skeleton("mouse.yaml")
    return PoseSequence.collect(
        Frame(k, k / 25, Poses(points, track_ids=[1, 2], skeleton=skeleton))
        for k, points in enumerate(mice())
    )


def write_mice_annotations(path):
    poseflow.write(mice_truth(), path, "coco-annotations")


def write_mice_truth(path):
    poseflow.write(mice_truth(), path)


# What a page may name without making it -> how the test makes it.
FILES = {
    "street.mp4": write_video,
    "videos": lambda folder: write_video(folder / "a.mp4"),
    "street.json": write_poses,
    "poses.json": write_noisy_poses,
    "annotations": write_posetrack,
    "predictions": write_posetrack,
    "mice.mp4": write_mice_video,
    "mouse.yaml": write_mouse_skeleton,
    "detections.json": write_mice_detections,
    "truth.json": write_mice_truth,
    "annotations.json": write_mice_annotations,
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


def test_every_page_is_in_the_site():
    entries = set()
    for index in DOCS.rglob("index.md"):
        for tree in re.findall(
            r"^```{toctree}\n(.*?)^```", index.read_text(), re.M | re.S
        ):
            lines = [line for line in tree.splitlines() if line and line[0] != ":"]
            entries |= {(index.parent / f"{line}.md").resolve() for line in lines}
    assert entries == set(DOCS.rglob("*.md")) - {DOCS / "index.md"}

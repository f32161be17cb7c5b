"""README: its commands and code run, and its output is what they print.

`POSEFLOW_UPDATE_README=1 pytest tests/test_readme.py` writes the output anew.
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import synthetic
from poseflow.cli.app import app
from poseflow.video import VideoWriter

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def block(text, name):
    """The content of the fenced block between two markers, and where it is."""
    pattern = rf"<!-- {name} -->\n```(?:python)?\n(.*?)```\n<!-- /{name} -->"
    found = re.search(pattern, text, re.DOTALL)
    assert found, f"README.md has no block {name}"
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def test_scoring_section(folder):
    text = README.read_text()
    exec(block(text, "scoring-set")[1], {})
    done = CliRunner().invoke(app, ["evaluate", "annotations", "results"])
    assert done.exit_code == 0, done.output
    shown = block(text, "scoring-output")
    if os.environ.get("POSEFLOW_UPDATE_README"):
        README.write_text(text[: shown.start(1)] + done.stdout + text[shown.end(1) :])
        return
    assert done.stdout == shown[1]


TRACKERS = {
    "released, compat": "released PoseFlow association, without ORB matches",
    "released": "the same, faults corrected",
    "poseflow": "the paper's own algorithm, `poseflow`",
    "roboflow OC-SORT": "OC-SORT (roboflow trackers)",
    "boxmot BoostTrack": "BoostTrack (boxmot)",
    "norfair": "Norfair",
    "ultralytics BoT-SORT": "BoT-SORT (Ultralytics)",
    "sleap-nn BoT-SORT, OKS": "BoT-SORT with OKS (sleap-nn)",
    "default": "**`default`**, ids at once",
    "default, final": "**`default`**, final ids",
    "default, refined": "**`default`**, second pass",
    "oracle": "oracle",
}
"""Row of docs/tracking.md -> what the README calls it."""


def tracker_table():
    """The README's table, from the one in docs/tracking.md."""
    page = (ROOT / "docs" / "tracking.md").read_text()
    table = page.split("## All kinds of sets")[1].split("\n\n")[2].splitlines()
    split = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    header, _, *rows = split
    by_name = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    columns = ("IDF1", "HOTA", "AssA", "switches")
    lines = [f"| tracker | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for name, shown in TRACKERS.items():
        cells = " | ".join(by_name[name][column] for column in columns)
        lines.append(f"| {shown} | {cells} |")
    return "\n".join(lines) + "\n"


def test_trackers_table():
    text = README.read_text()
    before, rest = text.split("<!-- trackers -->\n")
    shown, after = rest.split("<!-- /trackers -->")
    if os.environ.get("POSEFLOW_UPDATE_README"):
        new = f"{before}<!-- trackers -->\n{tracker_table()}<!-- /trackers -->{after}"
        README.write_text(new)
        return
    assert shown == tracker_table()


def test_python_section(folder, capsys):
    text = README.read_text()
    code = re.search(r"## In Python\n\n```python\n(.*?)```", text, re.DOTALL)[1]
    scene = synthetic.make_scene("street", seed=1, frames=5, size=(320, 180))
    with VideoWriter("street.mp4", scene.size, scene.fps) as video:
        for frame in scene:
            video.write(frame.image)
    poseflow.write(scene.truth(), "street.json")

    def my_model(video):
        for index in range(video):
            yield np.random.default_rng(0).random((2, 17, 2)) * 90 + index, None

    exec(code, {"my_model": my_model, "video": 3})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 + 3
    assert lines[-1] in {"[1 2]", "[2 1]"}


def test_every_file_that_is_linked_exists():
    pages = [README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if not link.startswith(("http://", "https://")):
                assert (page.parent / link).exists(), f"{page.name}: {link}"

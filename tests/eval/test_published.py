"""Published figures beside one's own, and their sources."""

import json
from importlib import resources

import pytest
from posetrack_case import CaseOptions, write_case
from typer.testing import CliRunner

from poseflow import PoseFlowError
from poseflow.cli.app import app
from poseflow.eval import evaluate
from poseflow.eval.published import published_tables

CONTENT = json.loads(
    (resources.files("poseflow.eval") / "published.json").read_text("utf-8")
)


def test_every_row_has_its_columns_and_a_source():
    for table in CONTENT["tables"]:
        for row in table["rows"]:
            assert len(row["values"]) == len(table["columns"]), row
            assert all(0 < value < 100 for value in row["values"])
            assert row["source"] in CONTENT["sources"]
    assert all(
        source["url"].startswith("https://") and source["text"]
        for source in CONTENT["sources"].values()
    )


@pytest.mark.parametrize("metric", ["ap", "mot"])
def test_totals_are_near_the_means_of_the_joints(metric):
    """A slip of the pen in a figure would move them apart."""
    joints = [3, 2, 2, 2, 2, 2, 2]
    for table in CONTENT["tables"]:
        if table["metric"] == metric and table["benchmark"].startswith("PoseTrack"):
            for row in table["rows"]:
                pairs = zip(joints, row["values"], strict=False)
                mean = sum(n * value for n, value in pairs) / 15
                assert row["values"][7] == pytest.approx(mean, abs=0.35), row


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case")
    write_case(folder, 3, CaseOptions(sequences=2, frames=(8, 9), people=(3, 3)))
    return folder / "gt", folder / "pred"


def test_own_figures_stand_beside_them(case):
    report = evaluate(*case, "poseval")
    rows = report.published_table().splitlines()
    own = [row.split()[2:] for row in rows if row.startswith("this result")]
    assert len(own) == 3  # PoseTrack's AP and MOTA, MPII's AP
    assert own[1][-2:] == [f"{report.mota:.1f}", f"{report.motp:.1f}"]
    assert own[0][-1] == f"{report.mean_ap:.1f}"
    assert any(row.startswith("AlphaPose + PoseFlow (ORB)") for row in rows)
    latex = report.published_table("latex")
    assert r"Newell \& Deng & 92.1 & " in latex
    with pytest.raises(PoseFlowError, match="text, markdown, latex"):
        published_tables({"ap": {}}, "html")


@pytest.mark.parametrize("table", ["text", "markdown", "latex"])
def test_command(case, table):
    sides = [str(side) for side in case]
    command = ["evaluate", *sides, "--mode", "poseval", "--published", "--table", table]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "58.3" in done.output
    assert "https://github.com/" in done.output

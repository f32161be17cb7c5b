"""`Report`: tables, dictionaries, files and plots."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import poseflow
from poseflow import PoseFlowError
from poseflow.errors import FormatError, MissingExtraError
from poseflow.eval.report import COLUMNS, JOINT_NAMES

GOLDEN = Path(__file__).parent.parent / "golden" / "poseval"


@pytest.fixture(scope="module")
def report():
    case = GOLDEN / "pt17_edge"
    return poseflow.evaluate(case / "gt", case / "pred")


@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_every_layout_has_every_figure(report, format):
    text = report.table(format, digits=2)
    for section in (report["ap"], report["mot"], *report.others["poseval"].values()):
        for values in section.groups.values():
            for value in values:
                assert ("-" if math.isnan(value) else f"{value:.2f}") in text
    assert "MOTP" in text
    assert "nan" not in text


def test_latex_rows_have_as_many_cells_as_columns(report):
    rows = [row for row in report.table("latex").splitlines() if row[0] != "%"]
    assert {row.count("&") for row in rows} == {len(COLUMNS)}
    assert all(r"\\" in row for row in rows)


def test_columns_are_means_of_their_joints(report):
    joints = report["mot"].joints["mota"]
    place = {name: k for k, name in enumerate(JOINT_NAMES)}
    wrists = joints[[place["left_wrist"], place["right_wrist"]]].mean()
    assert report["mot"].groups["MOTA"][COLUMNS.index("Wri")] == wrists
    assert report["mot"].groups["MOTA"][COLUMNS.index("Total")] == joints[15]
    assert joints[15] == np.nanmean(joints[:15])


def test_dictionary_is_json_without_nan(report):
    text = report.to_json(sequences=True)
    assert "NaN" not in text
    found = json.loads(text)
    assert found["mode"] == "strict"
    assert len(found["mot"]["mota"]) == 16
    assert None in found["ap"]["ap"]  # right ankle: never annotated
    assert set(found["ap"]["sequences"]) == set(report.sequences)
    assert found["other_modes"]["poseval"]["mot"]["table"]["MOTA"]
    assert found["differences"] == list(report.differences)


def test_a_sequence_by_name(report):
    name = report.sequences[1]
    text = report.table(sequence=name, digits=3)
    assert f"{report['mot'].sequences[name].joints['mota'][15]:.3f}" in text
    with pytest.raises(PoseFlowError, match="no sequence 'x'"):
        report.table(sequence="x")


def test_counts_of_sequences_add_up(report):
    for name, total in report["mot"].counts.items():
        parts = [part.counts[name] for part in report["mot"].sequences.values()]
        np.testing.assert_allclose(sum(parts), total)


def test_table_of_joints(report):
    head, *rows = report.joint_table("mot", digits=2).splitlines()
    assert head.split() == ["strict", "mota", "motp", "pre", "rec"]
    assert [row.split()[0] for row in rows] == list(JOINT_NAMES)
    assert rows[15].split()[1] == f"{report.mota:.2f}"


def test_unknown_choices_are_refused(report):
    with pytest.raises(PoseFlowError, match="no metric 'hota'; it has ap, mot"):
        report["hota"]
    with pytest.raises(PoseFlowError, match="no metric 'idf1'"):
        report.table(metrics=["idf1"])
    with pytest.raises(PoseFlowError, match="expected text, markdown or latex"):
        report.table("html")
    with pytest.raises(PoseFlowError, match="unknown mode"):
        poseflow.evaluate(GOLDEN, GOLDEN, "lenient")


def test_files_are_whole_or_not_there(report, tmp_path):
    with pytest.raises(FormatError):
        report.to_json(tmp_path / "no" / "folder.json")
    (tmp_path / "file").write_text("x")
    with pytest.raises(FormatError, match="file"):
        report.write_sequences(tmp_path / "file")
    written = report.write_sequences(tmp_path / "out")
    assert len(written) == 2 * (1 + len(report.sequences))
    assert "NaN" not in (tmp_path / "out" / "total_AP_metrics.json").read_text()


def test_plots_without_matplotlib_say_what_to_install(report, monkeypatch, tmp_path):
    from poseflow.eval.plots import write_plots

    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"poseflow\[plots\]"):
        write_plots(report, tmp_path / "plots")
    assert not (tmp_path / "plots").exists()


def test_rich_tables_have_the_same_cells(report):
    from rich.console import Console

    console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    for table in report.rich_tables():
        console.print(table)
    text = console.export_text()
    assert f"{report.mota:.1f}" in text
    assert "Shou" in text


def test_one_file_for_one_sequence_whatever_its_name(tmp_path):
    case = GOLDEN / "pt17_basic"
    gt = sorted((case / "gt").iterdir())[0]
    pred = tmp_path / "mine.json.gz"
    pred.write_bytes((case / "pred" / gt.name).read_bytes())
    report = poseflow.evaluate(gt, pred, "poseval")
    assert report.sequences == (gt.name.split(".")[0],)
    assert "taken for sequence" in str(report.problems[0])


def test_progress_sees_every_sequence():
    case = GOLDEN / "pt17_basic"
    seen = []

    def progress(steps, total, label):
        for step in steps:
            seen.append((step, total, label))
            yield step

    report = poseflow.evaluate(case / "gt", case / "pred", progress=progress)
    assert seen == [(name, 5, "sequences") for name in report.sequences]


def test_a_metric_that_a_program_lacks_is_refused_with_the_mode_that_has_it():
    message = "'poseval' has ap, mot; found hota; .* use mode 'strict'"
    with pytest.raises(PoseFlowError, match=message):
        poseflow.evaluate({}, {}, mode="poseval", metrics="ap,hota")

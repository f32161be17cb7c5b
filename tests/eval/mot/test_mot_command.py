"""`poseflow evaluate-mot` prints the table and writes every figure."""

import gzip
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from poseflow.cli.scoring.mot import evaluate_mot

GOLDEN = Path(__file__).parents[2] / "golden" / "generic_mot"


@pytest.mark.parametrize("case", ["basic", "crowded", "edge"])
def test_golden_figures_through_the_command(case, tmp_path):
    app = typer.Typer()
    app.command()(evaluate_mot)
    out = tmp_path / "scores.json"
    folders = [str(GOLDEN / case / side) for side in ("gt", "pred")]
    result = CliRunner().invoke(app, [*folders, "--json", str(out)])
    assert result.exit_code == 0, result.output
    written = json.loads(out.read_text())
    lines = len(result.output.splitlines())
    assert lines == 1 + len(written["sequences"]) + (len(written["sequences"]) > 1)
    with gzip.open(GOLDEN / case / "reference.json.gz", "rt") as file:
        reference = json.load(file)
    total, expected = written["total"], reference["motmetrics"]["combined"]
    for name in ("MOTA", "IDF1", "IDP", "IDR", "precision", "recall"):
        value = 100 * expected[name.lower()]
        assert total[name] == pytest.approx(value, abs=1e-9), name
    curves = reference["trackeval_hota"]["combined"]
    for name in ("HOTA", "DetA", "AssA", "LocA"):
        mean = 100 * sum(curves[name]) / 19
        assert total[name] == pytest.approx(mean, abs=1e-9), name
    assert total["num_switches"] == expected["num_switches"]

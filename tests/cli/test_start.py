"""What the command line imports before it works."""

import subprocess
import sys
from pathlib import Path

import pytest

from poseflow.cli.app import app
from poseflow.cli.make_app import HOMES, load_command

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("name", HOMES)
def test_a_command_is_found_by_its_name(name):
    assert load_command(name).__name__ == name.replace("-", "_")


def test_the_app_has_all_commands_in_order():
    assert [command.name for command in app.registered_commands] == list(HOMES)


def modules_after(code):
    code = f"import sys\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


def test_a_command_imports_no_other():
    loaded = modules_after(
        "from poseflow.cli.make_app import make_app; make_app(['evaluate'])"
    )
    assert "poseflow.cli.scoring.evaluate" in loaded
    assert not {"poseflow.cli.track", "numpy", "scipy", "torch", "cv2"} & loaded


def test_scoring_imports_only_what_a_mode_needs(tmp_path):
    code = f"""
from pathlib import Path
sys.path.insert(0, {str(BENCHMARKS)!r})
from posetrack_case import CaseOptions, write_case
folder = Path({str(tmp_path)!r})
write_case(folder, 3, CaseOptions(sequences=2, frames=(8, 8), people=(4, 4)))
import poseflow
poseflow.evaluate(folder / "gt", folder / "pred", "poseval")
"""
    loaded = modules_after(code)
    heavy = {"scipy.optimize", "torch", "cv2", "typer", "rich", "multiprocessing"}
    assert not heavy & loaded
    assert "poseflow.eval.posetrack.joint_hota" not in loaded


def test_formats_are_imported_when_one_is_asked_for():
    code = "import poseflow.formats"
    formats = {"poseflow.formats.alphapose", "poseflow.formats.external.openpose"}
    assert not formats & modules_after(code)
    assert formats <= modules_after(f"{code}; poseflow.formats.names()")

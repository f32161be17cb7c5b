"""A new environment, installed plainly and as editable: imports work from any folder.

The clone is called `poseflow`, like the package: for a script beside it, Python could
take the clone itself for a namespace package.
"""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytest.importorskip("setuptools", minversion="77")  # pyproject.toml

ROOT = Path(__file__).parents[1]
SIBLINGS = ("estimator", "eval", "tracker")
SCRIPT = """
import importlib.util
import poseflow, poseflow.estimator, poseflow.eval, poseflow.tracker
assert poseflow.Poses.empty and poseflow.Tracker
for name in ("tests", "benchmarks", "poseflow"):
    assert importlib.util.find_spec(f"poseflow.{name}") is None, name
print(poseflow.tracker.__file__)
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """The files that an installation needs, without weights."""
    clone = tmp_path_factory.mktemp("parent") / "poseflow"
    hidden = shutil.ignore_patterns("__pycache__", "models")
    for folder in ("poseflow", *SIBLINGS):
        shutil.copytree(ROOT / folder, clone / folder, ignore=hidden)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, clone)
    (clone / "tests").mkdir()
    (clone.parent / "script.py").write_text(SCRIPT)
    return clone


def install(folder, clone, *options):
    """A new environment with the clone in it, and the present one's dependencies."""
    venv.create(folder, with_pip=False, symlinks=sys.platform != "win32")
    base = {"base": str(folder), "platbase": str(folder)}
    paths = sysconfig.get_paths("venv", vars=base)
    shared = [path for path in sys.path if path.endswith("-packages")]
    (Path(paths["purelib"]) / "shared.pth").write_text("\n".join(shared))
    python = shutil.which("python", path=paths["scripts"])
    pip = [sys.executable, "-P", "-m", "pip", "--python", python, "install", "--quiet"]
    alone = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*pip, *alone, *options, str(clone)], check=True)
    return python


def run(python, *arguments, cwd):
    command = [python, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_plain_install(clone, tmp_path):
    python = install(tmp_path / "venv", clone)
    script = clone.parent / "script.py"
    installed = Path(run(python, script, cwd=clone.parent))
    assert installed.is_relative_to(tmp_path / "venv")
    assert run(python, script, cwd=clone) == str(installed)
    # The working directory comes first on the path: all of it is the clone's.
    inside = run(python, "-c", SCRIPT, cwd=clone)
    assert inside == str(clone / "tracker" / "__init__.py")


def test_an_editable_install(clone, tmp_path):
    python = install(tmp_path / "venv", clone, "--editable")
    script = clone.parent / "script.py"
    expected = str(clone / "tracker" / "__init__.py")
    for folder in (clone, clone.parent, tmp_path):
        assert run(python, script, cwd=folder) == expected
        assert run(python, "-c", SCRIPT, cwd=folder) == expected
    no_other_name = "from importlib.util import find_spec; print(find_spec('tracker'))"
    assert run(python, "-c", no_other_name, cwd=clone.parent) == "None"
    # What is added later is found without another installation.
    for place in ("poseflow", "tracker"):
        (clone / place / "added.py").touch()
    added = "import poseflow.added, poseflow.tracker.added"
    run(python, "-c", added, cwd=clone.parent)

"""`poseflow info`: what a bug report needs."""

from importlib.metadata import version

from typer.testing import CliRunner

from poseflow.cli.app import app
from poseflow.cli.info import _extras


def rows():
    done = CliRunner().invoke(app, ["info"])
    assert done.exit_code == 0, done.output
    return dict(line.split("  ", 1) for line in done.stdout.splitlines())


def test_it_names_versions_devices_threads_and_encoders():
    found = rows()
    assert found["numpy"].strip() == version("numpy")
    assert found["devices"].strip().startswith("cpu")
    assert "torch" in found["threads"]
    assert ".mp4 " in found["video encoders"]


def test_every_extra_is_installed_or_says_how_to_get_it(monkeypatch):
    found = rows()
    assert "extra plots" in found
    assert "extra test" not in found
    monkeypatch.setattr("poseflow.cli.info._version", lambda package: None)
    assert _extras()["extra plots"] == "not installed: pip install 'poseflow[plots]'"

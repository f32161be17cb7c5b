"""Small results and videos for the tests of the page."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def scenes():
    """The module `scenes.py`, which the import mode of the tests does not find."""
    path = Path(__file__).with_name("scenes.py")
    spec = importlib.util.spec_from_file_location("report_scenes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path

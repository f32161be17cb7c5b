"""The registry that trackers, estimators, detectors, formats and skeletons share."""

import importlib.metadata
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from poseflow import PoseFlowError
from poseflow.errors import FormatError
from poseflow.registry import Registry


@pytest.fixture
def offered(monkeypatch):
    """An installed package offers `math.tau` and a second `circle`."""
    points = [
        EntryPoint("tau", "math:tau", "test.shapes"),
        EntryPoint("circle", "math:pi", "test.shapes"),
    ]

    def entry_points(group, name=None):
        assert group == "test.shapes"
        return [point for point in points if name in (None, point.name)]

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)


def test_names_in_order_of_registration():
    shapes = Registry("shape", {"square": 4})
    shapes.register("circle", 0)
    assert shapes.names() == ("square", "circle")
    assert list(shapes) == [4, 0]
    assert shapes["circle"] == 0


def test_entry_points_come_last_and_registered_names_win(offered):
    shapes = Registry("shape", {"circle": 0}, group="test.shapes")
    assert shapes.names() == ("circle", "tau")
    assert shapes["circle"] == 0
    assert shapes["tau"] == pytest.approx(6.283, abs=1e-3)
    assert list(shapes) == [0]


def test_a_taken_name_needs_replace():
    shapes = Registry("shape", {"circle": 0})
    shapes.register("circle", 0)  # the same entry again
    with pytest.raises(PoseFlowError, match=r"shape is already called 'circle'.*repl"):
        shapes.register("circle", 1)
    assert shapes["circle"] == 0
    shapes.register("circle", 1, replace=True)
    assert shapes["circle"] == 1


def test_unknown_names_list_what_is_known(offered):
    shapes = Registry(
        "shape", {"square": 4}, group="test.shapes", error=FormatError, hint="; a hint"
    )
    with pytest.raises(
        FormatError, match="unknown shape 'cube'; known are square, tau, circle; a hint"
    ):
        shapes["cube"]


def test_a_module_of_entries_is_imported_on_first_use(monkeypatch):
    home = types.ModuleType("test_shapes")
    shapes = Registry("shape", module="test_shapes")
    assert "test_shapes" not in sys.modules  # nothing was imported yet
    home.ENTRIES = {"circle": 0}
    monkeypatch.setitem(sys.modules, "test_shapes", home)
    with pytest.raises(PoseFlowError, match="already called 'circle'"):
        shapes.register("circle", 1)
    shapes.register("square", 4)
    assert shapes.names() == ("circle", "square")
    assert list(shapes) == [0, 4]

"""Options are checked field by field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import pytest

from poseflow import PoseFlowError
from poseflow.validation import check_options, option, require


@runtime_checkable
class Named(Protocol):
    def name(self): ...


class Person:
    def name(self):
        return "Ada"


@dataclass(frozen=True)
class Options:
    share: float = option(0.5, low=0, high=1)
    frames: int = option(30, low=1)
    most: int | None = option(None, low=1)
    unlimited: float = -math.inf
    flag: bool = True
    method: str = option("sparse", choices=("sparse", "dense"))
    named: str | Named = "none"
    size: tuple[int, int] | None = option(None, low=1)
    weights: tuple[float, float] = option((1.0, 2.0), low=0)

    def __post_init__(self):
        check_options(self)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"share": 1}, id="an integer for a float"),
        pytest.param({"share": np.float32(0.25)}, id="a numpy float"),
        pytest.param({"frames": np.int64(3)}, id="a numpy integer"),
        pytest.param({"most": 5}, id="an optional number"),
        pytest.param({"flag": np.False_}, id="a numpy boolean"),
        pytest.param({"named": Person()}, id="an object of a protocol"),
        pytest.param({"size": (640, 480)}, id="an optional tuple"),
        pytest.param({"weights": [0, 3]}, id="a list for a tuple"),
    ],
)
def test_good_values_pass(given):
    options = Options(**given)
    for name, value in given.items():
        assert getattr(options, name) is value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 2}, r"share must be a number in \[0, 1\], got 2"),
        ({"share": math.nan}, r"share must be a number in \[0, 1\], got nan"),
        ({"share": True}, "share must be a number.*got True"),
        ({"share": "x"}, "share must be a number.*got 'x'"),
        ({"share": None}, "share must be a number.*got None"),
        ({"share": 1 + 0j}, "share must be a number"),
        ({"frames": 0}, "frames must be a whole number of at least 1, got 0"),
        ({"frames": 2.5}, "frames must be a whole number of at least 1, got 2.5"),
        ({"most": 0}, "most must be a whole number of at least 1, got 0"),
        ({"unlimited": math.nan}, "unlimited must be a number, got nan"),
        ({"flag": 1}, "flag must be True or False, got 1"),
        ({"method": "fast"}, "method must be one of 'sparse', 'dense', got 'fast'"),
        ({"method": 3}, "method must be a string, got 3"),
        ({"named": 3}, "named must be a string or a Named, got 3"),
        ({"size": (640,)}, r"size must be 2 values, got \(640,\)"),
        ({"size": 640}, "size must be 2 values or None, got 640"),
        ({"size": (640, 0)}, r"size\[1\] must be a whole number of at least 1, got 0"),
        ({"weights": (1, -1)}, r"weights\[1\] must be a number of at least 0, got -1"),
    ],
)
def test_wrong_values_are_refused(given, message):
    with pytest.raises(PoseFlowError, match=message):
        Options(**given)


def test_require():
    require("speed", math.inf, 0)
    require("speed", -5, high=3)
    with pytest.raises(PoseFlowError, match="speed must be a number up to 3, got 4"):
        require("speed", 4, high=3)

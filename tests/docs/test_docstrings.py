"""Every example in a docstring runs."""

import doctest
import importlib
import pkgutil

import pytest

PACKAGES = ("poseflow", "poseflow.estimator", "poseflow.tracker", "poseflow.eval")


def modules():
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield name
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__"):
                yield found.name


@pytest.mark.parametrize("name", sorted(set(modules())))
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0

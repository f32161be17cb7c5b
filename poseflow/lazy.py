"""Lazy imports: a package's public names, each imported on first use (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose names are imported lazily.

    Type checkers do not see these names: the package imports them once more under
    `if TYPE_CHECKING`.

    Args:
        package: The package's `__name__`.
        homes: Public name -> full name of the module that defines it. A name whose home
            is `package.name` is that module itself.

    Examples:
        >>> load, _ = lazy_names("poseflow", {"Frame": "poseflow.sequence"})
        >>> load("Frame").__name__
        'Frame'
    """

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(home)
        value = module if home == f"{package}.{name}" else getattr(module, name)
        # From now on the name is found without a call.
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        own = (name for name in vars(sys.modules[package]) if name.startswith("__"))
        return sorted([*homes, *own])

    return load, names

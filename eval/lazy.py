"""Per-sequence sections, computed when somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from poseflow.eval.metric import Section


class LazySections(Mapping[str, Section]):
    """A section for each sequence, made on first access from what was measured.

    Args:
        parts: What was measured, by name of the sequence.
        make: Turns a measurement into its section.
    """

    def __init__(
        self, parts: Mapping[str, Any], make: Callable[[Any], Section]
    ) -> None:
        self._parts = parts
        self._make = make
        self._made: dict[str, Section] = {}

    def __getitem__(self, name: str) -> Section:
        """The section of a sequence."""
        if name not in self._made:
            self._made[name] = self._make(self._parts[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the sequences."""
        return iter(self._parts)

    def __len__(self) -> int:
        """Number of sequences."""
        return len(self._parts)

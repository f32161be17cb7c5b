"""Registry of implementations by name: trackers, estimators, detectors, formats."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from poseflow.errors import PoseFlowError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Entry = TypeVar("Entry")


class Registry(Generic[Entry]):
    """Entries by name, in order of registration, then those of installed packages.

    Args:
        kind: What the entries are, for messages, such as `"tracker"`.
        entries: Entries that are registered from the start.
        module: Full name of a module whose `ENTRIES`, by name, are registered before
            all others; it is imported on first use.
        group: Entry-point group in which installed packages offer more entries; they
            are imported on first use. None if there is no such group.
        error: Raised for an unknown name.
        hint: Appended to the message about an unknown name.

    Examples:
        >>> shapes = Registry("shape", {"circle": 0, "square": 4})
        >>> shapes.register("triangle", 3)
        >>> shapes.names()
        ('circle', 'square', 'triangle')
        >>> shapes["hexagon"]
        Traceback (most recent call last):
        ...
        poseflow.errors.PoseFlowError: unknown shape 'hexagon'; known are circle, \
square, triangle
    """

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, Entry] | None = None,
        *,
        module: str | None = None,
        group: str | None = None,
        error: type[PoseFlowError] = PoseFlowError,
        hint: str = "",
    ) -> None:
        self._kind = kind
        self._entries: dict[str, Entry] = dict(entries or {})
        self._module = module
        self._group = group
        self._error = error
        self._hint = hint

    def _all(self) -> dict[str, Entry]:
        """The registered entries."""
        if self._module is not None:
            found: Mapping[str, Entry] = importlib.import_module(self._module).ENTRIES
            self._module = None
            self._entries = {**found, **self._entries}
        return self._entries

    def _offered(self, name: str | None = None) -> Iterable[EntryPoint]:
        """The entry points of installed packages; only those of a name if it is given.

        Their package is imported on first use: it costs more than all else here.
        """
        if self._group is None:
            return ()
        from importlib.metadata import entry_points

        if name is None:
            return entry_points(group=self._group)
        return entry_points(group=self._group, name=name)

    def register(self, name: str, entry: Entry, *, replace: bool = False) -> None:
        """Make an entry known by name; registering the same one again has no effect.

        Raises:
            PoseFlowError: If the name is taken and `replace` is not set.
        """
        if not replace and self._all().get(name, entry) != entry:
            raise PoseFlowError(
                f"a different {self._kind} is already called {name!r}; choose another "
                "name or pass replace=True"
            )
        self._all()[name] = entry

    def names(self) -> tuple[str, ...]:
        """All names, those of installed packages last."""
        offered = (point.name for point in self._offered())
        return tuple(dict.fromkeys([*self._all(), *offered]))

    def __getitem__(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            PoseFlowError: If there is none.
        """
        if name in self._all():
            return self._all()[name]
        for point in self._offered(name=name):
            entry: Entry = point.load()
            return entry
        raise self._error(
            f"unknown {self._kind} {name!r}; known are {', '.join(self.names())}"
            f"{self._hint}"
        )

    def __iter__(self) -> Iterator[Entry]:
        """The registered entries, without those of installed packages."""
        return iter(self._all().values())

"""Images dealt into folds, alike for every task, so that a test split is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

Item = TypeVar("Item")


def dealt(items: Sequence[Item], folds: int, fold: Sequence[int]) -> list[Item]:
    """Items of some of the folds, in their order.

    Args:
        items: Dealt one by one: the first to fold 0, the second to fold 1, and so on.
        folds: How many folds there are.
        fold: Those that are kept, from 0.

    Examples:
        >>> dealt("abcdefg", 3, (0, 2))
        ['a', 'c', 'd', 'f', 'g']
    """
    kept = set(fold)
    return [item for place, item in enumerate(items) if place % folds in kept]


def dealt_by_id(
    images: Sequence[dict[str, Any]], folds: int, fold: Sequence[int]
) -> list[dict[str, Any]]:
    """COCO's images of some of the folds, in order of their ids, numbers or names."""
    return dealt(sorted(images, key=lambda i: str(i["id"]).zfill(20)), folds, fold)

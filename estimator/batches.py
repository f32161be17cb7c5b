"""Batches that shrink when the device's memory is not enough for them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from poseflow.errors import PoseFlowError

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batches:
    """Runs a network over items, so many at once.

    Args:
        size: Items at once. Halved, for good, whenever the device runs out of memory.
        what: What the items are called in the warning about that.

    Attributes:
        size: Items at once, as of now.

    Raises:
        PoseFlowError: If the size is below 1.

    Examples:
        >>> Batches(2).map("abc", lambda part: [len(part)] * len(part))
        [2, 2, 1]
    """

    def __init__(self, size: int, what: str = "images") -> None:
        if size < 1:
            raise PoseFlowError(f"batch_size: expected at least 1, got {size}")
        self.size = size
        self.what = what

    def map(
        self, items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Answer]]
    ) -> list[Answer]:
        """The answers for all items, in their order.

        Args:
            items: Any number of them.
            work: Gives one answer for each item of a part.

        Raises:
            Exception: What `work` raises, unless that is about memory and the part has
                more than one item.
        """
        answers: list[Answer] = []
        while len(answers) < len(items):
            part = items[len(answers) : len(answers) + self.size]
            found = None
            try:
                found = work(part)
            except Exception as error:
                if not _out_of_memory(error) or len(part) == 1:
                    raise
            # Not in the handler: the exception holds on to the memory.
            if found is None:
                self._halve(len(part))
            else:
                answers += found
        return answers

    def _halve(self, tried: int) -> None:
        self.size = max(tried // 2, 1)
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()
        warnings.warn(
            f"out of memory with {tried} {self.what} at once; going on with "
            f"{self.size}",
            stacklevel=4,
        )


def _out_of_memory(error: Exception) -> bool:
    """Whether torch or onnxruntime say that the device's memory was not enough."""
    text = str(error).lower()
    return "out of memory" in text or "failed to allocate memory" in text

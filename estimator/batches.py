"""Batch sizes that are halved when the device runs out of memory."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from poseflow.validation import require

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches:
    """Applies a function to items batch by batch.

    Args:
        size: Items at once. Halved, for good, whenever the device runs out of memory.
        what: What the warning about that calls the items.

    Attributes:
        size: Items at once, as of now.

    Raises:
        PoseFlowError: If the size is below 1.

    Examples:
        >>> Batches(2).map("abc", lambda part: [len(part)] * len(part))
        [2, 2, 1]
    """

    def __init__(self, size: int, what: str = "images") -> None:
        require("batch_size", size, 1, whole=True)
        self.size = size
        self.what = what

    def map(
        self, items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]
    ) -> list[Result]:
        """The results for all items, in their order.

        Args:
            items: Any number of them.
            work: Gives one result for each item of a part.

        Raises:
            Exception: What `work` raises, unless that is about memory and the part has
                more than one item.
        """
        results: list[Result] = []
        while len(results) < len(items):
            part = items[len(results) : len(results) + self.size]
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
                results += found
        return results

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


OUT_OF_MEMORY = (
    "out of memory",  # torch on a GPU
    "failed to allocate memory",  # onnxruntime
    "can't allocate memory",  # torch on a CPU
    "insufficient memory",  # OpenCV
    "bad_alloc",
)


def _out_of_memory(error: Exception) -> bool:
    """Whether an error of a library is about memory."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY)

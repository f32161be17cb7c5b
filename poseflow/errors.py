"""Exceptions and warnings of poseflow.

All exceptions are `ValueError`s, so that callers can catch them without importing
poseflow. Messages name the place, what was expected, what was found, and how to mend
it; the command line prints the message without a traceback.
"""

from __future__ import annotations


class PoseFlowError(ValueError):
    """Base of all: a bad argument, a bad file, a missing extra."""


class FormatError(PoseFlowError):
    """A file of poses or annotations that cannot be read, or a result not writable."""


class SourceError(PoseFlowError):
    """A video, image folder or stream that yields no usable frame."""


class StreamLostError(SourceError):
    """A live stream that ended and did not come back; its frames were delivered."""


class MissingExtraError(PoseFlowError, ImportError):
    """An optional dependency is needed; the message says what to install."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed: "
            f"pip install 'poseflow[{extra}]'"
        )


class SourceWarning(UserWarning):
    """Part of a video, folder or stream was unusable; the rest was delivered."""

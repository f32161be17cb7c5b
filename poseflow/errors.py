"""The exceptions that poseflow raises on purpose.

All of them are `ValueError`s, so that callers who know nothing of poseflow can still
catch them; all of them carry a message that names the place, what was expected, what
came, and how to mend it. The command line prints that message and no traceback.
"""

from __future__ import annotations


class PoseFlowError(ValueError):
    """Anything poseflow refuses: a bad argument, a bad file, a missing extra."""


class FormatError(PoseFlowError):
    """A file of poses or annotations that cannot be read, or a result not writable."""


class SourceError(PoseFlowError):
    """A video, image folder or stream that yields no usable frame."""


class MissingExtraError(PoseFlowError, ImportError):
    """An optional dependency is needed; the message says what to install."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed: "
            f"pip install 'poseflow[{extra}]'"
        )


class SourceWarning(UserWarning):
    """Part of a video, folder or stream was unusable; the rest was delivered."""

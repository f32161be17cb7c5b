"""Read frames from any source; write videos and folders of images.

Examples:
    >>> import numpy as np
    >>> from poseflow.video import open_source
    >>> with open_source([np.zeros((48, 64, 3), np.uint8)] * 2, fps=10) as source:
    ...     [(frame.index, frame.time, frame.name) for frame in source]
    [(0, 0.0, '000000.jpg'), (1, 0.1, '000001.jpg')]
"""

from __future__ import annotations

from poseflow.video.frame_range import FrameRange
from poseflow.video.open import open_source
from poseflow.video.source import DEFAULT_FPS, Source, SourceFrame
from poseflow.video.writer import ImageWriter, VideoWriter, Writer, open_writer

__all__ = [
    "DEFAULT_FPS",
    "FrameRange",
    "ImageWriter",
    "Source",
    "SourceFrame",
    "VideoWriter",
    "Writer",
    "open_source",
    "open_writer",
]

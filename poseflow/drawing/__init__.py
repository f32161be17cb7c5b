"""Drawing: overlays of tracked poses, and contact sheets of images.

Examples:
    >>> import numpy as np
    >>> from poseflow import Poses
    >>> from poseflow.drawing import Overlay
    >>> image = np.zeros((90, 120, 3), np.uint8)
    >>> person = Poses(np.random.default_rng(0).uniform(20, 80, (1, 17, 2)))
    >>> Overlay().draw(image, person.replace(track_ids=[3])).shape, int(image.max())
    ((90, 120, 3), 0)
"""

from __future__ import annotations

from poseflow.drawing.contact_sheet import SheetSamples, contact_sheet
from poseflow.drawing.overlay import Overlay
from poseflow.drawing.palette import identity_colors
from poseflow.drawing.privacy import Privacy
from poseflow.drawing.timeline import draw_timeline

__all__ = [
    "Overlay",
    "Privacy",
    "SheetSamples",
    "contact_sheet",
    "draw_timeline",
    "identity_colors",
]

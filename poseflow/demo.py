"""`poseflow demo`: a rendered street, noisy poses, tracked, drawn and scored."""

from __future__ import annotations

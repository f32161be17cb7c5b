"""Corrections of tracks: merge, split, swap, delete and name, on a `PoseSequence`.

Every function takes a sequence and returns a corrected one; the sequence that it gets
stays as it was. `apply` makes many corrections in one pass.

Examples:
    >>> import numpy as np
    >>> from poseflow import Frame, Poses, PoseSequence, edit
    >>> ids = [1, 1, 2, 2]  # one person, who got a second id
    >>> frames = [
    ...     Frame(t, t / 25, Poses(np.full((1, 17, 2), 9.0), track_ids=[i]))
    ...     for t, i in enumerate(ids)
    ... ]
    >>> sequence = PoseSequence.collect(frames)
    >>> edit.merge(sequence, 1, 2).track_ids.tolist()
    [1]
    >>> edit.split(sequence, 1, frame=1).track_ids.tolist()
    [1, 2, 3]
    >>> edit.name(sequence, 2, "Anna").names
    {2: 'Anna'}
"""

from __future__ import annotations

from poseflow.edit.changes import (
    Correction,
    Delete,
    Merge,
    Name,
    Split,
    Swap,
    apply,
    delete,
    fingerprint,
    merge,
    name,
    split,
    swap,
)

__all__ = [
    "Correction",
    "Delete",
    "Merge",
    "Name",
    "Split",
    "Swap",
    "apply",
    "delete",
    "fingerprint",
    "merge",
    "name",
    "split",
    "swap",
]

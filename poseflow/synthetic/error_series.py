"""Random series of pose errors over time: correlated noise and bursts, by joint."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from poseflow.arrays import Bools, Floats
from poseflow.skeletons.skeleton import Skeleton

# Jitter relative to the average joint, and loss of the score in logits.
_JOINTS = {
    "nose": (0.75, 0.35),
    "eye": (0.7, 0.6),
    "ear": (0.8, 1.2),
    "head_top": (0.9, -0.2),
    "head_bottom": (0.8, -0.8),
    "neck": (0.8, -0.9),
    "shoulder": (0.9, -1.4),
    "elbow": (1.0, -0.1),
    "wrist": (1.25, 0.7),
    "hip": (1.05, -1.0),
    "knee": (1.0, 0.35),
    "ankle": (1.05, 0.75),
}


def joint_table(skeleton: Skeleton) -> tuple[Floats, Floats]:
    """Jitter factor and score loss (logits) of every joint, `(K,)` each."""
    rows = []
    for joint in skeleton.joints:
        plain = joint.removeprefix("left_").removeprefix("right_")
        rows.append(_JOINTS.get(plain, (1.0, 0.1)))
    table = np.array(rows)
    return table[:, 0], table[:, 1]


def correlated(
    rng: np.random.Generator, shape: tuple[int, ...], persistence: float
) -> Floats:
    """Standard normal AR(1) series along axis 0; `persistence` is its correlation."""
    noise = rng.normal(size=shape)
    if persistence == 0 or shape[0] == 0:
        return noise
    noise[1:] *= np.sqrt(1 - persistence**2)
    return np.asarray(lfilter([1.0], [1.0, -persistence], noise, axis=0))


def bursts(rng: np.random.Generator, chance: Floats, length: float) -> Bools:
    """On/off states in bursts: a two-state Markov chain along axis 0.

    Args:
        rng: Random generator.
        chance: `(T, ...)` share of time in the state on, in [0, 1).
        length: Mean length of a burst in frames.
    """
    enter = chance / length / np.maximum(1 - chance, 1e-9)
    # Where gaps would have to be shorter than a frame, bursts are longer instead.
    leave = np.where(enter > 1, (1 - chance) / np.maximum(chance, 1e-9), 1 / length)
    dice = rng.random(chance.shape)
    out = np.zeros(chance.shape, bool)
    if len(chance) == 0:
        return out
    out[0] = dice[0] < chance[0]
    for t in range(1, len(chance)):
        out[t] = np.where(out[t - 1], dice[t] >= leave[t], dice[t] < enter[t])
        # Where the chance is 0, no burst goes on.
        out[t] &= chance[t] > 0
    return out

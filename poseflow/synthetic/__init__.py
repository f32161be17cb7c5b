"""Synthetic scenes: rendered people with exact ground truth, and pose noise.

Examples:
    >>> from poseflow import synthetic
    >>> scene = synthetic.make_scene("crowd", seed=2, frames=10, size=(640, 360))
    >>> truth = scene.truth()
    >>> noisy = synthetic.NoiseModel.preset("detector").apply(truth, seed=2)
    >>> len(truth), len(noisy), noisy.track_ids.tolist()
    (10, 10, [])
"""

from __future__ import annotations

from poseflow.synthetic.animals import ANIMALS, AnimalConfig, make_animals
from poseflow.synthetic.annotation import (
    MIN_VISIBLE,
    NO_OCCLUDER,
    OCCLUDED,
    OCCLUDED_SCORE,
    OUTSIDE,
    PROP_OCCLUDER,
    VISIBLE,
    Annotation,
)
from poseflow.synthetic.body import POINTS, Body
from poseflow.synthetic.camera import Camera, CameraPath
from poseflow.synthetic.config import PRESETS, SceneConfig, random_config
from poseflow.synthetic.noise import NOISE_PRESETS, Corruption, NoiseModel
from poseflow.synthetic.posetrack import write_posetrack
from poseflow.synthetic.scene import Scene, make_scene

__all__ = [
    "ANIMALS",
    "MIN_VISIBLE",
    "NOISE_PRESETS",
    "NO_OCCLUDER",
    "OCCLUDED",
    "OCCLUDED_SCORE",
    "OUTSIDE",
    "POINTS",
    "PRESETS",
    "PROP_OCCLUDER",
    "VISIBLE",
    "AnimalConfig",
    "Annotation",
    "Body",
    "Camera",
    "CameraPath",
    "Corruption",
    "NoiseModel",
    "Scene",
    "SceneConfig",
    "make_animals",
    "make_scene",
    "random_config",
    "write_posetrack",
]

"""BlazePose: the 33 joints of mediapipe's pose landmarker.

Source: MediaPipe, "Pose landmark detection", model card; Bazarevsky et al., "BlazePose"
(2020). `left_mouth` is mediapipe's `mouth_left`; `left_foot_index` the tip of the foot;
`left_pinky`, `left_index` and `left_thumb` are knuckles.
"""

from __future__ import annotations

from poseflow.skeletons.parts import ARMS, LEGS, SIGMAS, TRUNK, both, pairs_of
from poseflow.skeletons.skeleton import Skeleton

_JOINTS = (
    "nose",
    *(
        f"{side}_{eye}"
        for side in ("left", "right")
        for eye in ("eye_inner", "eye", "eye_outer")
    ),
    *pairs_of("ear", "mouth", "shoulder", "elbow", "wrist"),
    *pairs_of("pinky", "index", "thumb", "hip", "knee", "ankle", "heel", "foot_index"),
)

_SIGMAS = SIGMAS | {
    f"{side}_{joint}": sigma
    for side in ("left", "right")
    for joint, sigma in {
        "eye_inner": 0.025,
        "eye_outer": 0.025,
        "mouth": 0.008,
        "pinky": 0.020,
        "index": 0.026,
        "thumb": 0.035,
        "foot_index": SIGMAS[f"{side}_big_toe"],
    }.items()
}

BLAZEPOSE33 = Skeleton(
    name="blazepose33",
    joints=_JOINTS,
    limbs=(
        ("nose", "left_eye_inner"),
        ("nose", "right_eye_inner"),
        *both(("eye_inner", "eye"), ("eye", "eye_outer"), ("eye_outer", "ear")),
        ("left_mouth", "right_mouth"),
        ("left_shoulder", "right_shoulder"),
        *ARMS,
        *both(("wrist", "pinky"), ("wrist", "index"), ("wrist", "thumb")),
        *both(("pinky", "index")),
        *TRUNK,
        *LEGS,
        *both(("ankle", "heel"), ("heel", "foot_index"), ("ankle", "foot_index")),
    ),
    sigmas=tuple(_SIGMAS[joint] for joint in _JOINTS),
    sigmas_source=(
        "derived: COCO's for the same joint; corners of the eyes as the eyes; mouth, "
        "hands and feet from COCO-WholeBody (corners of the lips, knuckles, big toe)"
    ),
)

"""MPII Human Pose: 16 joints, and Leeds Sports Pose: the 14 they have in common.

MPII's `upper_neck` and LSP's `neck` sit where PoseTrack has `head_bottom`; MPII's
`thorax` lies between the shoulders, where OpenPose and Halpe have their `neck`.
Sources: Andriluka et al., CVPR 2014; Johnson and Everingham, BMVC 2010 / CVPR 2011.
"""

from __future__ import annotations

from poseflow.skeletons.parts import (
    ARM_JOINTS,
    ARMS,
    LEG_JOINTS,
    LEGS,
    SIGMAS_SOURCE,
    TRUNK,
    sigmas_of,
)
from poseflow.skeletons.skeleton import Skeleton

_MPII = (*LEG_JOINTS, "pelvis", "thorax", "upper_neck", "head_top", *ARM_JOINTS)
_LSP = (*LEG_JOINTS, *ARM_JOINTS, "neck", "head_top")

MPII16 = Skeleton(
    name="mpii16",
    joints=_MPII,
    limbs=(
        *LEGS,
        ("left_hip", "pelvis"),
        ("right_hip", "pelvis"),
        ("pelvis", "thorax"),
        ("thorax", "upper_neck"),
        ("upper_neck", "head_top"),
        ("thorax", "left_shoulder"),
        ("thorax", "right_shoulder"),
        *ARMS,
    ),
    sigmas=sigmas_of(_MPII),
    sigmas_source=SIGMAS_SOURCE,
)

LSP14 = Skeleton(
    name="lsp14",
    joints=_LSP,
    limbs=(
        *LEGS,
        *TRUNK,
        ("neck", "left_shoulder"),
        ("neck", "right_shoulder"),
        ("neck", "head_top"),
        *ARMS,
    ),
    sigmas=sigmas_of(_LSP),
    sigmas_source=SIGMAS_SOURCE,
)

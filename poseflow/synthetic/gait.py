"""Gait model: the points of a walking or dancing body in space, from its route.

Feet are planted: in stance the ball of the foot does not move, the heel strikes first
and lifts before the toes, and the leg follows by two-bone inverse kinematics, so that
feet do not slide. Stance takes 60 % of a stride (Winter 2009, ch. 1); the arms swing
against the legs; pelvis and shoulders counter-rotate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Floats
from poseflow.synthetic import body as b
from poseflow.synthetic.body import POINT, POINTS, Body
from poseflow.synthetic.routes import Route

STANCE = 0.6
# How far, in strides, the planted foot is ahead of the hip when the heel strikes.
LEAD = 0.25


@dataclass(frozen=True)
class Manner:
    """Gestures besides walking, amounts in [0, 1].

    Attributes:
        dance: Arms and hips follow a beat.
        wave: Raises the `wave_side` hand and waves (+1 left, -1 right).
        wave_side: Side of the waving hand.
        phone: Holds a phone before the face with the right hand.
        style: Three phases in radians that vary dance and glances.
    """

    dance: float = 0.0
    wave: float = 0.0
    wave_side: int = 1
    phone: float = 0.0
    style: tuple[float, float, float] = (0.0, 0.0, 0.0)


def body_points(body: Body, route: Route, manner: Manner, times: Floats) -> Floats:
    """Positions of the body's points.

    Args:
        body: Proportions.
        route: Path over the ground.
        manner: Gestures on the way.
        times: Seconds `(T,)`.

    Returns:
        `(T, J, 3)` metres in the order of `POINTS`: x right, y up, z away.
    """
    h = body.height
    n = len(times)
    x, z = route.at(route.x, times), route.at(route.z, times)
    heading = route.at(route.heading, times)
    stride = route.at(route.stride, times)
    pace = route.at(route.pace, times)
    walk = _smoothstep(pace / 0.45)
    swing = walk * np.clip(pace / body.walk_speed, 0.4, 1.4)
    if manner.dance:
        walk = np.maximum(walk, manner.dance)
    beat = 2 * np.pi * stride

    out = np.empty((n, len(POINTS), 3))
    forward, left = _directions(heading)
    up = np.array([0.0, 1.0, 0.0])

    # Pelvis: lower and bobbing twice a stride when walking, over the standing foot.
    hip = body.hip_height
    drop = (0.0185 - 0.018 * np.cos(2 * beat - 3.77)) * swing * h / 1.7
    drop = drop + manner.dance * 0.03 * (1 + np.cos(2 * beat + manner.style[0]))
    sway = 0.018 * swing * np.cos(beat - 1.885)
    sway = sway + manner.dance * 0.06 * np.sin(beat + manner.style[1])
    sway = sway + 0.008 * np.sin(0.9 * times + manner.style[2])
    pelvis = np.stack([x, hip - drop, z], axis=1) + left * sway[:, None]
    turn = -0.09 * swing * np.cos(beat) + manner.dance * 0.25 * np.sin(beat)
    _, hip_left = _directions(heading + turn)
    half = b.HIP_HALF * body.hips * h
    out[:, POINT["pelvis"]] = pelvis
    for side, name in ((1, "left"), (-1, "right")):
        joint = pelvis + side * half * hip_left
        out[:, POINT[f"{name}_hip"]] = joint
        _leg(out, body, route, manner, side, name, joint, stride, heading, walk)

    # Trunk: leans forward with the pace, the shoulders turn against the hips.
    lean = body.lean + 0.05 * np.clip(pace - 1.0, 0, 1)
    lean = lean + manner.dance * 0.08 * np.sin(beat + manner.style[2])
    roll = 0.03 * swing * np.cos(beat) + manner.dance * 0.14 * np.sin(
        beat + manner.style[1] + 1
    )
    axis = _unit(up + forward * lean[:, None] + left * roll[:, None])
    trunk = (b.SHOULDER - b.HIP * body.legs) * h
    thorax = pelvis + axis * trunk
    twist = heading + 0.11 * swing * np.cos(beat) - manner.dance * 0.3 * np.sin(beat)
    chest_forward, chest_left = _directions(twist)
    chest_left = _unit(chest_left - axis * _dot(chest_left, axis))
    half = b.SHOULDER_HALF * body.shoulders * h
    out[:, POINT["thorax"]] = thorax - axis * 0.01 * h
    out[:, POINT["neck"]] = thorax + axis * 0.012 * h
    arms = _arm_angles(body, manner, beat, swing, times)
    for side, name in ((1, "left"), (-1, "right")):
        shoulder = thorax + side * half * chest_left - axis * 0.012 * h
        out[:, POINT[f"{name}_shoulder"]] = shoulder
        _arm(out, h, side, name, shoulder, chest_forward, chest_left, *arms[name])

    _head(out, h, thorax, axis, heading, manner, times)
    return out


def _leg(
    out: Floats,
    body: Body,
    route: Route,
    manner: Manner,
    side: int,
    name: str,
    hip: Floats,
    stride: Floats,
    heading: Floats,
    walk: Floats,
) -> None:
    """Plant or swing one foot, then bend the knee to reach it."""
    h = body.height
    offset = 0.0 if side > 0 else 0.5
    own = stride + offset
    cycle = np.floor(own)
    u = own - cycle
    width = side * (0.055 * body.stance + 0.07 * manner.dance) * h / 1.7
    heel_to_ball, ankle_to_ball = 0.72 * b.FOOT * h, 0.085 * h

    def planted(number: Floats) -> tuple[Floats, Floats]:
        """Ball of the foot and its heading in the stance of that stride."""
        where = number - offset + LEAD
        yaw = route.at_stride(route.heading, where) + side * 0.12
        ahead, across = _directions(yaw)
        ground = np.zeros((len(number), 3))
        ground[:, 0] = route.at_stride(route.x, where)
        ground[:, 2] = route.at_stride(route.z, where)
        return ground + across * width + ahead * ankle_to_ball, yaw

    here, yaw = planted(cycle)
    there, next_yaw = planted(cycle + 1)
    s = np.clip(u / STANCE, 0, 1)
    v = np.clip((u - STANCE) / (1 - STANCE), 0, 1)
    go = _smoothstep(v)
    ball = here + (there - here) * go[:, None]
    yaw = yaw + (next_yaw - yaw) * go
    # Pitch of the foot, heel up positive: strike toes up, flat, roll off, swing.
    roll_off = 0.75 * _smoothstep((s - 0.55) / 0.45)
    strike = -0.32 * (1 - _smoothstep(s / 0.14))
    air = 0.75 + 0.25 * np.sin(np.pi * np.clip(v / 0.4, 0, 1)) - 1.07 * _smoothstep(v)
    pitch = np.where(u < STANCE, strike + roll_off, air)
    length = np.hypot(there[:, 0] - here[:, 0], there[:, 2] - here[:, 2])
    briskness = np.clip(length / (0.5 * h), 0, 1)
    if manner.dance:
        briskness = np.maximum(briskness, 0.5 * manner.dance)
    lift = np.where(u < STANCE, 0, 0.035 * h * np.sin(np.pi * v)) * briskness
    pitch = pitch * briskness

    # A standing person has both feet on the ground beside each other.
    ahead, across = _directions(heading + side * 0.15)
    rest = np.zeros_like(ball)
    rest[:, [0, 2]] = hip[:, [0, 2]]
    rest += across * (side * 0.02 * body.stance * h)
    rest += ahead * (ankle_to_ball - 0.01 * h)
    ball = rest + (ball - rest) * walk[:, None]
    yaw = heading + side * 0.15 + (yaw - heading - side * 0.15) * walk
    pitch, lift = pitch * walk, lift * walk

    ahead, across = _directions(yaw)
    raised = np.maximum(-np.sin(pitch), 0) * heel_to_ball + lift
    ball[:, 1] = raised + 0.008 * h
    back = np.cos(pitch)[:, None] * ahead * -1
    back[:, 1] += np.sin(pitch)
    sole_up = np.sin(pitch)[:, None] * ahead
    sole_up[:, 1] += np.cos(pitch)
    ankle = ball + back * ankle_to_ball + sole_up * (b.ANKLE * h)
    heel = ball + back * heel_to_ball
    toes = ahead * np.cos(np.minimum(pitch, 0))[:, None]
    toes[:, 1] -= np.sin(np.minimum(pitch, 0))
    toe = ball + toes * (0.25 * b.FOOT * h)
    thigh = (b.HIP * body.legs - b.KNEE) * h
    knee = _bend(hip, ankle, thigh, (b.KNEE - b.ANKLE) * h, ahead)
    out[:, POINT[f"{name}_knee"]] = knee
    out[:, POINT[f"{name}_ankle"]] = ankle
    out[:, POINT[f"{name}_heel"]] = heel
    out[:, POINT[f"{name}_big_toe"]] = toe - across * (side * 0.012 * h)
    out[:, POINT[f"{name}_small_toe"]] = (
        toe + across * (side * 0.022 * h) - ahead * (0.02 * h)
    )


def _bend(
    root: Floats, end: Floats, upper: float, lower: float, towards: Floats
) -> Floats:
    """Middle joint of a two-bone limb from `root` to `end`, bent `towards`."""
    span = end - root
    reach = np.linalg.norm(span, axis=1)
    direction = span / np.maximum(reach, 1e-9)[:, None]
    # An overstretched limb is straight and keeps its end in place.
    along = np.where(
        reach < upper + lower,
        (reach**2 + upper**2 - lower**2) / (2 * np.maximum(reach, 1e-9)),
        reach * upper / (upper + lower),
    )
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    aside = np.where(reach < upper + lower, aside, 0)
    bend = _unit(towards - direction * _dot(towards, direction))
    return np.asarray(root + direction * along[:, None] + bend * aside[:, None])


def _arm_angles(
    body: Body, manner: Manner, beat: Floats, swing: Floats, times: Floats
) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Shoulder flexion, abduction and elbow bend in radians for each side."""
    angles = {}
    for side, name in ((1, "left"), (-1, "right")):
        opposed = -side * np.cos(beat + 0.15)
        flexion = body.arm_swing * swing * opposed - 0.05
        bend = body.arm_bend[0 if side > 0 else 1]
        stiff = 0.35 if bend > 1 else 1.0
        flexion = flexion * stiff
        abduction = np.full(len(beat), 0.1 + 0.05 * body.girth)
        elbow = bend + 0.16 * swing * (1 + opposed) * stiff
        if manner.dance:
            a, c, d = manner.style
            slow = np.sin(0.25 * beat + a + side)
            flexion = flexion * (1 - manner.dance) + manner.dance * (
                0.7 + 0.7 * slow + 0.5 * np.sin(beat + c * side)
            )
            abduction = abduction + manner.dance * (
                0.5 + 0.45 * np.sin(0.5 * beat + d + 1.3 * side)
            )
            elbow = elbow * (1 - manner.dance) + manner.dance * (
                1.1 + 0.6 * np.sin(beat + a * side + 1)
            )
        if manner.wave and side == manner.wave_side:
            amount = manner.wave * _smoothstep(
                np.sin(2 * np.pi * times / 7 + manner.style[0]) * 3
            )
            flexion = flexion * (1 - amount) + 0.5 * amount
            abduction = abduction * (1 - amount) + 1.5 * amount
            shake = 1.5 + 0.45 * np.sin(2 * np.pi * 1.6 * times)
            elbow = elbow * (1 - amount) + shake * amount
        if manner.phone and side < 0:
            flexion = flexion * (1 - manner.phone) + 0.55 * manner.phone
            elbow = elbow * (1 - manner.phone) + 2.0 * manner.phone
        angles[name] = (flexion, abduction, np.clip(elbow, 0.05, 2.4))
    return angles


def _arm(
    out: Floats,
    h: float,
    side: int,
    name: str,
    shoulder: Floats,
    forward: Floats,
    left: Floats,
    flexion: Floats,
    abduction: Floats,
    elbow: Floats,
) -> None:
    """Place one arm."""
    outward = left * side
    down = np.array([0.0, -1.0, 0.0])

    def ray(angle: Floats) -> Floats:
        """Unit vector at that flexion: 0 hangs down, a quarter turn points ahead."""
        plane = down * np.cos(angle)[:, None] + forward * np.sin(angle)[:, None]
        return _unit(
            plane * np.cos(abduction)[:, None] + outward * np.sin(abduction)[:, None]
        )

    upper = ray(flexion)
    # The forearm bends in front of the body and a little inward.
    lower = ray(flexion + elbow)
    inward = np.sin(elbow) * np.clip(0.5 + 0.2 * np.cos(flexion), 0, 1) * 0.55
    lower = _unit(lower - outward * inward[:, None] * (abduction < 0.8)[:, None])
    out[:, POINT[f"{name}_elbow"]] = joint = shoulder + upper * (b.UPPER_ARM * h)
    out[:, POINT[f"{name}_wrist"]] = wrist = joint + lower * (b.FOREARM * h)
    out[:, POINT[f"{name}_hand"]] = wrist + lower * (0.85 * b.HAND * h)


def _head(
    out: Floats,
    h: float,
    thorax: Floats,
    axis: Floats,
    heading: Floats,
    manner: Manner,
    times: Floats,
) -> None:
    """Place the head, which glances around slowly."""
    a, c, _ = manner.style
    glance = 0.28 * np.sin(0.55 * times + a) * np.sin(0.21 * times + c)
    nod = 0.06 + 0.3 * manner.phone + 0.05 * np.sin(0.4 * times + c)
    ahead, left = _directions(heading + glance * (1 - manner.phone))
    up = _unit(np.array([0.0, 1.0, 0.0]) + 0.4 * axis)
    bottom = thorax + up * (0.058 * h) + ahead * (0.012 * h)
    skull = _unit(up + ahead * np.tan(nod)[:, None])
    face = _unit(ahead - skull * _dot(ahead, skull))
    side = _unit(left - skull * _dot(left, skull))
    centre = bottom + skull * (0.062 * h) + face * (0.008 * h)
    out[:, POINT["head_bottom"]] = bottom
    out[:, POINT["head"]] = centre
    out[:, POINT["head_top"]] = bottom + skull * (0.125 * h)
    out[:, POINT["nose"]] = centre + face * (0.056 * h) - skull * (0.012 * h)
    for sign, name in ((1, "left"), (-1, "right")):
        eye = face * 0.047 + side * (sign * 0.018) + skull * 0.01
        ear = face * -0.004 + side * (sign * 0.043) - skull * 0.004
        out[:, POINT[f"{name}_eye"]] = centre + eye * h
        out[:, POINT[f"{name}_ear"]] = centre + ear * h


def _directions(heading: Floats) -> tuple[Floats, Floats]:
    """Unit vectors ahead and to the person's left, `(T, 3)` each."""
    zero = np.zeros_like(heading)
    sin, cos = np.sin(heading), np.cos(heading)
    return np.stack([sin, zero, -cos], 1), np.stack([cos, zero, sin], 1)


def _smoothstep(value: Any) -> Floats:
    """0 below 0, 1 above 1, smooth between."""
    t = np.clip(value, 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _dot(a: Floats, c: Floats) -> Floats:
    """Dot products of rows, `(T, 1)`."""
    return np.asarray((a * c).sum(axis=1, keepdims=True))


def _unit(vectors: Floats) -> Floats:
    """Rows scaled to length 1."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))

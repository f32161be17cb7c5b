"""Colours of identities: stable, and distinct by CIEDE2000, for colour-blind too."""

import numpy as np
import pytest

from poseflow.drawing import identity_colors

TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = np.array([0.95047, 1.0, 1.08883])

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
WITHOUT_RED_CONES = [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]
WITHOUT_GREEN_CONES = [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]


def lab(bgr, seen=None):
    """CIELAB of 8-bit BGR, D65, optionally as a colour-blind person sees it."""
    c = np.asarray(bgr)[..., ::-1] / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    if seen is not None:
        linear = np.clip(linear @ np.array(seen).T, 0, 1)
    ratio = linear @ TO_XYZ.T / WHITE
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one, two):
    """Colour difference (Sharma, Wu and Dalal, 2005)."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(two, -1, 0)
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    gain = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    c1, c2 = np.hypot(a1 * gain, b1), np.hypot(a2 * gain, b2)
    h1 = np.degrees(np.arctan2(b1, a1 * gain)) % 360
    h2 = np.degrees(np.arctan2(b2, a2 * gain)) % 360
    turn = np.where(c1 * c2 == 0, 0, (h2 - h1 + 180) % 360 - 180)
    dh = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, mean = (l1 + l2) / 2, (c1 + c2) / 2
    total = h1 + h2
    far = np.abs(h1 - h2) > 180
    hue = np.where(far, total + np.where(total < 360, 360, -360), total) / 2
    hue = np.where(c1 * c2 == 0, total, hue)

    def cos(factor, shift):
        return np.cos(np.radians(factor * hue + shift))

    t = 1 - 0.17 * cos(1, -30) + 0.24 * cos(2, 0) + 0.32 * cos(3, 6) - 0.2 * cos(4, -63)
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * mean, 1 + 0.015 * mean * t
    rotation = -2 * np.sqrt(mean**7 / (mean**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    parts = (l2 - l1) / sl, (c2 - c1) / sc, dh / sh
    return np.sqrt(sum(p**2 for p in parts) + rotation * parts[1] * parts[2])


def closest(colors):
    """Smallest difference of two of some colours in CIELAB."""
    apart = ciede2000(colors[:, None], colors[None])
    return apart[np.triu_indices(len(colors), 1)].min()


PUBLISHED = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "two", "expected"), PUBLISHED)
def test_the_measure_itself(one, two, expected):
    assert ciede2000(np.array(one), np.array(two)) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("first", [1, 2, 11, 25, 300])
def test_twenty_ids_are_fifteen_apart(first):
    assert closest(lab(identity_colors(range(first, first + 20)))) >= 15


def test_all_colours():
    colors = lab(identity_colors(range(1, 27)))
    assert closest(colors) >= 16.9
    grey = lab(identity_colors([-1]))
    assert ciede2000(colors, grey).min() >= 18
    assert colors[:, 0].min() >= 45  # shows on black
    assert colors[:, 0].max() <= 91  # shows on white


@pytest.mark.parametrize("seen", [WITHOUT_RED_CONES, WITHOUT_GREEN_CONES])
def test_order_for_colour_blind_people(seen):
    assert closest(lab(identity_colors(range(1, 9)), seen)) >= 15
    for first in range(1, 27):
        assert closest(lab(identity_colors(range(first, first + 5)), seen)) >= 10


def test_a_colour_depends_on_its_id_alone():
    """The colour of an id must not change from version to version."""
    assert identity_colors([1, 2, 3, 26, 27]).tolist() == [
        [255, 60, 150],
        [0, 255, 105],
        [15, 90, 165],
        [0, 180, 105],
        [255, 60, 150],
    ]
    assert identity_colors([]).shape == (0, 3)
    many = identity_colors(range(0, 500))
    assert np.array_equal(many[99], identity_colors([99])[0])
    assert len(set(identity_colors([-1])[0].tolist())) == 1

"""Sizes of MoveNet's inputs and outputs."""

STRIDE = 4
"""Input pixels per cell of the output."""

INPUT_MULTIPLE = 32
"""The sides of the input must be divisible by it."""

NUM_JOINTS = 17

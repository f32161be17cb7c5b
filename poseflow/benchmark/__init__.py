"""Benchmarks: speed and tracking quality, reported with the hardware."""

from __future__ import annotations

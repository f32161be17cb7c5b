"""Measurements that anyone can repeat: ratios and exponents, hardware beside them."""

from __future__ import annotations

"""Causes of lost HOTA, MOTA and IDF1: `--diagnose`."""

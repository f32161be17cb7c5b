"""Offline post-processing of tracks: stitching, gap filling and smoothing."""

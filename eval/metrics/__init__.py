"""Metrics as pure functions on arrays: CLEAR MOT, HOTA, IDF1, average precision."""

"""MoveNet as an estimator: decoding, presets, weights in the package."""

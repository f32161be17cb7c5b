"""Results compared on the same ground truth: `poseflow compare`."""

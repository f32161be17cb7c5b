"""`poseflow`: PF-Builder and PF-NMS of the Pose Flow paper (arXiv:1802.00977)."""

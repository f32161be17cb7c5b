"""Similarity of boxes and poses: IoU, OKS and the parametric distance of RMPE."""

"""Matchers: correspondences between frames by ORB, optical flow or from files."""

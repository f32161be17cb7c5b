"""Formats of other tools: OpenPose, MMPose, ultralytics, COCO, MOTChallenge, SLEAP."""

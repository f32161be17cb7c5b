"""PoseTrack 17, 18 and 21 files: reading, repairing and writing."""

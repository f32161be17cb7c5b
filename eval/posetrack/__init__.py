"""PoseTrack scoring: preparation, PCKh, mAP and MOTA of PoseTrack 17, 18 and 21."""

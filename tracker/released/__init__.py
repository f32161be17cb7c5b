"""The tracker `released`: the association that the authors of PoseFlow released."""

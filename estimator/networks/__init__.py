"""Network architectures: FastPose, SmallPose, CenterNet, spatial transformer."""

"""Training of the person detector: boxes instead of joints, composed scenes."""

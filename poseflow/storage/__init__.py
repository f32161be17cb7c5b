"""Output on disk: atomic files and folders, locks, segments, protection of inputs."""

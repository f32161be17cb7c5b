"""Person detectors, their registry, box NMS and letterboxing."""

"""Files of poses in and out."""

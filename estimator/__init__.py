"""Images to poses."""

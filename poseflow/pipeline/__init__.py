"""The pipeline from a source to tracked frames and files."""

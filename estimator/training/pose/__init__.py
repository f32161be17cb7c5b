"""Training of top-down pose networks."""

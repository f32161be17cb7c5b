"""Training and validating pose networks."""

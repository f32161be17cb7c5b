"""JSON input and output: reading with the place of errors, and short numbers."""

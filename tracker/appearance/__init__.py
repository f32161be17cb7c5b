"""Appearance of people, and what distances between appearances mean."""

"""Painting of synthetic scenes: people, clothes, street and things."""

"""Poses to poses with identities."""

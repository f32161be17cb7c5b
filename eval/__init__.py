"""Poses with identities and ground truth to scores."""

"""Bounds on hostile input, redaction of credentials, and deferred signals."""

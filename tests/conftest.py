"""Hypothesis settings of all tests."""

from hypothesis import settings

# The same examples everywhere; `pytest --hypothesis-profile default` draws others.
settings.register_profile("same everywhere", derandomize=True)
settings.load_profile("same everywhere")

"""Settings of all tests: hypothesis profile, registries as they were."""

import pytest
from hypothesis import settings

from poseflow import skeletons

# The same examples everywhere; `pytest --hypothesis-profile default` draws others.
settings.register_profile("same everywhere", derandomize=True)
settings.load_profile("same everywhere")


@pytest.fixture(autouse=True)
def _same_skeletons(monkeypatch):
    """Skeletons that a test or a page of the docs registers are its own."""
    monkeypatch.setattr(
        skeletons._SKELETONS, "_entries", dict(skeletons._SKELETONS._entries)
    )

"""Scores of tracked boxes in MOTChallenge text."""

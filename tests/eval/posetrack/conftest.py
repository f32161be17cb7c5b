"""Fixtures of the tests of PoseTrack scoring."""

import json

import pytest

from poseflow.formats.posetrack.reader import parse_annotations


@pytest.fixture(scope="session")
def parse_sides():
    """Parse a case's JSON documents: annotations by sequence, of each side."""

    def parse(case):
        return [
            {
                name: parse_annotations(
                    json.dumps(document).encode(), name, f"{side}/{name}"
                )
                for name, document in (
                    (file.removesuffix(".json"), x) for file, x in case[side].items()
                )
            }
            for side in ("gt", "pred")
        ]

    return parse

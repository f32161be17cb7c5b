"""Selection of people by score, and of the best."""

import numpy as np
import pytest

from poseflow import Frame, PoseFlowError, Poses
from poseflow.pipeline.selection import Selection

SCORES = [0.5, 0.9, 0.1, 0.9, 0.3]


def people(scores=SCORES):
    points = np.ones((len(scores), 17, 2))
    ids = np.arange(len(scores))
    return Poses(points, scores=scores, track_ids=ids, skeleton="coco17")


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"score_threshold": 0.3}, [0, 1, 3, 4]),
        ({"max_people": 1}, [1]),
        ({"max_people": 3}, [0, 1, 3]),
        ({"max_people": 9}, [0, 1, 2, 3, 4]),
        ({"score_threshold": 0.6, "max_people": 3}, [1, 3]),
        ({"score_threshold": 2.0}, []),
    ],
)
def test_who_is_kept(options, kept):
    selection = Selection(**options)
    assert selection.of(people()).track_ids.tolist() == kept
    assert bool(selection) == bool(options)
    frames = selection.apply([Frame(3, 0.1, people()), Frame(4, 0.2, people([]))])
    assert [len(frame.poses) for frame in frames] == [len(kept), 0]


@pytest.mark.parametrize("options", [{"max_people": 0}, {"score_threshold": np.nan}])
def test_values_out_of_range(options):
    with pytest.raises(PoseFlowError, match=next(iter(options))):
        Selection(**options)

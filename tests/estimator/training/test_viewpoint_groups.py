"""Groups of people by stance and viewpoint, from the labelled torso."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from poseflow import Skeleton
from poseflow.estimator.training.config import load_config
from poseflow.estimator.training.pose.task import PoseTask
from poseflow.estimator.training.pose.viewpoint_groups import (
    BEHIND,
    CORNERS,
    group_people,
)
from poseflow.skeletons import get

CONFIGS = Path(__file__).parents[3] / "configs"
LSP = get("lsp14")
FRONT = np.array([[4, 0], [0, 0], [3, 8], [1, 8]], float)


def groups_of(corners, labelled=True, skeleton=LSP):
    truth = np.zeros((1, len(skeleton), 2))
    truth[0, [skeleton.index(joint) for joint in CORNERS]] = corners
    flags = np.full((1, len(skeleton)), labelled)
    return {name for name, mask in group_people(truth, flags, skeleton).items() if mask}


def turned(corners, degrees):
    angle = np.deg2rad(degrees)
    turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    return corners @ np.array(turn)


@pytest.mark.parametrize(
    ("degrees", "stance"),
    [(0, "upright"), (-40, "leaning"), (95, "lying"), (-90, "lying"), (180, None)],
)
@pytest.mark.parametrize("behind", [False, True])
def test_stance_and_side_do_not_depend_on_each_other(degrees, stance, behind):
    corners = FRONT * [-1, 1] if behind else FRONT
    side = "seen from behind" if behind else "seen from the front"
    expected = {stance or "upside down", side}
    if behind and stance == "upright":
        expected.add("upright, from behind")
    assert groups_of(turned(corners, degrees)) == expected


def test_narrow_torsos_are_seen_from_the_side():
    assert groups_of(FRONT * [0.2, 1]) == {"upright", "seen from the side"}


def test_unknown_torsos_are_in_no_group():
    assert groups_of(FRONT, labelled=False) == set()
    assert groups_of(np.zeros((4, 2))) == set(), "no length, no direction"
    empty = group_people(np.zeros((0, 14, 2)), np.zeros((0, 14), bool), LSP)
    assert all(mask.shape == (0,) for mask in empty.values())
    animal = Skeleton("animal", ("head", "tail"))
    assert group_people(np.zeros((1, 2, 2)), np.ones((1, 2), bool), animal) == {}


def test_people_seen_from_behind_are_repeated(tmp_path):
    street = {"format": "synthetic", "scenes": 4, "size": [320, 180], "least_height": 9}
    changes = [f"data.root={json.dumps(str(tmp_path))}", "data.validate=[]"]
    path = CONFIGS / "small" / "pose.yaml"
    changes.append(f"data.train={json.dumps([street])}")
    plain, more = (
        PoseTask(
            load_config(path, [*changes, f"data.repeat_behind={repeat}"]),
            torch.device("cpu"),
        ).samples.people
        for repeat in (1, 3)
    )
    skeleton = get("posetrack17")
    behind = group_people(plain.keypoints, plain.labelled, skeleton)[BEHIND]
    assert 0 < behind.sum() < len(plain)
    assert len(more) == len(plain) + 2 * behind.sum()
    assert (more.boxes[len(plain) :] == np.tile(plain.boxes[behind], (2, 1))).all()
    first = np.flatnonzero(behind)[0]
    again = more.image_files.read(int(more.image_of[len(plain)]))
    assert (again == plain.image_files.read(int(plain.image_of[first]))).all()

"""Object keypoint similarity: equal to pycocotools, and edge cases."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from poseflow.similarity.oks import oks
from poseflow.skeletons import COCO17


def test_equals_pycocotools():
    rng = np.random.default_rng(3)
    truth = rng.uniform(0, 200, (4, 17, 2))
    found = truth[rng.integers(0, 4, 6)] + rng.normal(0, 6, (6, 17, 2))
    areas = rng.uniform(500, 20_000, 4)
    visible = rng.random((4, 17)) < 0.7
    visible[:, 0] = True  # without a visible joint COCO compares boxes instead
    flags = visible.astype(float)
    gt = [
        {
            "id": k + 1,
            "image_id": 1,
            "category_id": 1,
            "iscrowd": 0,
            "area": areas[k],
            "bbox": [0, 0, 100, 100],
            "num_keypoints": int(visible[k].sum()),
            "keypoints": np.column_stack([truth[k], flags[k]]).ravel().tolist(),
        }
        for k in range(4)
    ]
    dt = [
        {
            "image_id": 1,
            "category_id": 1,
            "score": 1 - k / 10,
            "keypoints": np.column_stack([found[k], np.ones(17)]).ravel().tolist(),
        }
        for k in range(6)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": 1}],
            "categories": [{"id": 1, "name": "person"}],
            "annotations": gt,
        }
        coco.createIndex()
        scorer = COCOeval(coco, coco.loadRes(dt), "keypoints")
        scorer.evaluate()
    expected = scorer.ious[1, 1]
    ours = oks(truth, found, areas, COCO17.sigmas, visible)
    np.testing.assert_allclose(ours.T, expected, rtol=1e-12)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (2, 0)])
def test_no_people(n, m):
    a, b = np.zeros((n, 17, 2)), np.zeros((m, 17, 2))
    sigmas, present = COCO17.sigmas, np.ones((n, 17), bool)
    assert oks(a, b, np.ones(n), sigmas, present).shape == (n, m)


def test_without_a_joint_that_counts_it_is_zero():
    pose = np.zeros((1, 17, 2))
    none = np.zeros((1, 17), bool)
    assert oks(pose, pose, [100.0], COCO17.sigmas, none).item() == 0


def test_an_area_of_zero():
    pose = np.zeros((1, 17, 2))
    seen = np.ones((1, 17), bool)
    assert oks(pose, pose, [0.0], COCO17.sigmas, seen).item() == 1
    assert oks(pose, pose + 1, [0.0], COCO17.sigmas, seen).item() == 0


def test_areas_and_joints_per_pair():
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0, 50, (2, 17, 2)), rng.uniform(0, 50, (3, 17, 2))
    areas = rng.uniform(500, 900, (2, 3))
    present = rng.random((2, 3, 17)) < 0.5
    table = oks(a, b, areas, COCO17.sigmas, present)
    for i in range(2):
        for j in range(3):
            one = oks(
                a[i : i + 1],
                b[j : j + 1],
                areas[i, j : j + 1],
                COCO17.sigmas,
                present[i, j][None],
            )
            assert table[i, j] == pytest.approx(one.item(), abs=1e-15)


def test_scaling_the_image_changes_nothing():
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0, 50, (2, 17, 2)), rng.uniform(0, 50, (3, 17, 2))
    seen = np.ones((2, 17), bool)
    small = oks(a, b, np.array([900.0, 400]), COCO17.sigmas, seen)
    large = oks(7 * a, 7 * b, 49 * np.array([900.0, 400]), COCO17.sigmas, seen)
    np.testing.assert_allclose(small, large, rtol=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("area", [1.0, np.inf])
def test_huge_coordinates_have_similarity_zero(area):
    far = np.full((1, 2, 2), 1e300)
    there = np.ones((1, 2), bool)
    assert oks(far, -far, [area], [0.1, 0.1], there).tolist() == [[0.0]]

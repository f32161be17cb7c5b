"""strict mode: cases whose scores follow from the definitions."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import poseflow
from poseflow import Frame, Poses, PoseSequence
from poseflow.errors import FormatError
from poseflow.formats.posetrack.annotations import NO_ID, Annotations
from poseflow.formats.posetrack.reader import parse_annotations, read_posetrack

GOLDEN = Path(__file__).parents[2] / "golden"
CASES = [
    *("poseval/pt17_basic", "poseval/pt17_edge", "poseval/pt18_edge"),
    *("posetrack21/basic", "posetrack21/empty", "posetrack21/ties"),
]


def scene(frames, *, name="a", labelled=1, **fields):
    """Frames of people `(id, x, y)` or None, each a column of 15 joints."""
    annolist = []
    for number, people in enumerate(frames):
        rects = []
        for track, x, y in people:
            points = [{"id": [j], "x": [x], "y": [y + 20 * j]} for j in range(15)]
            rects.append(
                {
                    "track_id": [track],
                    # a diagonal of 50: a unit of 30, so that 15 pixels match
                    **{"x1": [0], "y1": [0], "x2": [30], "y2": [40]},
                    "annopoints": [{"point": points}],
                }
            )
        annolist.append(
            {
                "image": [{"name": f"{number:06d}.jpg"}],
                "annorect": rects,
                "is_labeled": [labelled],
            }
        )
    data = json.dumps({"annolist": annolist}).encode()
    return replace(parse_annotations(data, name, f"{name}.json"), **fields)


def figures(gt, pred, mode="strict"):
    report = poseflow.evaluate(gt, pred, mode)
    return tuple(
        round(float(value), 6) for value in (report.mean_ap, report.mota, report.motp)
    )


def keep(annotations: Annotations, rows) -> Annotations:
    """Only some of the people."""
    per_person = (
        *("frames", "track_ids", "keypoints", "scores", "flags", "has_points"),
        *("head_boxes", "head_sizes", "boxes", "pose_scores"),
    )
    return replace(
        annotations, **{name: getattr(annotations, name)[rows] for name in per_person}
    )


TWO = [[(1, 100, 50), (2, 400, 50)] for _ in range(10)]


@pytest.mark.parametrize("case", CASES)
def test_ground_truth_against_itself_is_perfect(case):
    gt = read_posetrack(GOLDEN / case / "gt")
    report = poseflow.evaluate(gt, gt, "strict")
    assert (report.mean_ap, report.mota, report.motp) == (100, 100, 100)
    for section in report.sections.values():
        for part in section.sequences.values():
            assert set(np.nan_to_num(part.joints["rec"], nan=100)) == {100}


def test_overlapping_people_are_still_perfect():
    gt = scene([[(1, 100, 50), (2, 104, 50), (3, 100, 50)]] * 4)
    assert figures(gt, gt) == (100, 100, 100)
    assert figures(gt, gt, "poseval")[0] < 100


def test_missed_ids_and_doubled_ids_are_perfect_against_themselves():
    gt = scene([[(1, 100, 50), (1, 300, 50)]] * 4)
    gt = replace(gt, track_ids=np.where(gt.frames == 2, NO_ID, gt.track_ids))
    assert figures(gt, gt) == (100, 100, 100)


def test_swapping_two_ids_in_one_frame_costs_two_switches_there_and_back():
    gt = scene(TWO)
    ids = gt.track_ids.copy()
    here = gt.frames == 4
    ids[here] = ids[here][::-1]
    report = poseflow.evaluate(gt, replace(gt, track_ids=ids), "strict")
    assert report["mot"].counts["num_switches"].tolist() == [4] * 15
    assert (report.mean_ap, report.motp) == (100, 100)
    assert report.mota == pytest.approx(100 * (1 - 4 / 20))
    assert report["mot"].counts["num_misses"].sum() == 0
    assert report["mot"].counts["num_false_positives"].sum() == 0


@pytest.mark.parametrize("frame", [0, 4, 9])
def test_deleting_a_frames_poses_costs_its_recall(frame):
    gt = scene(TWO)
    pred = keep(gt, gt.frames != frame)
    report = poseflow.evaluate(gt, pred, "strict")
    assert report.mean_ap == pytest.approx(90)
    assert report.mota == pytest.approx(90)
    assert report.motp == 100
    assert report["mot"].counts["num_misses"].tolist() == [2] * 15
    assert report["mot"].counts["num_switches"].sum() == 0
    assert report["mot"].joints["pre"][-1] == 100
    assert report["mot"].joints["rec"][-1] == pytest.approx(90)


def test_shifting_by_a_frame_changes_places_only():
    walk = [[(1, 100 + 3 * t, 50), (2, 700 - 3 * t, 50)] for t in range(10)]
    gt = scene(walk)
    pred = scene([walk[0], *walk[:-1]])
    report = poseflow.evaluate(gt, pred, "strict")
    # 3 pixels off is within reach: everything is found, but less exactly.
    assert (report.mean_ap, report.mota) == (100, 100)
    assert report.motp == pytest.approx(100 * (1 - 0.9 * 3 / 30))


def test_a_long_way_off_is_a_miss_and_a_false_positive():
    gt = scene(TWO)
    pred = scene([[(1, 100, 50), (2, 900, 50)]] * 10)
    report = poseflow.evaluate(gt, pred, "strict")
    assert report.mota == pytest.approx(0)
    assert report["mot"].counts["num_misses"].tolist() == [10] * 15
    assert report["mot"].counts["num_false_positives"].tolist() == [10] * 15


def test_unlabelled_frames_are_ignored():
    gt = scene(TWO)
    labelled = np.ones(10, np.int8)
    labelled[[0, 3, 9]] = 0
    gt = replace(gt, labelled=labelled)
    pred = keep(gt, ~np.isin(gt.frames, [0, 3, 9]))
    assert figures(gt, pred) == (100, 100, 100)
    assert figures(gt, gt) == (100, 100, 100)


def test_labelled_frames_without_people_count_what_is_predicted():
    gt = scene([*TWO[:8], [], []])
    report = poseflow.evaluate(gt, scene(TWO), "strict")
    assert report["mot"].counts["num_false_positives"].tolist() == [4] * 15
    assert report.mota == pytest.approx(100 * (1 - 4 / 16))
    assert report["ap"].joints["pre"][-1] == pytest.approx(80)


def test_frames_are_found_by_name():
    gt = scene([[(t, 100 + 40 * t, 50)] for t in range(6)])
    order = [3, 1, 5]
    pred = keep(gt, np.isin(gt.frames, order))
    pred = replace(
        pred,
        image_names=tuple(f"elsewhere/{gt.image_names[k]}" for k in order),
        image_ids=np.arange(3),
        labelled=np.full(3, -1, np.int8),
        whole_numbers=np.zeros(3, bool),
        frames=np.array([0, 1, 2]),
        track_ids=gt.track_ids[order],
        keypoints=gt.keypoints[order],
    )
    report = poseflow.evaluate(gt, pred, "strict")
    assert report["mot"].counts["num_misses"].tolist() == [3] * 15
    assert report["mot"].counts["num_false_positives"].sum() == 0
    assert any("3 of the annotation's 6 frames" in str(p) for p in report.problems)


@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_equal_scores_do_not_depend_on_the_order_of_people(order):
    gt = scene([[(1, 100, 50)]] * 4)
    rows = [(1, 100, 50), (2, 500, 50)]
    pred = scene([rows if order == "forwards" else rows[::-1]] * 4)
    assert figures(gt, pred)[0] == 50


def test_regions_take_out_both_sides():
    gt = scene(TWO)
    corner = np.array([[300.0, -100], [600, -100], [600, 700], [300, 700]])
    gt = replace(gt, regions=(corner,) * 10, region_frames=np.arange(10))
    pred = scene([[(1, 100, 50), (2, 450, 50)]] * 10)
    assert figures(gt, pred) == (100, 100, 100)
    assert figures(replace(gt, regions=(), region_frames=np.zeros(0, int)), pred)[1] < 1


@pytest.mark.parametrize(
    ("mode", "missing"), [("strict", "empty"), (None, "empty"), ("poseval", None)]
)
def test_missing_sequence_counts_as_nothing_predicted_if_asked(mode, missing):
    gt = {"a": scene(TWO, name="a"), "b": scene(TWO, name="b")}
    report = poseflow.evaluate(gt, {"a": gt["a"]}, mode, missing=missing)
    if mode != "poseval":
        assert report.mota == pytest.approx(50)
    assert any("no file for sequence 'b'" in str(p) for p in report.problems)


@pytest.mark.parametrize(
    ("mode", "missing"), [("strict", None), (None, None), ("poseval", "error")]
)
def test_missing_sequence_is_an_error_by_name(mode, missing):
    gt = {name: scene(TWO, name=name) for name in "abcde"}
    with pytest.raises(
        FormatError,
        match=r"4 of 5 sequences, b, c, d, \.\.\. 4 in all.*--missing empty",
    ):
        poseflow.evaluate(gt, {"a": gt["a"]}, mode, missing=missing)


def test_a_joint_that_is_never_annotated_is_left_out_of_every_mean():
    gt = scene(TWO)
    points = gt.keypoints.copy()
    points[:, 3] = np.nan
    report = poseflow.evaluate(replace(gt, keypoints=points), gt, "strict")
    assert np.isnan(report["ap"].joints["ap"][3])
    assert np.isnan(report["mot"].joints["mota"][3])
    assert (report.mean_ap, report.mota) == (100, 100)


def test_nothing_annotated_at_all_is_undefined_not_an_error():
    gt = scene([[], []])
    assert np.isnan(poseflow.evaluate(gt, gt, "strict").mota)
    assert np.isnan(poseflow.evaluate(gt, scene([[(1, 5, 5)], []]), "strict").mean_ap)


@pytest.mark.parametrize("skeleton", ["posetrack17", "posetrack18", "coco17"])
def test_a_tracked_result_is_scored_by_naming_its_sequence(skeleton):
    gt = scene([[(1, 100, 50)], [], [(1, 110, 50)]])
    names = poseflow.skeletons.get(skeleton).joints
    from poseflow.skeletons.conversion import convert

    frames = []
    for index in (0, 2):
        people = Poses(gt.keypoints[gt.frames == index], skeleton="posetrack17")
        frames.append(
            Frame(
                index,
                0.0,
                convert(people, skeleton).replace(track_ids=[7]),
                name=f"{index}.jpg",
            )
        )
    result = PoseSequence(tuple(frames), frames[0].poses.skeleton, "street")
    report = poseflow.evaluate({"a": gt}, result, "strict", sequence="a")
    found = np.nan_to_num(report["ap"].joints["ap"][:15])
    common = [
        j in names or (j == "neck")
        for j in poseflow.skeletons.get("posetrack17").joints
    ]
    if skeleton == "coco17":
        assert found[:12].tolist() == [100] * 12
        assert any("estimated" in str(problem) for problem in report.problems)
    else:
        assert all(common)
        assert found.tolist() == [100] * 15
        assert report.mota == 100


def test_default_shows_poseval_where_it_differs_and_says_why():
    sides = [GOLDEN / "poseval" / "pt17_edge" / side for side in ("gt", "pred")]
    report = poseflow.evaluate(*sides)
    assert report.mode == "strict"
    assert set(report.others["poseval"]) == {"ap", "mot"}
    text = str(report)
    for word in ("last frames", "MOTP", "never annotated", "without predicted"):
        assert word in text
    only = poseflow.evaluate(*sides, mode="strict")
    assert not only.others
    assert not only.differences


def test_gz_and_plain_files_give_the_same(tmp_path):
    for side in ("gt", "pred"):
        (tmp_path / side).mkdir()
        for path in (GOLDEN / "poseval" / "pt18_basic" / side).iterdir():
            plain = tmp_path / side / path.name.removesuffix(".gz")
            plain.write_bytes(gzip.decompress(path.read_bytes()))
    zipped = [GOLDEN / "poseval" / "pt18_basic" / side for side in ("gt", "pred")]
    a = poseflow.evaluate(*zipped)
    b = poseflow.evaluate(tmp_path / "gt", tmp_path / "pred")
    assert a.table() == b.table()

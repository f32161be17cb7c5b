"""PoseTrack21: the kit's figures and the published ones, against golden data."""

import gzip
import json
import math
from pathlib import Path

import numpy as np
import pytest

from poseflow import PoseFlowError
from poseflow.eval.metric import make_metric
from poseflow.eval.posetrack.checks import check_pair
from poseflow.eval.posetrack.joint_hota import (
    mean_curves,
    pooled_curves,
    weighted_curves,
)
from poseflow.eval.posetrack.pairing import SequencePair
from poseflow.eval.posetrack.preparation import prepare
from poseflow.eval.posetrack.rules import POSETRACK21, RULES
from poseflow.formats.posetrack.annotations import JOINTS, empty_annotations
from poseflow.formats.posetrack.reader import parse_annotations, read_posetrack

GOLDEN = Path(__file__).parents[2] / "golden" / "posetrack21"
CASES = ("basic", "empty", "ties", "mixed_scores")
SLOT_ORDER = [
    *("nose", "neck", "head_top", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip"),
    *("right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
]
ORDER = [*(JOINTS.index(joint) for joint in SLOT_ORDER), 15]
CLOSE = {"rtol": 0, "atol": 1e-9}


def load(name):
    with gzip.open(GOLDEN / name, "rt") as file:
        return json.load(file)


MICRO = load("micro.json.gz")


def case_pairs(case):
    gt, pred = (read_posetrack(GOLDEN / case / side) for side in ("gt", "pred"))
    return [SequencePair(name, gt[name], pred[name]) for name in sorted(gt)]


@pytest.fixture
def micro_pairs(parse_sides):
    def pairs(case):
        gt, pred = parse_sides(MICRO[case])
        return [
            SequencePair(name, gt[name], pred[name])
            if name in pred
            else SequencePair(
                name, gt[name], empty_annotations(name, name, [], []), False
            )
            for name in sorted(gt)
        ]

    return pairs


def score(mode, metric, pairs):
    scorer = make_metric(mode, metric)
    parts = scorer.measure([prepare(pair, RULES[mode]) for pair in pairs])
    return scorer.combine([pair.name for pair in pairs], parts), parts


def check_precision(section, expected):
    for name, values in expected["per_joint"].items():
        np.testing.assert_allclose(section.joints[name][ORDER], values, **CLOSE)
    titles = {"map": "AP", "precision": "precision", "recall": "recall"}
    for name, title in titles.items():
        if "table" in expected:
            columns = list(expected["table"][name].values())
            np.testing.assert_allclose(section.groups[title], columns, **CLOSE)


def check_tracking(section, curves, expected):
    for name, values in expected.items():
        if name in section.counts:
            found = section.counts[name]
        elif name.endswith("(0)"):
            found = curves[name.removesuffix("(0)")][:, 0]
        else:
            found = section.joints[name] / 100
        np.testing.assert_allclose(found[ORDER], values, err_msg=name, **CLOSE)


def check_published(section, expected):
    for name, values in expected.items():
        if name in section.counts:
            found = section.counts[name]
        else:
            found = section.joints[name] / 100
        found = found[ORDER][:15]
        np.testing.assert_allclose(found, values, err_msg=name, **CLOSE)


@pytest.mark.parametrize("case", CASES)
def test_pose_estimation_equals_the_kit(case):
    expected = load(f"{case}/reference.json.gz")["pose_estimation_stable"]
    section, _ = score("posetrack21", "ap", case_pairs(case))
    check_precision(section, expected.pop("combined"))
    assert set(section.sequences) == set(expected)
    for name, values in expected.items():
        check_precision(section.sequences[name], values)


@pytest.mark.parametrize("case", CASES)
def test_pose_tracking_equals_the_kit(case):
    expected = load(f"{case}/reference.json.gz")["pose_tracking"]
    section, parts = score("posetrack21", "hota", case_pairs(case))
    combined = weighted_curves(parts)
    check_tracking(section, combined, expected.pop("combined"))
    for part, (name, values) in zip(parts, expected.items(), strict=True):
        check_tracking(section.sequences[name], mean_curves(part), values)


def test_curves_equal_the_kit_and_the_published_ones():
    expected = load("basic/curves.json.gz")
    section, parts = score("posetrack21", "hota", case_pairs("basic"))
    for name, values in expected["pose_tracking"]["combined"].items():
        if name in section.extra["curves"]:
            found = section.extra["curves"][name][ORDER].T
            np.testing.assert_allclose(found, values, err_msg=name, **CLOSE)
    _, parts = score("strict", "hota", case_pairs("basic"))
    curves = pooled_curves(sum(parts[1:], parts[0]))
    for name, values in expected["published_hota"].items():
        found = curves[name][ORDER][:15].T
        np.testing.assert_allclose(found, values, err_msg=name, **CLOSE)


@pytest.mark.parametrize("case", CASES)
def test_strict_equals_published_hota(case):
    expected = load(f"{case}/reference.json.gz")["published_hota"]
    section, _ = score("strict", "hota", case_pairs(case))
    for values in expected.values():
        check_published(section, values)


@pytest.mark.parametrize(
    "case", [name for name, x in MICRO.items() if "pose_estimation_fails" not in x]
)
def test_micro_cases_equal_the_kit(micro_pairs, case):
    expected = MICRO[case]
    section, _ = score("posetrack21", "ap", micro_pairs(case))
    check_precision(section, expected["pose_estimation_stable"])
    section, parts = score("posetrack21", "hota", micro_pairs(case))
    if "pose_tracking" in expected:
        curves = weighted_curves(parts)
        check_tracking(section, curves, expected["pose_tracking"])
        section, _ = score("strict", "hota", micro_pairs(case))
        check_published(section, expected["published_hota"])


# Where the kit stops with an exception: the problem that is reported, if any.
ANSWERED = {
    "score_is_one_number": "expected a list of numbers, found a number",
    "labelled_frame_without_people": "",
    "labelled_frame_without_people_on_either_side": "",
    "everybody_in_ignore_region": "",
    "last_person_leaves_region_frame": "",
    "region_with_two_points": "",
    "fewer_predicted_images": "1 of the annotation's 5 frames are missing",
    "prediction_for_unknown_image": "which is not among the images",
    "predicted_images_reversed": "paired by their ids",
    "predicted_id_twice": "pred/002001_mpii_test: frame 1: track id 6 comes twice",
    "annotated_id_twice": "gt/002001_mpii_test: frame 1: track id 1 comes twice",
    "negative_track_id": "",
    "no_track_id": "10 people have no track id",
    "no_head_box": "1 annotated people have no head box",
    "no_is_labeled": "1 frames do not say is_labeled; they count as labelled",
    "no_ignore_regions": "",
    "fifteen_keypoints": "expected 51 numbers, found 45",
    "no_file_for_one_sequence": "no file for sequence '002002_mpii_test'",
}


@pytest.mark.parametrize("case", ANSWERED)
def test_cases_on_which_the_kit_fails_are_scored(micro_pairs, case):
    assert "pose_estimation_fails" in MICRO[case]
    pairs = micro_pairs(case)
    sections = [score("posetrack21", name, pairs)[0] for name in ("ap", "hota")]
    for section, total in zip(sections, ("ap", "HOTA"), strict=True):
        assert 0 <= section.joints[total][15] <= 100
        assert np.isfinite(np.concatenate(list(section.joints.values()))).all()
    problems = [str(problem) for pair in pairs for problem in check_pair(pair)]
    for pair in pairs:
        problems += map(str, prepare(pair, POSETRACK21).problems)
    assert any(ANSWERED[case] in problem for problem in ["", *problems])


def test_all_57_micro_cases_are_covered():
    fails = {name for name, x in MICRO.items() if "pose_estimation_fails" in x}
    assert len(MICRO) == 57
    assert fails == {*ANSWERED, "other_image_ids"}


def test_submission_for_other_images(micro_pairs):
    with pytest.raises(PoseFlowError, match="expected the annotation's image ids"):
        score("posetrack21", "hota", micro_pairs("other_image_ids"))


def test_people_in_another_order_change_nothing():
    gt, pred = MICRO["id_there_and_back"]["gt"], MICRO["id_there_and_back"]["pred"]
    results = []
    for step in (1, -1):
        pairs = []
        for name, x in gt.items():
            sides = [
                parse_annotations(
                    json.dumps(y | {"annotations": y["annotations"][::step]}).encode(),
                    name,
                )
                for y in (x, pred[name])
            ]
            pairs.append(SequencePair(name, *sides))
        results.append(score("posetrack21", "hota", pairs)[0].joints)
    for name, values in results[0].items():
        np.testing.assert_allclose(values, results[1][name], **CLOSE)


def test_sequences_measured_apart_give_the_same_bits():
    pairs = case_pairs("empty")
    for mode, metric in [
        ("posetrack21", "hota"),
        ("strict", "hota"),
        ("strict", "idf1"),
    ]:
        scorer = make_metric(mode, metric)
        names = [pair.name for pair in pairs]
        sequences = [prepare(pair, RULES[mode]) for pair in pairs]
        together = scorer.combine(names, scorer.measure(sequences))
        apart = [part for one in sequences for part in scorer.measure([one])]
        again = scorer.combine(names, apart)
        for name, values in together.joints.items():
            np.testing.assert_array_equal(values, again.joints[name])


@pytest.mark.parametrize("metric", ["hota", "idf1", "pose"])
def test_ground_truth_against_itself_is_perfect_in_strict(metric):
    pairs = [SequencePair(p.name, p.gt, p.gt) for p in case_pairs("basic")]
    section, _ = score("strict", metric, pairs)
    perfect = {
        **{name: values[15] for name, values in section.joints.items()},
        **section.summary,
    }
    assert len(perfect) >= 3
    for name, value in perfect.items():
        assert value == pytest.approx(100), name


def test_no_sequence_at_all():
    for mode, metric in [
        ("posetrack21", "ap"),
        ("posetrack21", "hota"),
        ("strict", "hota"),
        ("strict", "idf1"),
        ("strict", "pose"),
    ]:
        section, _ = score(mode, metric, [])
        assert section.mode == mode
        assert all(not v or math.isnan(v) for v in section.summary.values())


def test_the_differences_are_named():
    section, _ = score("posetrack21", "hota", case_pairs("basic"))
    notes = " ".join(section.notes)
    for difference in ("similarity alone", "without any predicted pose", "FA-HOTA"):
        assert difference in notes

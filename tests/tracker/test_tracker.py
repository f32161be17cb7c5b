"""`Tracker`: what all trackers do, and errors."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poseflow import PoseFlowError, Poses, Skeleton, Tracker
from poseflow import tracker as trackers
from poseflow.benchmark.walking_people import WalkingPeople
from poseflow.tracker import TrackerBackend
from poseflow.tracker.tracker import TRACKERS

SIZE = (1280, 720)
EVERY = [
    pytest.param("iou", {}, id="iou"),
    pytest.param("oks", {}, id="oks"),
    pytest.param("default", {}, id="default"),
    pytest.param("released", {"matcher": "none"}, id="released"),
    pytest.param(
        "released",
        {"matcher": "none", "compat": True, "image_size": SIZE},
        id="released compat",
    ),
]


def person(x=300.0, y=300.0, seed=0, joints=17, size=100.0):
    shape = np.random.default_rng(seed).uniform(-1, 1, (joints, 2))
    return np.array([x, y]) + shape * [0.4 * size, size]


def frame(*people, **fields):
    return Poses(np.array(people).reshape(-1, 17, 2), dtype=np.float64, **fields)


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_frames_without_people(name, options):
    tracker = Tracker(name, **options)
    empty = Poses.empty("coco17")
    assert len(tracker.update(empty)) == 0
    assert tracker.update(frame(person())).track_ids.tolist() == [1]
    for _ in range(3):
        assert len(tracker.update(empty)) == 0
    assert tracker.update(frame(person(301))).track_ids.tolist() == [1]
    assert tracker.update(frame(person(302), person(900))).track_ids.tolist() == [1, 2]
    assert [t.track_id for t in tracker.finish()] == [1, 2]
    assert tracker.finish() == ()


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_same_people_in_the_same_order(name, options):
    tracker = Tracker(name, **options)
    poses = frame(person(900, seed=1), person(200), scores=[0.3, 0.8])
    tracker.update(frame(person(200), person(900, seed=1)))
    tracked = tracker.update(poses)
    assert tracked.track_ids.tolist() == [2, 1]
    assert tracked.replace(track_ids=[-1, -1]) == poses
    assert tracked.keypoints.dtype == np.float64


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_ids_belong_to_the_instance(name, options):
    first, second = Tracker(name, **options), Tracker(name, **options)
    first.update(frame(person(100), person(500)))
    assert second.update(frame(person())).track_ids.tolist() == [1]
    first.reset()
    assert first.update(frame(person(), person(900))).track_ids.tolist() == [1, 2]


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_a_new_person_never_gets_an_old_id(name, options):
    tracker = Tracker(name, **options)
    given_ = set()
    for k in range(20):  # all people jump out of reach
        x = 100 + (k % 5) * 250
        given_.update(tracker.update(frame(person(x, 150 + 300 * (k % 2)))).track_ids)
    assert given_ == set(range(1, max(given_) + 1))


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_missing_joints_and_people_without_joints(name, options):
    tracker = Tracker(name, **options)
    scores = np.ones((2, 17))
    scores[0, 5:] = 0
    keypoints = np.array([person(), person(800)])
    keypoints[0, 5:] = np.nan
    poses = Poses(keypoints, scores)
    empty = Poses(np.zeros((1, 17, 2)), np.zeros((1, 17)))
    both = Poses.concatenate([poses, empty])
    first = tracker.update(both).track_ids.tolist()
    if name == "default":  # tentative: too few joints
        assert first == [-1, 1, -1]
        return
    everyone = name == "poseflow" or "compat" in options
    assert sorted(first) == ([1, 2, 3] if everyone else [-1, 1, 2])
    assert tracker.update(both).track_ids.tolist()[1] == first[1]


# The released code counts every joint: docs/trackers.md.
@pytest.mark.parametrize(("name", "options"), EVERY[:-1])
def test_zero_joint_scores_do_not_stretch_people(name, options):
    tracker = Tracker(name, **options)
    scores = np.ones((2, 17))
    scores[:, 3] = 0
    keypoints = np.array([person(700, 300), person(900, 300, seed=1)])
    keypoints[:, 3] = 0
    tracker.update(Poses(keypoints, scores))
    # A newcomer between the image's corner and the two gets a new id.
    newcomer = person(350, 200, seed=2)
    people = Poses(
        np.concatenate([newcomer[None], keypoints + 2]),
        np.concatenate([np.ones((1, 17)), scores]),
    )
    assert tracker.update(people).track_ids.tolist() == [3, 1, 2]


@pytest.mark.parametrize(("name", "options"), EVERY)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_people_changes_only_the_order(name, options, seed):
    """Ids agree up to the numbering of those who came in the same frame."""
    random = np.random.default_rng(seed)
    scene = WalkingPeople(6, seed, height=150)
    plain, shuffled = Tracker(name, **options), Tracker(name, **options)
    same = {}
    for t in range(6):
        poses = scene.poses(t)
        poses = poses[random.random(len(poses)) < 0.8]
        order = random.permutation(len(poses))
        matches = scene.correspondences(t, 300)
        expected = plain.update(poses, correspondences=matches).track_ids[order]
        got = shuffled.update(poses[order], correspondences=matches).track_ids
        for a, b in zip(expected.tolist(), got.tolist(), strict=True):
            assert same.setdefault(a, b) == b
    assert len(set(same.values())) == len(same)


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_same_input_same_output(name, options):
    def run(dtype=np.float64):
        tracker, scene = Tracker(name, **options), WalkingPeople(12, 3)
        return [
            tracker.update(
                scene.poses(t).astype(dtype), correspondences=scene.correspondences(t)
            ).track_ids.tolist()
            for t in range(12)
        ]

    assert run() == run()
    assert run() == run(np.float32)  # no near-ties in this scene


@pytest.mark.parametrize(("name", "options"), EVERY)
@pytest.mark.parametrize("joints", [1, 2, 30])
def test_any_skeleton(name, options, joints):
    skeleton = Skeleton(f"beast{joints}", tuple(f"j{k}" for k in range(joints)))
    tracker = Tracker(name, **options)
    for t in range(4):
        people = [person(300 + 2 * t, joints=joints), person(900, joints=joints)]
        tracked = tracker.update(Poses(np.array(people), skeleton=skeleton))
        if joints > 1:  # a single joint has no extent to overlap with under iou, oks
            assert tracked.track_ids.tolist() == [1, 2]


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_the_skeleton_stays(name, options):
    tracker = Tracker(name, **options)
    tracker.update(frame(person()))
    other = Skeleton("two", ("a", "b"))
    with pytest.raises(PoseFlowError, match=r"frame 1: .*'two'.*'coco17'.*reset"):
        tracker.update(Poses(np.ones((1, 2, 2)), skeleton=other))
    assert tracker.update(frame(person(301))).track_ids.tolist() == [1]
    tracker.reset()
    assert tracker.update(Poses(np.ones((1, 2, 2)), skeleton=other)).track_ids == [1]


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_memory_is_bounded(name, options):
    """New people in every frame: memory does not depend on the stream's length."""
    tracker = Tracker(name, **({"max_age_frames": 5} | options))
    random = np.random.default_rng(0)
    held = []
    for t in range(60):
        people = [person(*random.uniform((50, 50), (1200, 650)), seed=t, size=20)]
        tracker.update(frame(*people, *(person(100 + 300 * k, 600) for k in range(2))))
        held.append(len(tracker._backend.finish()))
    # Two who stay and, of the others, those of five frames and the present one.
    assert max(held) <= 8
    ids = [t.track_id for t in tracker.finish()]
    assert ids == sorted(ids)


def test_forgotten_after_max_age():
    for gap, expected in ((5, 1), (6, 2)):
        tracker = Tracker("oks", max_age_frames=5)
        tracker.update(frame(person()))
        for _ in range(gap - 1):
            tracker.update(Poses.empty("coco17"))
        assert tracker.update(frame(person())).track_ids.tolist() == [expected]


def test_records_at_the_end():
    tracker = Tracker("oks")
    tracker.update(frame(person(), scores=[0.5]))
    tracker.update(frame(person(301), person(900), scores=[1.0, 0.4]))
    first, second = tracker.finish()
    assert (first.track_id, first.first_frame, first.last_frame) == (1, 0, 1)
    assert (first.appearances, first.mean_score) == (2, 0.75)
    np.testing.assert_allclose(first.latest.keypoints[0], person(301))
    assert (second.track_id, second.first_frame, second.appearances) == (2, 1, 1)
    assert tracker.update(frame(person())).track_ids.tolist() == [1]  # as new


def test_minimum_score_leaves_people_without_identity():
    tracker = Tracker("iou", minimum_score=0.5)
    poses = frame(person(), person(800), scores=[0.4, 0.9])
    assert tracker.update(poses).track_ids.tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"name": "best"}, "unknown tracker 'best'.*released", id="name"),
        pytest.param(
            {"name": "iou", "speed": 3},
            "'iou' has no option speed.*minimum_iou",
            id="option",
        ),
        pytest.param({"name": "iou", "minimum_iou": 2}, r"\[0, 1\], got 2", id="range"),
        pytest.param(
            {"name": "oks", "max_age_frames": 0}, "at least 1, got 0", id="age"
        ),
        pytest.param(
            {"name": "released", "minimum_similarity": "x"}, "got 'x'", id="type"
        ),
        pytest.param(
            {"name": "released", "weights": (1, 2)},
            "weights must be 4 values",
            id="weights",
        ),
        pytest.param(
            {"name": "released", "matcher": "sift"},
            "unknown matcher 'sift'.*orb",
            id="matcher",
        ),
        *(
            pytest.param(
                {"name": name, "matcher": matcher},
                f"'{name}' uses no matcher.*default, poseflow, released",
                id=f"matcher of {name}",
            )
            for name, matcher in (("iou", "orb"), ("oks", "flow"), ("oks", None))
        ),
        pytest.param(
            {"name": "released", "correspondences": "nowhere/at/all"},
            "no such folder",
            id="folder",
        ),
    ],
)
def test_bad_options_list_the_valid_ones(arguments, message):
    with pytest.raises(PoseFlowError, match=message):
        Tracker(**arguments)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        pytest.param(np.zeros((5, 5, 3)), "float64", id="float"),
        pytest.param(np.zeros((0, 5, 3), np.uint8), r"\(0, 5, 3\)", id="empty"),
        pytest.param("image.jpg", "got str", id="path"),
    ],
)
def test_bad_images_are_refused(image, message):
    with pytest.raises(PoseFlowError, match=message):
        Tracker("iou").update(frame(person()), image)


@pytest.mark.parametrize("name", trackers.names())
@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param(np.zeros(3), r"rows of x1, y1, x2, y2, got shape \(3,\)", id="1d"),
        pytest.param([[1, 2]], r"rows of x1, y1, x2, y2.*\(1, 2\)", id="two columns"),
        pytest.param("a_b_orb.txt", "expected an array of numbers", id="path"),
    ],
)
def test_bad_correspondences_are_refused(name, given, message):
    tracker = Tracker(name)
    tracker.update(frame(person()))
    with pytest.raises(PoseFlowError, match=f"frame 1: correspondences: .*{message}"):
        tracker.update(frame(person()), correspondences=given)


@pytest.mark.parametrize("name", trackers.names())
def test_correspondences_may_be_a_list_with_unknown_rows(name):
    scene = WalkingPeople(6, seed=2)
    arrays, lists = Tracker(name), Tracker(name)
    for t in range(4):
        matches = scene.correspondences(t, 300)
        rows = [*matches.tolist(), [np.nan] * 4]
        expected = arrays.update(scene.poses(t), correspondences=matches).track_ids
        got = lists.update(scene.poses(t), correspondences=rows).track_ids
        assert got.tolist() == expected.tolist()


def test_arrays_are_not_poses():
    with pytest.raises(PoseFlowError, match="expected Poses, got ndarray"):
        Tracker("iou").update(person())


@pytest.mark.parametrize("name", trackers.names())
def test_final_frames_are_of_the_latest_call(name):
    options = {"matcher": "none"} if name == "released" else {}
    tracker = Tracker(name, **options)
    delay = tracker.delay_frames
    assert (delay > 0) == (name in ("default", "poseflow"))
    for count in range(delay + 3):
        tracker.update(frame(person(300 + count)))
        expected = [count - delay] if delay and count >= delay else []
        assert [index for index, _ in tracker.final_frames] == expected
    tracker.reset()
    assert tracker.final_frames == ()
    tracker.update(frame(person()))
    tracker.finish()
    assert [index for index, _ in tracker.final_frames] == ([0] if delay else [])
    tracker.reset()
    assert tracker.final_frames == ()


def test_own_tracker_has_declared_defaults(monkeypatch):
    monkeypatch.setattr(TRACKERS, "_entries", dict(TRACKERS._entries))

    class OneId(TrackerBackend):
        def update(self, poses, frame):
            return poses.replace(track_ids=np.arange(len(poses)) + 1)

        def reset(self):
            pass

        def finish(self):
            return ()

    trackers.register("one id", OneId)
    tracker = Tracker("one id")
    assert (tracker.delay_frames, tracker.last_step) == (0, None)
    tracker.update(frame(person()))
    assert tracker.final_frames == ()
    assert np.isfinite(tracker.expected_boxes()).all()
    trackers.register("no tracker", dict)
    with pytest.raises(PoseFlowError, match="'no tracker': expected a TrackerBackend"):
        Tracker("no tracker")


def test_own_tracker_by_name(monkeypatch):
    monkeypatch.setattr(TRACKERS, "_entries", dict(TRACKERS._entries))

    class Constant(TrackerBackend):
        def __init__(self, value=7):
            self.value = value

        def update(self, poses, frame):
            return poses.replace(track_ids=np.full(len(poses), self.value))

        def reset(self):
            pass

        def finish(self):
            return ()

    trackers.register("constant", Constant)
    assert "constant" in trackers.names()
    assert Tracker("constant", value=9).update(frame(person())).track_ids == [9]
    with pytest.raises(PoseFlowError, match="already called 'constant'"):
        trackers.register("constant", lambda: Constant(3))


@pytest.mark.parametrize(("name", "options"), EVERY)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_random_valid_poses(name, options, seed):
    """Broken joints, scores, sizes and matches: an id each, and no warning."""
    random = np.random.default_rng(seed)
    tracker = Tracker(name, **options)
    image = random.integers(0, 255, (40, 60, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            people = random.integers(0, 5)
            scale = random.choice([1e-3, 1.0, 1e4, 1e18])
            keypoints = scale * random.normal(size=(people, 17, 2))
            keypoints[random.random((people, 17)) < 0.2] = np.nan
            marks = random.random((people, 17)) * (random.random((people, 17)) < 0.7)
            scores = np.where(random.random(people) < 0.2, np.nan, 0.5)
            dtype = random.choice([np.float32, np.float64])
            matches = random.normal(size=(random.integers(0, 9), 4)) * scale
            tracked = tracker.update(
                Poses(keypoints, marks, scores=scores, dtype=dtype),
                image if random.random() < 0.7 else None,
                correspondences=matches if random.random() < 0.5 else None,
            )
            ids = tracked.track_ids.tolist()
            if name == "default":  # gives no id before it is convinced
                ids = [i for i in ids if i != -1]
                people = len(ids)
            assert len(set(ids)) == people
            assert all(i >= 1 for i in ids)


@pytest.mark.parametrize("name", trackers.names())
def test_a_skeleton_of_a_single_joint(name):
    dot = Skeleton("dot", ("nose",))
    image = np.zeros((60, 60, 3), np.uint8)
    tracker = Tracker(name)
    for step in range(4):
        people = Poses(np.array([[[5.0 + step, 5]], [[50.0, 50]]]), skeleton=dot)
        ids = tracker.update(people, image).track_ids
        assert len(set(ids.tolist()) - {-1}) in (0, 2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", trackers.names())
@pytest.mark.parametrize("far", [1e7, -1e12, 1e30])
def test_coordinates_far_outside_the_image(name, far):
    image = np.zeros((60, 60, 3), np.uint8)
    cloud = np.random.default_rng(0).uniform(0, 40, (2, 17, 2))
    tracker = Tracker(name)
    for offset in (0, 0, far, far, 0):
        people = tracker.update(Poses(cloud + offset, dtype=np.float64), image)
        assert len(people) == 2


@pytest.mark.parametrize(
    ("tracker", "boxed"),
    [("default", False), ("default", True), ("poseflow", True), ("iou", True)],
)
def test_a_person_born_without_a_joint_gets_one_id(tracker, boxed):
    """Joints come in the fourth frame; before, there is a box or nothing at all."""
    tracking = Tracker(tracker)
    ids = []
    for index in range(20):
        x = np.array([100.0, 400.0]) + 3 * index
        body = np.stack([np.linspace(0, 40, 17), np.linspace(0, 100, 17)], axis=1)
        points = body + np.stack([x, [50, 50]], axis=1)[:, None]
        marks = np.full((2, 17), 0.9)
        boxes = np.stack([x, [50.0] * 2, x + 40, [150.0] * 2], axis=1)
        if index < 3:
            marks[1] = 0
            boxes[1] *= boxed
        poses = Poses(points, marks, boxes)
        ids.append(tracking.update(poses).track_ids.tolist())
    second = {b for _, b in ids} - {-1}
    assert len({a for a, _ in ids} - {-1}) == 1
    assert len(second) == 1
    assert ids[-1][1] in second

"""The tracker `default`: each rule alone, and accuracy on the suites."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from poseflow import PoseFlowError, Poses, Skeleton, Tracker
from poseflow.benchmark.clips import Clip
from poseflow.benchmark.tracking import count_jumps, make_clip, run_clip
from poseflow.eval import score_tracking
from poseflow.synthetic import NoiseModel, make_scene
from poseflow.tracker import DefaultWeights, FrameContext
from poseflow.tracker.default.image_cues import ImageCueExtractor

SHAPE = np.random.default_rng(5).uniform(-1, 1, (17, 2)) * [30, 90]


def crowd(places, seed=0, jitter=1.0, score=0.8):
    """People of one build at `(P, 2)` places, joints jittering by pixels."""
    random = np.random.default_rng(seed)
    places = np.asarray(places, float).reshape(-1, 2)
    points = places[:, None] + SHAPE + random.normal(0, jitter, (len(places), 17, 2))
    return Poses(points, np.full((len(places), 17), score))


def walk(tracker, frames, start, pace, first=0, **given):
    """Ids of people who walk straight on."""
    ids = []
    for t in range(first, first + frames):
        poses = crowd(np.asarray(start) + t * np.asarray(pace), seed=t)
        ids.append(tracker.update(poses, **given).track_ids.tolist())
    return ids


def test_occlusion_within_reid_frames():
    tracker = Tracker()
    walk(tracker, 10, [[100, 300]], [[0, 0]])
    for _ in range(30):
        assert len(tracker.update(Poses.empty())) == 0
    assert walk(tracker, 2, [[100, 300]], [[0, 0]])[-1] == [1]
    for _ in range(200):
        tracker.update(Poses.empty())
    assert walk(tracker, 2, [[100, 300]], [[0, 0]])[-1] == [2]


def test_three_hundred_people():
    random = np.random.default_rng(1)
    places = np.stack(np.meshgrid(np.arange(20) * 90, np.arange(15) * 220), -1)
    places = places.reshape(-1, 2).astype(float)
    pace = random.normal(0, 1.5, places.shape)
    ids = np.array(walk(Tracker(), 12, places, pace))
    assert ids.shape == (12, 300)
    assert (ids == ids[0]).all()
    assert len(set(ids[0])) == 300


def test_the_order_of_the_input_changes_nothing_else():
    clip = make_clip("crowd", 0, frames=60)
    plain, shuffled = Tracker(), Tracker()
    random = np.random.default_rng(0)
    for frame in clip.poses:
        order = random.permutation(len(frame.poses))
        expected = plain.update(frame.poses).track_ids[order]
        assert (shuffled.update(frame.poses[order]).track_ids == expected).all()


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_scales_do_not_matter(factor):
    """Neither that of the detector's scores nor that of the image."""
    clip = make_clip("street", 0, frames=60)
    plain, scored, sized = Tracker(), Tracker(), Tracker()
    for frame in clip.poses:
        poses = frame.poses.astype(np.float64)
        expected = plain.update(poses).track_ids
        louder = poses.replace(
            keypoint_scores=poses.keypoint_scores * factor, scores=poses.scores * factor
        )
        larger = poses.replace(
            keypoints=poses.keypoints * factor * 10, boxes=poses.boxes * factor * 10
        )
        assert (scored.update(louder).track_ids == expected).all()
        if factor > 1:  # below a pixel there is no size left to go by
            assert (sized.update(larger).track_ids == expected).all()


def test_dropped_and_repeated_frames():
    tracker, ids = Tracker(), set()
    for t in [*range(10), *[9] * 5, *range(9, 14), *range(18, 30), *range(36, 50)]:
        poses = crowd([[100 + 4 * t, 300], [900 - 3 * t, 320]], seed=t)
        ids.add(tuple(tracker.update(poses).track_ids.tolist()))
    assert ids == {(1, 2)}


@pytest.mark.parametrize(
    "times",
    [
        [float("nan")] * 40,
        [1e9 - t for t in range(40)],
        [0.0] * 40,
        [t / 25 if t % 7 else 1e6 * t for t in range(40)],
    ],
    ids=["nan", "backwards", "still", "wild"],
)
def test_wrong_timestamps_do_no_harm(times):
    tracker = Tracker()
    for t, time in enumerate(times):
        poses = crowd([[100 + 4 * t, 300], [900 - 3 * t, 320]], seed=t)
        assert tracker.update(poses, time=time).track_ids.tolist() == [1, 2]


def test_timestamps_reveal_dropped_frames():
    """A fast person, detected again after a second without frames."""
    tracker = Tracker()
    for t in [*range(20), *range(45, 55)]:
        poses = crowd([[100 + 12 * t, 300]], seed=t)
        ids = tracker.update(poses, time=t / 25).track_ids.tolist()
    assert ids == [1]


def test_scene_cut_without_images():
    before, after = make_clip("street", 0, 40), make_clip("street", 3, 40)
    tracker = Tracker()
    old = {i for f in before.poses for i in tracker.update(f.poses).track_ids.tolist()}
    new = {i for f in after.poses for i in tracker.update(f.poses).track_ids.tolist()}
    assert old & new <= {-1}
    assert len(new) > 2


def test_scene_cut_from_images():
    random = np.random.default_rng(0)
    scenes = [
        np.kron(
            random.integers(0, 255, (9, 16, 3), np.uint8),
            np.ones((40, 40, 1), np.uint8),
        )
        for _ in range(2)
    ]
    tracker = Tracker()
    for t in range(20):
        ids = tracker.update(crowd([[300, 180]], seed=t), scenes[t // 10])
        assert ids.track_ids.tolist() == [1 if t < 10 else 2]


def test_resolution_changes_in_mid_stream():
    tracker = Tracker()
    for t in range(20):
        factor = 1 if t < 10 else 2
        poses = crowd([[100 + 2 * t, 150], [400 - 2 * t, 160]], seed=t)
        poses = Poses(poses.keypoints * factor, poses.keypoint_scores)
        image = np.zeros((300 * factor, 500 * factor), np.uint8)
        assert tracker.update(poses, image).track_ids.tolist() == [1, 2]


def test_joints_come_and_go():
    tracker, random = Tracker(), np.random.default_rng(0)
    for t in range(60):
        poses = crowd([[100 + 3 * t, 300], [900 - 3 * t, 320]], seed=t)
        points = poses.keypoints.copy()
        gone = random.random((2, 17)) < (0.5 if t else 0)
        points[gone] = np.nan
        ids = tracker.update(Poses(points, poses.keypoint_scores)).track_ids
        assert ids.tolist() == [1, 2]


def test_one_id_per_person_with_duplicates():
    """All people are detected twice: one id per person in at least 99 of 100 cases."""
    clip = make_clip("street", 1, frames=100)
    random, tracker = np.random.default_rng(0), Tracker()
    once = cases = 0
    for frame in clip.truth:
        poses = frame.poses
        height = (poses.boxes[:, 3] - poses.boxes[:, 1])[:, None, None]
        noisy = [
            Poses(
                poses.keypoints + height * random.normal(0, s, poses.keypoints.shape),
                np.where(poses.present, 0.7 - s, 0),
            )
            for s in (0.01, 0.02)
        ]
        ids = tracker.update(Poses.concatenate(noisy)).track_ids
        first, second = ids[: len(poses)], ids[len(poses) :]
        if frame.index >= 5:
            cases += len(poses)
            once += int(((first > 0) != (second > 0)).sum())
    assert once >= 0.99 * cases


def test_false_positives_get_no_id():
    tracker, random = Tracker(), np.random.default_rng(0)
    for t in range(60):
        poses = crowd([[100 + 3 * t, 300], [900, 320]], seed=t)
        alarm = crowd(random.uniform(0, 700, (1, 2)), seed=99 + t, score=0.25)
        ids = tracker.update(Poses.concatenate([poses, alarm])).track_ids.tolist()
        assert ids == [1, 2, -1]


def test_low_scores_are_confirmed_eventually():
    tracker = Tracker()
    for t in range(60):
        weak = crowd([[500, 320]], seed=t, score=0.2)
        both = Poses.concatenate([crowd([[100, 300]], seed=-t % 97), weak])
        ids = tracker.update(both).track_ids.tolist()
    assert ids == [1, 2]


@pytest.mark.parametrize(
    ("sway", "error", "more"), [(80, 1, True), (0, 1, False), (0, 8, False)]
)
def test_motion_noise_is_told_from_the_errors_of_the_detector(sway, error, more):
    """Tracks that lag behind need more of it; large errors of positions do not."""
    tracker, random = Tracker(), np.random.default_rng(0)
    for t in range(80):
        places = np.array([[200, 300], [800, 320], [1400, 310.0]])
        places[:, 0] += sway * np.sin(t / 4 + np.arange(3))
        poses = crowd(places + random.normal(0, error, (3, 2)), seed=t)
        assert tracker.update(poses).track_ids.tolist() == [1, 2, 3]
    learned = tracker._backend._adaptation.acceleration / DefaultWeights().acceleration
    assert learned > 1.3 if more else learned < 0.3


def test_two_frames_a_second():
    scores = []
    for seed in (4, 5, 6):
        truth = make_scene("street", seed=seed, fps=2.0, frames=80).truth()
        clip = Clip("2 fps", None, truth, NoiseModel().corrupt(truth, seed))
        scores.append(score_tracking(truth, run_clip(Tracker(), clip)[0]))
    assert sum(scores[1:], scores[0]).idf1 > 60


def test_behind_a_wall():
    tracker = Tracker()
    walk(tracker, 30, [[0, 300]], [[4, 0]])
    for _ in range(30):
        tracker.update(Poses.empty())
    assert walk(tracker, 5, [[0, 300]], [[4, 0]], first=60)[-1] == [1]


def test_reid_by_embeddings():
    """Re-identification by appearance after a long absence; others get new ids."""
    random = np.random.default_rng(0)
    means = random.normal(0, 1, (3, 32))

    def embed(which):
        return means[which] + random.normal(0, 0.2, (len(which), 32))

    tracker = Tracker()
    for t in range(40):
        poses = crowd([[100, 300], [500, 300]], seed=t)
        tracker.update(poses, embeddings=embed([0, 1]))
    for t in range(200):
        tracker.update(crowd([[100, 300]], seed=t), embeddings=embed([0]))
    for t in range(10):
        poses = crowd([[100, 300], [900, 300], [1300, 300]], seed=t)
        ids = tracker.update(poses, embeddings=embed([0, 1, 2])).track_ids.tolist()
    assert ids == [1, 2, 3]


@pytest.mark.parametrize(("place", "who"), [(110, 1), (1290, 3)])
def test_similar_appearance_is_resolved_by_place(place, who):
    """With similar appearance the place decides."""
    random = np.random.default_rng(0)
    similar, other = random.normal(0, 1, (2, 32))

    def embed(*means):
        return np.stack(means) + random.normal(0, 0.2, (len(means), 32))

    tracker = Tracker()
    for t in range(40):
        people = crowd([[100, 300], [1300, 300], [700, 300]], seed=t)
        tracker.update(people, embeddings=embed(similar, similar, other))
    for t in range(200):
        tracker.update(crowd([[700, 300]], seed=t), embeddings=embed(other))
    for t in range(10):
        people = crowd([[700, 300], [place, 300]], seed=t)
        tracked = tracker.update(people, embeddings=embed(other, similar))
    assert tracked.track_ids.tolist() == [2, who]


def test_embeddings_fall_back_to_motion():
    tracker = Tracker()
    for t in range(30):
        poses = crowd([[100 + 3 * t, 300], [900 - 3 * t, 320]], seed=t)
        given = np.full((2, 8), np.nan) if t % 2 else None
        assert tracker.update(poses, embeddings=given).track_ids.tolist() == [1, 2]
    with pytest.raises(PoseFlowError, match=r"frame 30: embeddings.*\(2, features\)"):
        tracker.update(poses, embeddings=np.zeros((3, 8)))


def test_embeddings_replace_colours_and_keep_their_size():
    tracker, image = Tracker(), np.full((720, 1280, 3), 90, np.uint8)
    poses = crowd([[100, 300], [900, 320]])
    tracker.update(poses, image)
    for _ in range(3):
        tracker.update(poses, image, embeddings=np.ones((2, 8)))
        tracker.update(poses, image)
    with pytest.raises(PoseFlowError, match="frame 7: embeddings: expected 8 features"):
        tracker.update(poses, embeddings=np.ones((2, 16)))
    tracker.reset()
    tracker.update(poses, embeddings=np.ones((2, 16)))


def test_colours_are_not_compared_with_embeddings_of_their_size():
    clip = make_clip("street", 0, frames=6)
    extractor = ImageCueExtractor(True, "none")
    poses, image = clip.poses[0].poses, clip.scene.render(0)
    boxes = poses.boxes.astype(float)
    first = extractor.extract(FrameContext(0, image, boxes=boxes), poses)
    given = np.ones_like(first.appearance)
    kinds = []
    for embeddings in (None, given, None, given):
        frame = FrameContext(1, image, embeddings=embeddings, boxes=boxes)
        cues = extractor.extract(frame, poses)
        kinds.append((cues.new_appearance, bool(np.isfinite(cues.appearance).any())))
    assert first.new_appearance
    assert np.isfinite(first.appearance).any()
    assert kinds == [(False, True), (True, True), (False, False), (False, True)]


def test_a_change_of_image_size_is_not_counted_twice():
    """Correspondences of the frame contain the change already."""
    at = np.random.default_rng(0).uniform(0, 200, (60, 2))
    small, large = np.zeros((300, 500), np.uint8), np.zeros((600, 1000), np.uint8)
    scales = []
    for given in (None, np.concatenate([at, 2 * at], axis=1)):
        extractor = ImageCueExtractor(True, "flow")
        extractor.extract(FrameContext(0, small, size=(500, 300)), Poses.empty())
        frame = FrameContext(1, large, size=(1000, 600), correspondences=given)
        scales.append(extractor.extract(frame, Poses.empty()).motion[:, :2])
    assert np.allclose(scales, np.diag([2, 2]), atol=1e-3)


def test_given_correspondences_do_not_delay_the_image_before():
    """The camera pans by 5 px a frame; one frame has correspondences as well."""
    random = np.random.default_rng(0)
    texture = np.kron(
        random.integers(0, 255, (60, 100), np.uint8), np.ones((12, 12), np.uint8)
    )
    at = random.uniform(0, 600, (60, 2))
    extractor, motions = ImageCueExtractor(True, "flow"), []
    for t in range(4):
        image = np.ascontiguousarray(texture[:600, 5 * t : 5 * t + 1000])
        given = np.concatenate([at, at - [5, 0]], axis=1) if t == 2 else None
        frame = FrameContext(t, image, correspondences=given)
        motions.append(extractor.extract(frame, Poses.empty()).motion)
    shifts = [motion[0, 2] for motion in motions[1:]]
    assert shifts == pytest.approx([-5, -5, -5], abs=0.3)


@pytest.mark.parametrize("matcher", ["orb", "none"])
def test_a_cut_in_images_without_optical_flow(matcher):
    before, after = make_clip("street", 0, 30), make_clip("street", 3, 30)
    tracker = Tracker(matcher=matcher)
    ids = [
        {i for f in clip.poses for i in tracker.update(f.poses, image).track_ids}
        for clip, image in (
            (before, np.zeros((720, 1280), np.uint8)),
            (after, np.full((720, 1280), 99, np.uint8)),
        )
    ]
    assert ids[0] & ids[1] <= {-1}


def test_as_many_tracks_as_possible_are_held():
    tracker = Tracker()
    grid = np.stack(np.meshgrid(np.arange(40) * 90, np.arange(28) * 220), -1)
    tracker.update(crowd(grid))
    weak = np.stack(np.meshgrid(np.arange(20) * 90 + 9000, np.arange(10) * 220), -1)
    tracker.update(crowd(weak, score=0.2))
    for _ in range(4):
        tracker.update(Poses.empty())
    assert len(tracker._backend._tracks) == 1000


def test_duplicates_without_scores_do_not_depend_on_the_order():
    one = crowd([[100, 300]], seed=1)
    poses = Poses(np.concatenate([one.keypoints, one.keypoints + 2]))
    ids = Tracker().update(poses).track_ids
    assert sorted(ids.tolist()) == [-1, 1]
    assert (Tracker().update(poses[[1, 0]]).track_ids == ids[::-1]).all()


def test_a_resumed_track_counts_all_its_sightings():
    """Lost for longer than it is continued in the association, then found again."""
    tracker = Tracker()
    walk(tracker, 10, [[100, 300], [600, 300]], [[0, 0], [0, 0]])
    for _ in range(30):
        tracker.update(Poses.empty())
    walk(tracker, 5, [[600, 300], [100, 300]], [[0, 0], [0, 0]], first=40)
    tracks = tracker.finish()
    assert [t.track_id for t in tracks] == [1, 2]
    for track, x in zip(tracks, (100, 600), strict=True):
        assert (track.first_frame, track.last_frame, track.appearances) == (0, 44, 15)
        assert track.mean_score == pytest.approx(0.8)
        middle = track.latest.keypoints[0].mean(0) - SHAPE.mean(0)
        assert middle == pytest.approx([x, 300], abs=1)


def test_weak_detections_in_an_empty_scene_get_no_id():
    """Scores are relative to those of people tracked before, not to the frame's."""
    tracker = Tracker()
    walk(tracker, 20, [[100, 300], [600, 300]], [[3, 0], [0, 0]])
    for _ in range(5):
        tracker.update(Poses.empty())
    for t in range(8):
        weak = crowd([[1000, 300]], seed=t, score=0.2)
        assert tracker.update(weak).track_ids.tolist() == [-1]


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_false_positives_in_a_scene_that_was_empty_get_no_id(scale):
    """Whatever the scale of the scores: there is no usual one yet (but at first)."""
    tracker, random, final = Tracker(), np.random.default_rng(0), []
    for t in range(100):
        alarm = crowd(
            random.uniform(0, 700, (int(t % 7 == 6), 2)), t, score=0.3 * scale
        )
        person = crowd([[100 + 5 * t, 900]] if t >= 60 else [], t, score=0.8 * scale)
        ids = tracker.update(Poses.concatenate([alarm, person])).track_ids.tolist()
        if t >= 10:
            assert ids[: len(alarm)] == [-1] * len(alarm)
            assert ids[len(alarm) :] == ([2] if t > 60 else [-1] * len(person))
        final += tracker.final_frames
    first = dict(final)[60].track_ids
    assert first.tolist()[-1] == 2


def test_a_panning_camera_by_correspondences():
    """All jump aside at once; the background tells that it was the camera."""
    random = np.random.default_rng(0)
    tracker, shift = Tracker(), np.zeros(2)
    for t in range(30):
        step = np.array([130.0, 0]) if t in (10, 20) else np.zeros(2)
        shift = shift + step
        at = random.uniform((0, 500), (1280, 720), (80, 2))
        matches = np.concatenate([at, at + step], axis=1)
        poses = crowd(np.array([[100, 200], [230, 200]]) + shift, seed=t)
        tracked = tracker.update(poses, correspondences=matches)
        assert tracked.track_ids.tolist() == [1, 2]


def test_a_known_number_of_people():
    tracker = Tracker(max_tracks=2)
    for t in range(120):
        places = [[100 + 3 * t, 300], [900 - 3 * t, 320]]
        if t % 40 > 30:
            places = places[:1]
        ids = tracker.update(crowd(places, seed=t)).track_ids
        assert ids.max() <= 2
    many = crowd([[100, 900], [400, 900], [700, 900]])
    for _ in range(5):
        assert tracker.update(many).track_ids.max() <= 2


STANDING = [[100, 50], [900, 320], [300, 350], [1200, 950]]
"""Animals that stay where they are, hundreds of pixels apart."""


def back_elsewhere(tracker, frames, away, others):
    """Ids of one who was seen for some frames, was away, and is back two sizes away."""
    for t in range(frames):
        tracker.update(crowd([[700, 500], *others], seed=t))
    for t in range(away):
        tracker.update(crowd(others, seed=t))
    for t in range(5):
        tracked = tracker.update(crowd([[440, 700], *others], seed=t))
    return tracked.track_ids.tolist()


@pytest.mark.parametrize(
    ("frames", "away", "others", "same"),
    [
        (100, 15, STANDING, True),
        (40, 15, STANDING, False),  # too early to tell that their number is stable
        (100, 40, STANDING, False),  # longer than animals are hidden by others
        (100, 15, [], False),  # a visitor: the next one is another
    ],
)
def test_the_missed_one_of_a_stable_number(frames, away, others, same):
    ids = back_elsewhere(Tracker(), frames, away, others)
    assert len(set(ids)) == len(ids)
    assert (max(ids) == 1 + len(others)) == same


def test_people_who_come_and_go_are_no_stable_number():
    """A host, and visitors one after the other who have ids of their own."""
    tracker, visitors = Tracker(), []
    for t in range(600):
        visit, since = divmod(t, 60)
        places = [[900, 320]]
        if since < 35:  # each comes in at the same door and walks into the room
            places.append([100 + 6 * since, 300 + 10 * (visit % 3)])
        tracked = tracker.update(crowd(places, seed=t))
        if since == 30:
            visitors.append(int(tracked.track_ids[1]))
    assert len(set(visitors)) == 10


@pytest.mark.parametrize(("at", "pace"), [(20, 6), (1270, -6)])
def test_one_leaves_at_the_border_and_another_enters(at, pace):
    """On the other side, or on the same one."""
    tracker, ids = Tracker(), []
    for t in range(160):
        places = [[500, 300], [700, 320]]
        if t < 120:
            places.append([560 + 6 * t, 900])  # out at the right
        if t > 138:
            places.append([at + pace * (t - 138), 700])
        ids.append(tracker.update(crowd(places, seed=t)).track_ids)
    assert ids[100][2] != ids[155][2]


def test_memory_is_bounded():
    tracker, random = Tracker(), np.random.default_rng(0)
    sizes = []
    for t in range(1500):
        poses = crowd(random.uniform(0, 2000, (6, 2)), seed=t)
        tracker.update(poses)
        sizes.append(len(tracker._backend._tracks))
    assert max(sizes[800:]) <= 1.2 * max(sizes[200:800])


@pytest.mark.parametrize("joints", [2, 3, 8, 30])
def test_animals_without_scores(joints):
    animal = Skeleton(f"animal{joints}", tuple(f"j{k}" for k in range(joints)))
    shape = np.random.default_rng(1).uniform(-40, 40, (joints, 2))
    tracker = Tracker()
    for t in range(40):
        places = np.array([[100 + 3 * t, 300], [500 - 2 * t, 500]])[:, None]
        poses = Poses(places + shape, skeleton=animal)
        ids = tracker.update(poses).track_ids.tolist()
        assert ids == [1, 2]


@pytest.mark.parametrize("name", ["default", "poseflow"])
@pytest.mark.parametrize("suite", ["crowd", "noisy", "low_fps"])
def test_no_id_jumps(name, suite):
    clip = make_clip(suite, 1, frames=100)
    result, _ = run_clip(Tracker(name), clip)
    assert count_jumps(clip, result) == 0


def test_more_accurate_than_the_other_trackers():
    """On a development clip; the table in the docs has all of them."""
    clip = make_clip("street", 0, frames=120)
    scores = {}
    for name, options in (
        ("default", {}),
        ("poseflow", {}),
        ("released", {"matcher": "none"}),
    ):
        result, _ = run_clip(Tracker(name, **options), clip)
        scores[name] = score_tracking(clip.truth, result)
    oracle = score_tracking(clip.truth, clip.corruption.oracle())
    assert scores["default"].idf1 > scores["released"].idf1 + 5
    assert scores["default"].id_switches < scores["released"].id_switches / 2
    assert scores["default"].idf1 <= oracle.idf1 + 1


def test_finish_returns_the_held_tracks():
    tracker = Tracker()
    walk(tracker, 10, [[100, 300], [600, 300]], [[3, 0], [0, 0]])
    tracks = tracker.finish()
    assert [t.track_id for t in tracks] == [1, 2]
    assert [t.appearances for t in tracks] == [10, 10]
    assert tracks[0].first_frame == 0
    assert tracks[0].last_frame == 9
    assert tracker.finish() == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"matcher": "sift"}, "'flow', 'orb', 'none'"),
        ({"max_tracks": 0}, "max_tracks"),
        ({"max_age_frames": 2.5}, "max_age_frames must be a whole number"),
        ({"confirmation_score": float("nan")}, "confirmation_score must be a number"),
        ({"gate_body_lengths": -1}, "gate_body_lengths must be a number of at least 0"),
        ({"duplicate_similarity": 2}, r"duplicate_similarity must be .* in \[0, 1\]"),
        ({"reid_frames": "x"}, "reid_frames must be a whole number"),
        ({"appearance": 1}, "appearance must be True or False"),
        ({"weights": 3}, "DefaultWeights"),
        ({"drag": 0.5}, "no option drag; it has max_age_frames"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(PoseFlowError, match=message):
        Tracker("default", **options)


def test_images_may_come_and_go():
    """With and without, grey or not: never an error, and ids stay."""
    clip = make_clip("street", 0, frames=12)
    tracker, ids = Tracker(), []
    for k, frame in enumerate(clip.poses):
        image = clip.scene.render(k) if k % 3 else None
        if image is not None and k % 2:
            image = image[..., :1]
        ids.append(tracker.update(frame.poses, image).track_ids)
    assert any((i > 0).any() for i in ids)


def test_orb_may_follow_the_camera():
    clip = make_clip("camera_motion", 0, frames=8)
    result, _ = run_clip(Tracker(matcher="orb"), clip, images=True)
    assert len({i for f in result for i in f.poses.track_ids.tolist()}) > 2
    assert replace(result, frames=()).skeleton == clip.truth.skeleton

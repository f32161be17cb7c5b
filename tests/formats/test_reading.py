"""Reading of pose files: accepted variants and errors."""

import gzip
import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

import poseflow
from poseflow import PoseFlowError
from poseflow.errors import FormatError


def keypoints(joints=17, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(1, 5000, 3 * joints).astype(float).tolist()


def entry(image="000000.jpg", seed=0, **more):
    return {"image_id": image, "keypoints": keypoints(seed=seed), "score": 2.5} | more


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, **options):
        path = tmp_path / "poses.json"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(json.dumps(content))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return poseflow.read(path, **options)

    return write_and_read


def test_no_people(read):
    for empty in ([], {}):
        result = read(empty)
        assert len(result) == 0
        assert result.skeleton.name == "coco17"
    assert [len(frame.poses) for frame in read({"0.jpg": [], "1.jpg": []})] == [0, 0]


def test_a_person_with_everything(read):
    (frame,) = read([entry("000041.jpg", box=[10, 20, 30.5, 40], idx=7)], fps=10)
    assert (frame.index, frame.time, frame.name) == (41, 4.1, "000041.jpg")
    assert frame.poses.keypoints.dtype == np.float64
    numbers = np.array(keypoints()).reshape(17, 3)
    np.testing.assert_array_equal(frame.poses.keypoints[0], numbers[:, :2])
    np.testing.assert_array_equal(frame.poses.keypoint_scores[0], numbers[:, 2])
    assert frame.poses.boxes.tolist() == [[10, 20, 40.5, 60]]
    assert frame.poses.scores.tolist() == [2.5]
    assert frame.poses.track_ids.tolist() == [7]


def test_what_is_left_out_is_filled_in(read):
    bare = {"image_id": 3, "keypoints": keypoints()}
    (frame,) = read([bare])
    numbers = np.array(keypoints()).reshape(17, 3)
    assert (frame.index, frame.name) == (3, "3")
    np.testing.assert_allclose(
        frame.poses.boxes[0],
        [*numbers[:, :2].min(axis=0), *numbers[:, :2].max(axis=0)],
    )
    np.testing.assert_allclose(frame.poses.scores, numbers[:, 2].mean())
    assert frame.poses.track_ids.tolist() == [-1]


@pytest.mark.parametrize(
    ("names", "indices"),
    [
        pytest.param(["000002.jpg", "000010.jpg"], [2, 10], id="padded"),
        pytest.param(["2.jpg", "10.jpg"], [2, 10], id="not padded"),
        pytest.param(["10.jpg", "2.jpg"], [2, 10], id="any order"),
        pytest.param([10, 2], [2, 10], id="numbers"),
        pytest.param(["img10.png", "img2.png"], [0, 1], id="natural order"),
        pytest.param(["a/7.jpg", "a/8.jpg"], [7, 8], id="one folder"),
        pytest.param(["1.png", "2.jpg"], [1, 2], id="two kinds of images"),
        pytest.param(["9" * 5000 + ".jpg"], [0], id="no number, but digits"),
        pytest.param(["٣.jpg"], [0], id="other digits"),
        pytest.param([".", "/"], [0, 1], id="odd names"),
    ],
)
def test_frame_indices(read, names, indices):
    result = read([entry(name) for name in names])
    assert [frame.index for frame in result] == indices
    assert {frame.name for frame in result} == set(map(str, names))


@pytest.mark.parametrize("names", [["b.png", "a.png", "c.png"], ["3", "x", "20"]])
def test_people_stay_with_their_image_whatever_the_order(read, names):
    result = read([entry(name, idx=k) for k, name in enumerate(names)])
    assert {f.name: f.poses.track_ids.tolist() for f in result} == {
        name: [k] for k, name in enumerate(names)
    }


def test_frames_of_several_folders_are_one_sequence_with_a_warning(tmp_path):
    path = tmp_path / "poses.json"
    path.write_text(json.dumps([entry("a/1.jpg"), entry("b/1.jpg")]))
    with pytest.warns(UserWarning, match="in 2 folders, 'a' and 'b' first") as seen:
        result = poseflow.read(path)
    assert [frame.index for frame in result] == [0, 1]
    assert seen[0].filename == __file__


def test_people_of_a_frame_keep_the_order_of_the_file(read):
    spread = [("1.jpg", 5), ("0.jpg", 6), ("000001.jpg", 4), ("1.jpg", 9)]
    result = read([entry(name, idx=k) for name, k in spread])
    assert [frame.poses.track_ids.tolist() for frame in result] == [[6], [5, 4, 9]]
    assert [frame.name for frame in result] == ["0.jpg", "1.jpg"]


def origin_files():
    """Files with one person of 15 or 17 joints, the first two at (0, 0)."""
    points = np.array(keypoints()).reshape(17, 3)
    points[:2, :2] = 0
    points[2, 0] = points[3, 1] = 0  # on the image's edge: two ordinary joints
    flat = points.ravel().tolist()
    pairs = {"keypoints": points[:, :2].ravel().tolist()}
    fifteen = [
        {"id": [k], "x": [x], "y": [y], "score": [s]}
        for k, (x, y, s) in enumerate(points[:15].tolist())
    ]
    slots = [[x, y, 1.0] for x, y, _ in points.tolist()]
    yield "list", [{"image_id": "0.jpg", "keypoints": flat}]
    yield "dictionary", {"0.jpg": [pairs | {"scores": points[:, 2].tolist()}]}
    yield "pairs", [{"image_id": 0, "keypoints": points[:, :2].tolist()}]
    yield "openpose", {"version": 1, "people": [{"pose_keypoints_2d": flat[:54]}]}
    yield "posetrack17", {"annolist": [{"annorect": [{"annopoints": [
        {"point": fifteen}]}]}]}  # fmt: skip
    person = {
        "image_id": 7,
        "keypoints": np.ravel(slots).tolist(),
        "scores": [0.5] * 17,
    }
    images = [{"id": 7, "is_labeled": True}]
    yield "posetrack18", {"images": images, "annotations": [person]}


@pytest.mark.parametrize(("name", "content"), list(origin_files()))
def test_joints_at_the_origin_are_missing_in_every_format(tmp_path, name, content):
    path = tmp_path / "poses.json"
    if name == "openpose":
        person = content["people"][0]
        person["pose_keypoints_2d"] += [9.0, 9.0, 0.5] * (25 - 17)
    path.write_text(json.dumps(content))
    poses = poseflow.read(path)[0].poses
    kept = poseflow.read(path, keep_origin=True)[0].poses
    assert kept.present.all()
    missing = ~poses.present[0]
    assert missing.sum() == 2
    assert (kept.keypoints[0][missing] == 0).all()
    np.testing.assert_array_equal(
        poses.boxes[0, :2], poses.keypoints[0][~missing].min(axis=0)
    )


def _points(joints=17):
    return np.array(keypoints(joints)).reshape(joints, 3)


@pytest.mark.parametrize(
    "person",
    [
        pytest.param({"keypoints": keypoints()}, id="triples"),
        pytest.param(
            {
                "keypoints": _points()[:, :2].ravel().tolist(),
                "scores": _points()[:, 2].tolist(),
            },
            id="pairs and scores",
        ),
        pytest.param(
            {
                "keypoints": _points()[:, :2].tolist(),
                "scores": _points()[:, 2:].tolist(),
            },
            id="nested pairs and scores",
        ),
        pytest.param({"keypoints": _points().tolist()}, id="nested triples"),
        pytest.param(
            {"keypoints": keypoints(), "scores": _points()[:, 2].tolist()},
            id="scores twice",
        ),
    ],
)
def test_forvis_shapes(read, person):
    result = read({"4.jpg": [person], "2.jpg": []})
    assert [frame.index for frame in result] == [2, 4]
    np.testing.assert_array_equal(result[1].poses.keypoints[0], _points()[:, :2])
    np.testing.assert_array_equal(result[1].poses.keypoint_scores[0], _points()[:, 2])


def test_forvis_number_is_the_score_of_the_person(read):
    people = [{"keypoints": keypoints(), "scores": 2.25, "idx": 3, "box": [1, 2, 3, 4]}]
    (frame,) = read({"0.jpg": people})
    assert frame.poses.scores.tolist() == [2.25]
    assert frame.poses.track_ids.tolist() == [3]
    assert frame.poses.boxes.tolist() == [[1, 2, 4, 6]]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param([1, 2], [1, 2], id="plain"),
        pytest.param([1.0, [2]], [1, 2], id="float and list"),
        pytest.param([[[1.0]], []], [1, -1], id="nested and empty"),
        pytest.param([0, 0], [-1, -1], id="zero for all is no identity"),
        pytest.param([0, 1], [0, 1], id="zero as an identity"),
        pytest.param([-1, None], [-1, -1], id="none"),
    ],
)
def test_ids(read, ids, expected):
    (frame,) = read([entry(idx=k) for k in ids])
    assert frame.poses.track_ids.tolist() == expected


def test_joints_choose_the_skeleton_and_an_argument_overrides(read):
    fifteen = [{"image_id": 0, "keypoints": keypoints(15)}]
    assert read(fifteen).skeleton.name == "posetrack17"
    assert read(fifteen, skeleton="posetrack15").skeleton.name == "posetrack15"
    assert read([entry()], skeleton="posetrack18").skeleton.name == "posetrack18"
    with pytest.raises(FormatError, match=r"expected 42 numbers \(14 .*found 51 \(17"):
        read([entry()], skeleton="lsp14")


def test_zipped_marked_and_wide_text(read):
    text = json.dumps([entry("ü.jpg")], ensure_ascii=False)
    plain = read(text.encode())
    assert read(gzip.compress(text.encode())) == plain
    assert read(b"\xef\xbb\xbf" + text.encode()) == plain


def test_text_of_powershell(read):
    assert len(read(json.dumps([entry()]).encode("utf-16"), format="alphapose")) == 1


BAD = [
    pytest.param(entry("1.jpg", keypoints=["a"] * 51), "keypoints", id="text"),
    pytest.param(entry("1.jpg", keypoints=[True] * 51), "keypoints", id="truth"),
    pytest.param(entry("1.jpg", keypoints=None), "keypoints", id="no list"),
    pytest.param(entry("1.jpg", keypoints=[1.0] * 50), "found 50 numbers", id="50"),
    pytest.param(entry("1.jpg", keypoints=[]), "found 0 numbers", id="none"),
    pytest.param(
        entry("1.jpg", keypoints=[1.0] * 48), r"found 48 \(16 joints\)", id="16 joints"
    ),
    pytest.param({"image_id": "1.jpg"}, "required field keypoints", id="no keypoints"),
    pytest.param({"keypoints": keypoints()}, "image_id: missing", id="no image"),
    pytest.param(entry(1.5), "image_id", id="fraction as name"),
    pytest.param(entry(""), "image_id: empty", id="empty name"),
    pytest.param(7, "expected object, got number", id="a number"),
    pytest.param(None, "expected object, got null", id="null"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_entry_does_not_lose_the_good_ones(tmp_path, bad, reason):
    path = tmp_path / "poses.json"
    path.write_text(json.dumps([entry("0.jpg"), bad, entry("2.jpg"), entry("2.jpg")]))
    with pytest.warns(UserWarning, match=f"left out 1 of 4.*entry 1.*{reason}") as seen:
        result = poseflow.read(path)
    assert [
        (frame.index, len(frame.poses)) for frame in result if len(frame.poses)
    ] == [
        (0, 1),
        (2, 2),
    ]
    assert len(seen) == 1
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param({"idx": "x"}, "idx: expected a whole number, found 'x'", id="x"),
        pytest.param({"idx": 1.5}, "idx: expected a whole number", id="half an id"),
        pytest.param({"idx": [[1.0], [4.0]]}, "idx: expected a whole", id="two ids"),
        pytest.param({"idx": {}}, "idx: expected a whole", id="object as id"),
        pytest.param({"idx": True}, "idx: expected a whole", id="truth as id"),
        pytest.param({"idx": 2**70}, "idx: expected a whole", id="huge id"),
        pytest.param({"box": [1, 2]}, "box: expected 4 .* found 2", id="short box"),
        pytest.param({"box": "none"}, "box: expected 4 numbers", id="text as box"),
        pytest.param({"box": [1, 2, "c", 4]}, "box: expected", id="text in the box"),
        pytest.param({"box": [[1, 2, 3, 4]]}, "box: expected", id="nested box"),
        pytest.param({"score": "high"}, "score: expected a number", id="score"),
        pytest.param({"score": [0.5]}, "score: expected a number", id="score list"),
        pytest.param({"scores": "x"}, "scores: expected", id="text as scores"),
        pytest.param({"scores": [0.5] * 9}, "scores: 9 for 51", id="too few scores"),
        pytest.param({"scores": ["x"] * 17}, "scores: expected", id="texts as scores"),
    ],
)
@pytest.mark.parametrize("layout", ["list", "dictionary"])
def test_a_bad_optional_field_does_not_lose_the_person(tmp_path, bad, reason, layout):
    path = tmp_path / "poses.json"
    person = entry("1.jpg", idx=3, box=[1, 2, 3, 4]) | bad
    if layout == "list":
        content = [entry("0.jpg"), person]
    else:
        content = {"0.jpg": [], "1.jpg": [person]}
    path.write_text(json.dumps(content))
    match = f"ignored 1 optional .*kept; first in entry .*'1.jpg'.*: {reason}"
    with pytest.warns(UserWarning, match=match) as seen:
        poses = poseflow.read(path)[1].poses
    assert len(seen) == 1
    assert seen[0].filename == __file__
    numbers = np.array(keypoints()).reshape(17, 3)
    np.testing.assert_array_equal(poses.keypoints[0], numbers[:, :2])
    np.testing.assert_array_equal(poses.keypoint_scores[0], numbers[:, 2])
    assert poses.track_ids.tolist() == [-1 if "idx" in bad else 3]
    if "box" not in bad:
        assert poses.boxes.tolist() == [[1, 2, 4, 6]]
    if "score" in bad:
        np.testing.assert_allclose(poses.scores, numbers[:, 2].mean())


def test_scores_that_pairs_of_coordinates_need_are_required(tmp_path):
    path = tmp_path / "poses.json"
    pairs = _points()[:, :2].ravel().tolist()
    bad = entry("1.jpg", keypoints=pairs, scores=["x"] * 17)
    path.write_text(json.dumps([entry(), bad]))
    with pytest.warns(UserWarning, match="left out 1 of 2 poses.*scores"):
        assert len(poseflow.read(path)) == 1


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_nothing_but_bad_entries_is_an_error(tmp_path, bad, reason):
    path = tmp_path / "poses.json"
    path.write_text(json.dumps([bad]))
    if bad == entry("1.jpg", keypoints=[1.0] * 48):
        assert poseflow.read(path).skeleton.name == "mpii16"
        return
    with pytest.raises(FormatError, match=reason):
        poseflow.read(path)


def test_many_bad_entries_are_counted_not_listed(tmp_path):
    path = tmp_path / "poses.json"
    path.write_text(json.dumps([entry(), *[{"image_id": "1.jpg"}] * 50]))
    with pytest.warns(UserWarning, match="left out 50 of 51 .*and 47 more"):
        poseflow.read(path)


@pytest.mark.parametrize("broken", ["NaN", "Infinity", "-Infinity", "null", "1e999"])
def test_joints_that_are_no_numbers_are_missing(tmp_path, broken):
    path = tmp_path / "poses.json"
    good, bad = json.dumps(entry("0.jpg")), keypoints()
    bad[3] = "@"
    text = json.dumps(entry("1.jpg", keypoints=bad)).replace('"@"', broken)
    path.write_text(f"[{good}, {text}]")
    with pytest.warns(UserWarning, match=r"1 joints .*missing, first in entry 1 \(im"):
        result = poseflow.read(path)
    assert result[1].poses.present[0].tolist() == [True, False] + [True] * 15
    assert result[1].poses.keypoints[0, 1].tolist() == [0, 0]
    assert result[0].poses.present.all()


def test_scores_and_boxes_that_are_no_numbers_are_filled_in(tmp_path):
    path = tmp_path / "poses.json"
    bad = entry(score="@", box=[1, "@", 2, 3])
    path.write_text(json.dumps([bad]).replace('"@"', "NaN"))
    (frame,) = poseflow.read(path)
    assert np.isfinite(frame.poses.scores).all()
    assert np.isfinite(frame.poses.boxes).all()


@pytest.mark.parametrize("digits", [400, 5000])
def test_huge_whole_numbers(tmp_path, digits):
    path = tmp_path / "poses.json"
    text = json.dumps([entry("0.jpg"), entry("1.jpg", keypoints=[7, *keypoints()[1:]])])
    path.write_text(text.replace("[7,", "[" + "7" * digits + ","))
    with pytest.warns(UserWarning, match="1 joints .*missing|left out 1 of 2"):
        assert poseflow.read(path)[0].poses.present.all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b" \n ", "is empty", id="blank"),
        pytest.param(b"hello", "not a known file of poses", id="text"),
        pytest.param(b"\x00\x00\x00\x1cftypisom", "not a known file", id="a video"),
        pytest.param(b"12", "not a known file of poses", id="a number"),
        pytest.param(b'{"weights": 3}', "not a known file of poses", id="object"),
        pytest.param(b'[{"image_id": 1,]', "not valid JSON at byte 16", id="comma"),
        pytest.param(b"[1] 2", "not valid JSON at byte 4", id="more behind"),
        pytest.param(b"[\xff]", r"not text \(byte 1\)", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        pytest.param(b"\x1f\x8b\x08\x00", "damaged gzip", id="cut gzip"),
    ],
)
def test_files_that_are_something_else(read, content, message):
    with pytest.raises(FormatError, match=message) as caught:
        read(content)
    assert "poses.json" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda people: {"results": people}, id="results"),
        pytest.param(lambda people: {"street.mp4": people}, id="a video's name"),
        pytest.param(lambda people: {"meta": {"n": [1]}, "p": people}, id="behind"),
        pytest.param(lambda people: {"predictions": people, "fps": 5}, id="before"),
        pytest.param(lambda people: {"log": [{"x": 1}], "p": people}, id="two lists"),
    ],
)
def test_a_list_in_an_object_is_read_as_the_list(read, wrap):
    people = [entry(f"{k}.jpg", idx=k + 1) for k in range(4)]
    if "log" in wrap([]):
        wrapped = read(wrap(people), format="alphapose")
    else:
        wrapped = read(wrap(people))
    assert wrapped == read(people)
    assert [frame.name for frame in wrapped] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_an_empty_list_in_an_object_has_no_frames(read):
    assert len(read({"results": []})) == 0


def test_two_lists_in_an_object_are_refused(read):
    people = [entry("0.jpg")]
    with pytest.raises(FormatError, match="an object with 2 of them; write them as fi"):
        read({"a": people, "b": people})


@pytest.mark.parametrize(
    "content",
    [
        {"0.jpg": [entry("0.jpg")], "1.jpg": [entry("000001.jpg")]},
        {"0.jpg": [], "1.jpg": [{"keypoints": keypoints()}]},
        {"street": [{"keypoints": keypoints()}]},
        {"0.jpg": []},
    ],
)
def test_a_dictionary_of_images_is_known_by_its_content(read, content):
    assert [frame.name for frame in read(content)] == list(content)


@pytest.mark.parametrize(
    "content",
    [
        {"weights": [1, 2]},
        {"rows": [{"x": 1}]},
        {"info": [], "images": [], "annotations": []},
    ],
)
def test_other_objects_are_not_taken_for_the_dictionary(read, content):
    with pytest.raises(FormatError, match="not a known file of poses"):
        read(content)


def test_the_dictionary_refuses_entries_of_other_images(read):
    with pytest.raises(FormatError, match=r"image_id: expected 'results', .*'3\.jpg'"):
        read({"results": [entry("3.jpg")]}, format="forvis")


def test_the_wrong_format_by_name(read):
    with pytest.raises(FormatError, match=r"expected a list .*an object \(format for"):
        read({"0.jpg": []}, format="alphapose")
    with pytest.raises(FormatError, match=r"expected an object.*\(format alphapose"):
        read([], format="forvis")
    with pytest.raises(FormatError, match="unknown format 'xml'; known are alphapose"):
        read([], format="xml")
    with pytest.raises(PoseFlowError, match="fps"):
        read([], fps=0)
    with pytest.raises(FormatError, match="expected a list of people, found a string"):
        read({"0.jpg": "x"}, format="forvis")


def test_every_truncation_is_called_so(tmp_path):
    path = tmp_path / "poses.json"
    joints = [float("nan"), -float("inf"), *keypoints()[2:]]
    text = json.dumps([entry(score=-1.5e300, box=None, keypoints=joints, more="\\ü")])
    for end in range(1, len(text)):
        path.write_text(text[:end])
        with pytest.raises(FormatError, match=f"breaks off at byte {end};"):
            poseflow.read(path)


def test_places_that_cannot_be_read(tmp_path):
    with pytest.raises(FormatError, match="no such file"):
        poseflow.read(tmp_path / "nothing.json")
    with pytest.raises(FormatError, match="found a folder"):
        poseflow.read(tmp_path)
    with pytest.raises(FormatError, match="is a folder"):
        poseflow.read(tmp_path, format="alphapose")
    with pytest.raises(FormatError, match="cannot read"):
        poseflow.read("a\0b")
    (tmp_path / "file").write_text("[]")
    with pytest.raises(FormatError, match="not a folder"):
        poseflow.read(tmp_path / "file" / "poses.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_are_refused_and_do_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for format in (None, "alphapose"):
        with pytest.raises(FormatError, match="pipe or device"):
            poseflow.read(tmp_path / "pipe", format)


@pytest.mark.parametrize("name", ["seq_a", "seq_b"])
def test_a_real_file_of_alphapose(tmp_path, name):
    # Provenance: tests/golden/poseflow.
    path = Path(__file__).parents[1] / "golden" / "poseflow" / name / "input.json.gz"
    entries = json.loads(gzip.decompress(path.read_bytes()))
    result = poseflow.read(path)
    assert sum(len(frame.poses) for frame in result) == len(entries)
    assert [frame.index for frame in result] == sorted(
        {int(entry["image_id"][:6]) for entry in entries}
    )
    poseflow.write(result, tmp_path / "out.json")
    for ours, theirs in zip(
        json.loads((tmp_path / "out.json").read_text()), entries, strict=True
    ):
        assert {key: ours[key] for key in theirs} == theirs


def test_coordinates_divided_by_the_size_are_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([entry("0.jpg") | {"keypoints": [0.25, 0.5, 0.9] * 17}]))
    with pytest.warns(UserWarning, match="between 0 and 1, as if divided by the size"):
        poseflow.read(path)
    corner = [{"image_id": "0.jpg", "keypoints": [1, 0, 0.9] * 17}]
    path.write_text(json.dumps(corner))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        poseflow.read(path)

"""PoseTrack files: accepted variants, and errors in damaged files."""

import contextlib
import gzip
import json
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import poseflow
from poseflow import PoseFlowError
from poseflow.errors import FormatError
from poseflow.eval.evaluation import check
from poseflow.formats.posetrack import posetrack17, submission
from poseflow.formats.posetrack.annotations import JOINTS, NO_ID, SLOTS
from poseflow.formats.posetrack.reader import (
    parse_annotations,
    read_annotations,
    read_posetrack,
)
from poseflow.formats.posetrack.records import Point17
from poseflow.formats.posetrack.submission import SequenceFile, find_sequence_files

GOLDEN = Path(__file__).parents[2] / "golden" / "poseval"


def parse(document, **extra):
    return parse_annotations(json.dumps(document).encode(), "seq", "seq.json", **extra)


def points17(count=15, x=10.0):
    return [{"id": [j], "x": [x], "y": [20.0 + j]} for j in range(count)]


def frame17(*rects, **fields):
    return {"image": [{"name": "000000.jpg"}], "annorect": list(rects), **fields}


def rect17(points, **fields):
    box = {"x1": [0], "y1": [0], "x2": [3], "y2": [4], "track_id": [5]}
    return {**box, "annopoints": [{"point": points}], **fields}


def person18(**fields):
    numbers = [v for k in range(17) for v in (10.5 + k, 20.5, 1)]
    person = {"image_id": 7, "track_id": 2, "keypoints": numbers}
    return {**person, "bbox_head": [1, 2, 3, 4], **fields}


def document18(*people, **image):
    return {
        "images": [{"id": 7, "file_name": "x/0.jpg", **image}],
        "annotations": [*people],
    }


def messages(annotations):
    return " / ".join(map(str, annotations.problems))


# --- accepted variants


def test_joints_are_in_the_order_of_the_files_ids():
    assert (JOINTS[0], JOINTS[12:]) == ("right_ankle", ("neck", "nose", "head_top"))
    assert SLOTS[:5] == ("nose", "head_bottom", "head_top", "left_ear", "right_ear")
    assert (len(JOINTS), len(SLOTS), SLOTS[16]) == (15, 17, "right_ankle")


def test_2017_fields():
    a = parse({"annolist": [frame17(rect17(points17()), is_labeled=[1]), frame17()]})
    assert (a.num_frames, len(a), a.format) == (2, 1, "posetrack17")
    assert a.keypoints[0, 3].tolist() == [10, 23]
    assert np.isnan(a.scores).all()
    assert (a.head_sizes[0], a.track_ids[0]) == (5, 5)
    assert a.labelled.tolist() == [1, -1]
    assert not a.problems


@pytest.mark.parametrize("odd", [[], [127], [-32], [128], [-33], [2**40, 3]])
@pytest.mark.parametrize("count", [0, 1, 15, 16, 4000, 70_000])
def test_points_read_as_a_table_are_those_read_one_by_one(odd, count):
    rng = np.random.default_rng(count)
    values = rng.normal(0, 10.0 ** rng.integers(-300, 300, (count, 3)))
    values[rng.random((count, 3)) < 0.1] = -0.0
    values[rng.random(count) < 0.1, 2] = np.nan
    points = [
        Point17((k % 15,), *((v,) for v in row))
        for k, row in enumerate(values.tolist())
    ]
    points[1:1] = [Point17((number,), (1.5,), (-2.5,)) for number in odd]
    table = posetrack17._numbers(points)
    assert table.tobytes() == posetrack17._numbers_one_by_one(points).tobytes()


def test_2018_slots_go_to_joints_by_name():
    a = parse(document18(person18(scores=[k / 20 for k in range(17)]), is_labeled=True))
    for joint, name in enumerate(JOINTS):
        slot = SLOTS.index("head_bottom" if name == "neck" else name)
        assert a.keypoints[0, joint].tolist() == [10.5 + slot, 20.5]
        assert a.scores[0, joint] == slot / 20
    assert (a.format, a.head_sizes[0]) == ("posetrack18", 5)
    assert not a.whole_numbers[0]


def test_2018_categories_may_order_slots_otherwise():
    names = list(reversed(SLOTS))
    document = document18(person18())
    document["categories"] = [{"keypoints": names}]
    a = parse(document)
    assert a.keypoints[0, JOINTS.index("nose"), 0] == 10.5 + names.index("nose")


@pytest.mark.parametrize(
    ("triple", "present"),
    [([0, 0, 0], False), ([0, 0, 1], True), ([5, 6, 0], True), ([0, 6, 0], True)],
)
def test_2018_joint_is_absent_only_if_all_three_numbers_are_zero(triple, present):
    person = person18()
    person["keypoints"][:3] = triple
    assert parse(document18(person)).present[0, JOINTS.index("nose")] == present


def test_whole_numbers_are_told_from_decimals():
    whole = person18(keypoints=[1, 2, 1] * 17)
    dotted = person18(keypoints=[1.0, 2, 1] * 17)
    assert parse(document18(whole)).whole_numbers.tolist() == [True]
    assert parse(document18(whole, dotted)).whole_numbers.tolist() == [False]
    assert parse(document18()).whole_numbers.tolist() == [False]


def test_2021_is_told_by_its_fields():
    assert parse(document18(has_labeled_person=True)).format == "posetrack21"
    assert parse(document18(person18(person_id=3))).format == "posetrack21"


def test_people_are_sorted_by_frame_and_keep_their_order():
    document = document18(
        person18(image_id=8, track_id=1), person18(track_id=2), person18(track_id=3)
    )
    document["images"].append({"id": 8})
    a = parse(document)
    assert a.track_ids.tolist() == [2, 3, 1]
    assert a.frame_starts.tolist() == [0, 2, 3]


def test_regions():
    a = parse(document18(ignore_regions_x=[[1, 2, 3]], ignore_regions_y=[[4, 5, 6]]))
    assert a.regions[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    region = {"point": [{"x": [1], "y": [4]}, {"x": [2], "y": [5]}]}
    b = parse({"annolist": [frame17(), frame17(ignore_regions=[region])]})
    assert b.regions[0].tolist() == [[1, 4], [2, 5]]
    assert b.region_frames.tolist() == [1]


def test_rectangle_without_points_differs_from_an_empty_list():
    bare = rect17([])
    bare["annopoints"] = []
    a = parse({"annolist": [frame17(bare, rect17([]))]})
    assert a.has_points.tolist() == [False, True]


def test_of_a_joint_listed_twice_the_first_counts():
    twice = [*points17(x=1), *points17(3, x=2)]
    a = parse({"annolist": [frame17(rect17(twice))]})
    assert (a.keypoints[0, :, 0] == 1).all()
    assert "lists a joint twice" in messages(a)


def test_no_people_and_no_frames():
    assert parse({"annolist": []}).num_frames == 0
    assert len(parse({"images": []})) == 0


# --- damage


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe\x00", "not valid JSON"),
        (b"[1]", "expected an object"),
        (b"null", "expected an object"),
        (b"{}", "neither a PoseTrack17 file"),
        (b'{"annolist": 3}', "expected a list of frames, found a number"),
        (b'{"images": {}}', "expected a list, found an object"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_other_files_are_refused_by_name(document, message):
    with pytest.raises(FormatError, match=message) as error:
        parse_annotations(document, "seq", "place/seq.json")
    assert "place/seq.json" in str(error.value)


@pytest.mark.parametrize(
    ("change", "kept", "message"),
    [
        pytest.param({"annorect": 5}, 1, "annorect: expected a list", id="no list"),
        pytest.param({"annorect": [3]}, 1, "expected objects", id="no object"),
        pytest.param(
            {"annorect": [rect17([{"id": [0], "x": ["a"], "y": [1]}])]},
            2,
            "joint with id [0], x ['a']",
            id="a word for a number",
        ),
        pytest.param(
            {"annorect": [rect17(points17(), track_id=[10**30])]},
            2,
            "track_id",
            id="an endless id",
        ),
    ],
)
def test_one_bad_frame_leaves_the_others_alone(change, kept, message):
    good = frame17(rect17(points17()))
    a = parse({"annolist": [good, {**good, **change}]})
    assert (a.num_frames, len(a)) == (2, kept)
    assert (a.keypoints[0, :, 0] == 10).all()
    assert message in messages(a)
    assert a.problems[0].frame == 1


def test_a_frame_that_is_no_object_keeps_its_place():
    good = frame17(rect17(points17()))
    a = parse({"annolist": [good, 17, good]})
    assert a.frames.tolist() == [0, 2]


def test_nan_is_missing_and_reported():
    text = json.dumps({"annolist": [frame17(rect17(points17()))]})
    text = text.replace("[10.0]", "[NaN]", 1)
    a = parse_annotations(text.encode(), "seq", "seq.json")
    assert a.present[0].sum() == 14
    assert "NaN" in messages(a) or "nan" in messages(a)
    person = person18()
    person["keypoints"][4] = float("nan")
    b = parse(document18(person))
    assert b.present[0].sum() == 14
    assert "keypoints[4] is nan" in messages(b)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"keypoints": [1.0] * 45}, "keypoints: expected 51 numbers, found 45"),
        ({"scores": [0.5] * 3}, "scores: expected 17 numbers, found 3"),
        ({"scores": 0.5}, "scores: expected a list of numbers, found a number"),
        ({"bbox_head": [1, 2]}, "bbox_head: expected 4 numbers, found 2"),
        ({"image_id": 99}, "image id 99, which is not among the images"),
        ({"track_id": 1.5}, "track_id 1.5 is not a whole number"),
        ({"track_id": 10**40}, "is not a whole number of 64 bits"),
        ({"keypoints": [10**400] * 51}, "keypoints[0] is 1000"),
    ],
)
def test_bad_2018_fields_are_named(fields, message):
    a = parse(document18(person18(), person18(**fields)))
    assert message in messages(a)
    assert a.present[0].all()


def test_unknown_joints_are_named():
    document = document18(person18())
    document["categories"] = [{"keypoints": [*SLOTS[:-1], "tail"]}]
    a = parse(document)
    assert "unknown joints tail" in messages(a)
    assert "missing joints right_ankle" in messages(a)
    b = parse({"annolist": [frame17(rect17([{"id": [15], "x": [1], "y": [1]}]))]})
    assert "joint ids [15] are not among 0 to 14" in messages(b)


def test_missing_id_and_head_box():
    person = person18()
    del person["track_id"], person["bbox_head"]
    a = parse(document18(person))
    assert a.track_ids.tolist() == [NO_ID]
    assert np.isnan(a.head_sizes).all()
    texts = [str(p) for p in check(a, a)]
    assert any("no track id" in text for text in texts)
    assert any("no head box" in text for text in texts)


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=3),
    st.builds(list),
    st.builds(dict),
    st.lists(st.floats(), max_size=3),
    st.builds(lambda: [[1.0, 2.0], [3.0]]),
    st.builds(lambda: {"id": 1}),
)


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield from places(inner, (*path, key))


def small(case, side):
    path = sorted((GOLDEN / case / side).iterdir())[0]
    with gzip.open(path) as file:
        document = json.load(file)
    if "annolist" in document:
        document["annolist"] = document["annolist"][:4]
    else:
        document["images"] = document["images"][:4]
        ids = {image["id"] for image in document["images"]}
        document["annotations"] = [
            a for a in document["annotations"] if a["image_id"] in ids
        ]
    return document


SMALL = {
    (case, side): json.dumps(small(case, side))
    for case in ("pt17_edge", "pt18_edge")
    for side in ("gt", "pred")
}
PLACES = {key: sorted(places(json.loads(text)), key=len) for key, text in SMALL.items()}


def survive(case, side, data):
    """Score with one side damaged: an answer, or one of our errors."""
    other = "gt" if side == "pred" else "pred"
    try:
        damaged = parse_annotations(data, "seq", "damaged.json")
        whole = parse_annotations(SMALL[case, other].encode(), "seq", "whole.json")
        pair = (damaged, whole) if side == "gt" else (whole, damaged)
        check(*pair)
        for mode in (None, "poseval"):
            json.loads(poseflow.evaluate(*pair, mode).to_json(sequences=True))
    except PoseFlowError:
        return


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_value_in_any_place(data):
    case, side = data.draw(st.sampled_from(sorted(SMALL)))
    document = json.loads(SMALL[case, side])
    for _ in range(data.draw(st.integers(1, 3))):
        # Places are sorted by depth: shallow ones, which matter more, come often.
        deepest = data.draw(st.sampled_from([20, 200, len(PLACES[case, side]) - 1]))
        path = PLACES[case, side][data.draw(st.integers(1, deepest))]
        inner = document
        try:
            for key in path[:-1]:
                inner = inner[key]
            if data.draw(st.booleans()):
                inner[path[-1]] = data.draw(JUNK)
            else:
                del inner[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    survive(case, side, json.dumps(document).encode())


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(SMALL)), st.integers(0, 2**32))
def test_damaged_bytes(key, seed):
    chance = random.Random(seed)
    data = bytearray(SMALL[key].encode())
    for _ in range(chance.choice([1, 4, 40])):
        place = chance.randrange(len(data) or 1)
        how = chance.random()
        if how < 0.5:
            data[place : place + 1] = bytes([chance.randrange(256)])
        elif how < 0.9:
            del data[place : place + chance.randrange(40)]
        else:
            del data[place:]
    survive(*key, bytes(data))


# --- folders, archives, gzip


def archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_archive_is_read_as_the_folder_is(tmp_path):
    folder = GOLDEN / "pt18_basic" / "pred"
    members = {
        f"submission/val/{path.name}": path.read_bytes() for path in folder.iterdir()
    }
    members["__MACOSX/submission/._000001.json"] = b"\x00"
    members["submission/readme.txt"] = b"hello"
    members["submission/.hidden.json"] = b"{"
    path = archive(tmp_path / "submission.zip", members)
    a, b = read_posetrack(path), read_posetrack(folder)
    assert list(a) == list(b)
    assert all(np.array_equal(a[n].track_ids, b[n].track_ids) for n in a)
    gt = GOLDEN / "pt18_basic" / "gt"
    assert poseflow.evaluate(gt, path).table() == poseflow.evaluate(gt, folder).table()


def test_archive_members_cannot_write_outside(tmp_path):
    text = json.dumps({"annolist": []})
    path = archive(
        tmp_path / "evil.zip",
        {"../../up.json": text, "/absolute.json": text, "C:\\win.json": text},
    )
    before = sorted(tmp_path.rglob("*"))
    assert list(read_posetrack(path)) == ["absolute", "up", "win"]
    assert sorted(tmp_path.rglob("*")) == before


def test_names_in_archives_have_no_control_characters(tmp_path):
    path = archive(tmp_path / "a.zip", {"x\x1b[2J/\x1b[31mred\n.json": b"{"})
    (file,) = find_sequence_files(path)
    assert (file.label + file.name).isprintable()
    with pytest.raises(FormatError, match="not valid JSON") as error:
        read_annotations(file)
    assert str(error.value).isprintable()


def test_zip_bombs_are_refused(tmp_path, monkeypatch):
    blank = b" " * 2_000_000
    bomb = archive(tmp_path / "bomb.zip", {"a.json": blank})
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(blank))
    nested = archive(tmp_path / "nested.zip", {"a.json.gz": gzip.compress(blank)})
    for file in (
        *find_sequence_files(bomb),
        *find_sequence_files(nested),
        SequenceFile("b", tmp_path / "b.json.gz"),
    ):
        with pytest.raises(FormatError, match="more than"):
            file.read_bytes(limit=1_000_000)
    monkeypatch.setattr(submission, "MAX_ARCHIVE_FILES", 1)
    many = archive(tmp_path / "many.zip", {"a.json": b"{}", "b.json": b"{}"})
    with pytest.raises(FormatError, match="has 2 members"):
        find_sequence_files(many)


def test_a_sequence_that_is_there_twice_is_refused(tmp_path):
    path = archive(tmp_path / "two.zip", {"x/a.json": b"{}", "y/a.json": b"{}"})
    with pytest.raises(FormatError, match="'a' is there twice"):
        find_sequence_files(path)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_damaged_archives(seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archives")
    text = SMALL["pt17_edge", "pred"]
    whole = archive(folder / "whole.zip", {"a.json": text, "b.json": text})
    data = bytearray(whole.read_bytes())
    chance = random.Random(seed)
    for _ in range(chance.choice([1, 5])):
        if chance.random() < 0.2:
            del data[chance.randrange(len(data) or 1) :]
        # The directory at the end is hit as often as the content.
        low = chance.choice([0, max(len(data) - 200, 0)])
        if len(data) > low:
            data[chance.randrange(low, len(data))] = chance.randrange(256)
    path = folder / "damaged.zip"
    path.write_bytes(data)
    with contextlib.suppress(FormatError):
        read_posetrack(path)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x1f\x8b", id="magic alone"),
        pytest.param(b"not gzip", id="not gzip"),
        pytest.param(gzip.compress(b'{"annolist": []}')[:-9], id="cut"),
    ],
)
def test_damaged_gzip(data, tmp_path):
    path = tmp_path / "a.json.gz"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"a\.json\.gz"):
        read_annotations(path)


def test_folders(tmp_path):
    with pytest.raises(FormatError, match="no such file or folder"):
        find_sequence_files(tmp_path / "nowhere")
    with pytest.raises(FormatError, match="holds no sequence file"):
        find_sequence_files(tmp_path)
    below = tmp_path / "val"
    below.mkdir()
    (below / "a.json").write_text('{"annolist": []}')
    assert [file.name for file in find_sequence_files(tmp_path)] == ["a"]


# --- written files


@pytest.mark.parametrize("format", ["posetrack17", "posetrack18", "posetrack21"])
@pytest.mark.parametrize("case", ["pt17_basic", "pt18_basic"])
def test_written_files_score_as_what_they_were_made_from(case, format, tmp_path):
    for path in (GOLDEN / case / "pred").iterdir():
        name = path.name.removesuffix(".gz")
        poseflow.write(poseflow.read(path), tmp_path / name, format)
        assert poseflow.formats.sniff(tmp_path / name).name == format
    gt = GOLDEN / case / "gt"
    for mode in ("poseval", "strict"):
        a = poseflow.evaluate(gt, GOLDEN / case / "pred", mode)
        b = poseflow.evaluate(gt, tmp_path, mode)
        assert a.table(digits=9) == b.table(digits=9)


def test_writer_says_which_joints_are_estimated(tmp_path):
    people = poseflow.Poses(np.ones((1, 17, 2)), track_ids=[1])
    frames = (
        poseflow.Frame(0, 0.0, people),
        poseflow.Frame(2, 0.0, poseflow.Poses.empty()),
        poseflow.Frame(3, 0.0, people),
    )
    result = poseflow.PoseSequence(frames, people.skeleton, "walk")
    for format in ("posetrack17", "posetrack18"):
        with pytest.warns(UserWarning, match="estimated: .*head_top"):
            poseflow.write(result, tmp_path / "walk.json", format)
        a = read_annotations(tmp_path / "walk.json")
        # The frame that the result left out is there again: frames pair by position.
        assert (a.num_frames, a.frames.tolist()) == (4, [0, 3])
        assert a.image_names[1] == "images/walk/000001.jpg"
        assert a.present.all()


# --- one video a file


def two_frames(first, second):
    images = [{"id": 7, "is_labeled": True, **first}, {"id": 8, **second}]
    return {"images": images, "annotations": [person18(), person18(image_id=8)]}


SEVERAL = [
    pytest.param(
        two_frames({"vid_id": "000001"}, {"vid_id": "000002"}),
        r"those of 2 \(vid_id '000001', '000002'\)",
        id="texts",
    ),
    pytest.param(
        two_frames({"vid_id": 1}, {"vid_id": 2}), r"vid_id 1, 2\)", id="numbers"
    ),
    pytest.param(
        two_frames({"file_name": "val/a/0.jpg"}, {"file_name": "val/b/0.jpg"}),
        r"folders of the image names 'val/a', 'val/b'\)",
        id="folders",
    ),
    pytest.param(
        two_frames({"vid_id": "a"}, {"vid_id": "b", "is_labeled": "?"}),
        r"vid_id 'a', 'b'\)",
        id="repaired",
    ),
    pytest.param(
        {"annolist": [frame17(image=[{"name": f"{v}/0.jpg"}]) for v in "abcde"]},
        r"those of 5 .*'a', 'b', 'c', \.\.\. 5 in all\)",
        id="2017",
    ),
]


@pytest.mark.parametrize(("document", "message"), SEVERAL)
def test_several_videos_in_a_file_are_refused(tmp_path, document, message):
    path = tmp_path / "all.json"
    path.write_text(json.dumps(document))
    with pytest.raises(FormatError, match=f"all.json: .*{message}; write one file"):
        poseflow.read(path)
    with pytest.raises(FormatError, match=message):
        poseflow.evaluate(path, path)
    (problem,) = [p for p in check(path, path) if p.level == "error"]
    assert "expected the frames of one video" in problem.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({}, {}, id="nothing said"),
        pytest.param({"vid_id": "000001"}, {"vid_id": 1}, id="text and number"),
        pytest.param({"vid_id": 1.0}, {"vid_id": "1"}, id="fraction"),
        pytest.param({"vid_id": "a"}, {}, id="said once"),
        pytest.param(
            {"vid_id": 1, "file_name": "a/0.jpg"},
            {"vid_id": 1, "file_name": "b/1.jpg"},
            id="one video in two folders",
        ),
        pytest.param({"file_name": "0.jpg"}, {"file_name": "a/1.jpg"}, id="a folder"),
    ],
)
def test_one_video_in_a_file(first, second):
    assert parse(two_frames(first, second)).num_frames == 2

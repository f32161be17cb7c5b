"""The formats `ultralytics` (JSON) and `ultralytics-labels` (text)."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import poseflow
from poseflow.errors import FormatError

GOLDEN = Path(__file__).parents[2] / "golden/formats/ultralytics"
ARRAYS = json.loads((GOLDEN / "arrays.json").read_text())


def entry(x=5.0, joints=17, **fields):
    keypoints = {"x": [x] * joints, "y": [7.0] * joints, "visible": [0.5] * joints}
    box = {"x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0}
    return {
        "name": "person",
        "class": 0,
        "confidence": 0.75,
        "box": box,
        "keypoints": keypoints,
    } | fields


@pytest.fixture
def read(tmp_path):
    def run(content, **options):
        path = tmp_path / "clip.json"
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text)
        assert poseflow.formats.sniff(path).name == "ultralytics"
        return poseflow.read(path, **options)

    return run


def same(poses, arrays, tolerance):
    assert poses.track_ids.tolist() == arrays["ids"]
    for found, expected in (
        (poses.keypoints, arrays["xy"]),
        (poses.boxes, arrays["xyxy"]),
        (poses.scores, arrays["conf"]),
        (poses.keypoint_scores, np.array(arrays["keypoints"])[..., 2]),
    ):
        np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)


def test_results_of_a_video_as_json():
    found = poseflow.read(GOLDEN / "tracked.json")
    assert [(f.index, len(f.poses)) for f in found] == [(0, 2), (1, 0), (2, 1)]
    for place in (0, 2):
        same(found[place].poses, ARRAYS[place], 1e-5)  # to_json rounds to 5 decimals


def test_result_of_an_image_as_json():
    found = poseflow.read(GOLDEN / "image.json")
    assert [f.name for f in found] == ["image"]
    same(found[0].poses, ARRAYS[0], 1e-5)


def test_labels_of_a_video_are_counted_from_1():
    assert poseflow.formats.sniff(GOLDEN / "labels").name == "ultralytics-labels"
    found = poseflow.read(GOLDEN / "labels", size=(640, 480))
    assert [(f.index, f.name) for f in found] == [(0, "000000.jpg"), (2, "000002.jpg")]
    same(found[0].poses, ARRAYS[0], 1e-3)
    same(found[1].poses, ARRAYS[2], 1e-3)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ([[entry()], [], [entry()]], ["000000.jpg", "000001.jpg", "000002.jpg"]),
        ([json.dumps([entry()]), "[]"], ["000000.jpg", "000001.jpg"]),
        ({"b.jpg": [entry()], "a.jpg": []}, ["a.jpg", "b.jpg"]),
        ({"images": [{"results": [entry()], "shape": [480, 640]}]}, ["000000.jpg"]),
        (json.dumps(json.dumps([entry()])), None),
    ],
)
def test_variants(read, tmp_path, content, names):
    if names is None:
        (tmp_path / "a.json").write_text(content)
        found = poseflow.read(tmp_path / "a.json", "ultralytics")
        names = ["a"]
    else:
        found = read(content)
    assert [f.name for f in found] == names
    assert sum(len(f.poses) for f in found) == (2 if len(names) == 3 else 1)


def test_the_web_services_answer_gives_the_size(read):
    found = read({"images": [{"shape": [480.0, 640], "results": [entry()]}]})
    assert found.size == (640, 480)


@pytest.mark.parametrize(
    "change", [{"box": {"x1": 3}}, {"confidence": []}, {"track_id": 1.5}]
)
def test_a_bad_optional_field_does_not_cost_the_person(read, change):
    with pytest.warns(UserWarning, match=f"ignored 1 optional.*{next(iter(change))}"):
        found = read([[entry(), entry(**change)]])
    assert len(found[0].poses) == 2


def test_results_without_joints_are_refused(read):
    boxes = entry()
    del boxes["keypoints"]
    with pytest.raises(FormatError, match="results of a detection model have none"):
        read([[boxes]])


def test_several_classes_are_named(read):
    with pytest.warns(UserWarning, match="2 classes, person, dog"):
        assert len(read([[entry(), entry(name="dog")]])[0].poses) == 2


def test_no_visibility_and_the_origin(read):
    person = entry()
    del person["keypoints"]["visible"]
    person["keypoints"]["x"][3] = person["keypoints"]["y"][3] = 0.0
    poses = read([person])[0].poses
    assert poses.keypoint_scores[0].tolist() == [1.0] * 3 + [0.0] + [1.0] * 13


def line(*after, joints=17, step=3, box="0.5 0.5 0.2 0.4", mark="1"):
    joint = f"0.5 0.25 {mark} "[: None if step == 3 else 9]
    return " ".join(["0", box, joint.strip(), *[joint.strip()] * (joints - 1), *after])


def labels(folder, *lines, name="IMG_2"):
    (folder / f"{name}.txt").write_text("".join(f"{text}\n" for text in lines))
    return folder


@pytest.mark.parametrize(
    ("lines", "scores", "ids"),
    [
        ([line()], [1.0], [-1]),
        ([line(mark="2")], [1.0], [-1]),
        ([line(step=2)], [1.0], [-1]),
        ([line("0.75"), line("0.5")], [0.75, 0.5], [-1, -1]),
        ([line("3"), line("4")], [1.0, 1.0], [3, 4]),
        ([line("0.75", "3"), line("0.5")], [0.75, 0.5], [3, -1]),
        ([line("0.75", "3", step=2, mark="")], [0.75], [3]),
    ],
)
def test_columns_of_labels(tmp_path, lines, scores, ids):
    found = poseflow.read(labels(tmp_path, *lines), size=(200, 100))
    assert [f.name for f in found] == ["IMG_2"]
    poses = found[0].poses
    assert poses.keypoints[0, 0].tolist() == [100, 25]
    assert poses.keypoint_scores[0].tolist() == [1.0] * 17
    np.testing.assert_allclose(poses.boxes[0], [80, 30, 120, 70])
    assert poses.scores.tolist() == scores
    assert poses.track_ids.tolist() == ids


def test_labels_need_the_size(tmp_path):
    labels(tmp_path, line())
    with pytest.raises(FormatError, match=r"divided by the size.*--size"):
        poseflow.read(tmp_path)
    frame = poseflow.Frame(0, 0.0, poseflow.Poses.empty())
    with pytest.raises(FormatError, match=r"divides by the size.*--size"):
        poseflow.write([frame], tmp_path / "out", "ultralytics-labels")


def test_labels_of_images_keep_their_names_and_empty_files_are_frames(tmp_path):
    labels(tmp_path / ".", line(), name="day")
    labels(tmp_path, name="night")
    found = poseflow.read(tmp_path, size=(10, 10))
    assert [(f.name, len(f.poses)) for f in found] == [("day", 1), ("night", 0)]


def test_other_joints_are_named(tmp_path):
    labels(tmp_path, line(joints=4))
    with pytest.raises(FormatError, match="lines of 17 numbers; name the skeleton"):
        poseflow.read(tmp_path, "ultralytics-labels", size=(10, 10))
    fish = poseflow.Skeleton("fish", ("mouth", "fin", "back", "tail"))
    found = poseflow.read(tmp_path, size=(10, 10), skeleton=fish)
    assert len(found[0].poses) == 1


def test_a_bad_line_does_not_cost_the_others(tmp_path):
    labels(tmp_path, line(), line().replace("0.25", "what"))
    with pytest.warns(UserWarning, match=r"line 2 \(image 'IMG_2'\)"):
        assert len(poseflow.read(tmp_path, size=(10, 10))[0].poses) == 1


def test_labels_beside_boxes_alone_and_names_of_classes(tmp_path):
    line = "0 .5 .5 .1 .1 " + ".5 .4 2 " * 17
    (tmp_path / "a.txt").write_text(f"{line}\n1{line[1:]}\n0 .5 .5 .1 .1\n")
    (tmp_path / "classes.txt").write_text("person\n")
    with warnings.catch_warnings(record=True) as caught:
        found = poseflow.read(tmp_path, size=(100, 100))
    texts = " ".join(str(one.message) for one in caught)
    assert "left out 1 of 3 poses" in texts
    assert "2 classes, class 0, class 1" in texts
    assert [(frame.name, len(frame.poses)) for frame in found] == [("a", 2)]

"""Files that would be misread in silence: named, refused, or read as meant."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import poseflow
from poseflow import Frame, Poses, PoseSequence, skeletons
from poseflow.cli.app import app
from poseflow.errors import FormatError
from poseflow.formats.mot import read_mot

KEYPOINTS = [1.5] * 51


def posetrack18(videos):
    """Two frames of each video, one person each; x tells the video."""
    images, people = [], []
    for number, (name, vid_id) in enumerate(videos):
        for k in range(2):
            image = {"id": 10 * number + k, "file_name": f"images/{name}/{k:06d}.jpg"}
            images.append(image | ({} if vid_id is None else {"vid_id": vid_id}))
            people.append(
                {
                    "image_id": 10 * number + k,
                    "track_id": number,
                    "keypoints": [number + 1.0, 5.0, 1.0] * 17,
                }
            )
    return {"images": images, "annotations": people, "categories": []}


def posetrack17(names):
    return {
        "annolist": [
            {
                "image": [{"name": f"images/{name}/{k:06d}.jpg"}],
                "annorect": [
                    {
                        "track_id": [number],
                        "annopoints": [
                            {"point": [{"id": [0], "x": [number + 1.0], "y": [5.0]}]}
                        ],
                    }
                ],
            }
            for number, name in enumerate(names)
            for k in range(2)
        ]
    }


VIDEOS = {
    "vid_id": posetrack18([("a", "000342"), ("b", "000343")]),
    "folders": posetrack18([("000342_mpii", None), ("000343_mpii", None)]),
    "2017": posetrack17(["000342_mpii", "000343_mpii"]),
}


@pytest.mark.parametrize(
    ("kind", "video"),
    [
        ("vid_id", "000343"),
        ("vid_id", "343"),
        ("folders", "000343_mpii"),
        ("folders", "images/000343_mpii"),
        ("2017", "000343_mpii"),
    ],
)
def test_one_video_of_a_file_with_several(tmp_path, kind, video):
    path = tmp_path / "all.json"
    path.write_text(json.dumps(VIDEOS[kind]))
    with pytest.raises(FormatError, match=r"those of 2 \(.*--video NAME"):
        poseflow.read(path)
    read = poseflow.read(path, video=video)
    assert [len(frame.poses) for frame in read] == [1, 1]
    assert {x for frame in read for x in frame.poses.keypoints[0, :1, 0]} == {2.0}
    assert read.track_ids.tolist() == [1]
    with pytest.raises(
        FormatError, match=r"one video 'x', found 0; the file has .*342"
    ):
        poseflow.read(path, video="x")
    out = tmp_path / "one.json"
    done = CliRunner().invoke(app, ["convert", str(path), str(out), "--video", video])
    assert done.exit_code == 0, done.output
    assert len(poseflow.read(out)) == 2


def test_one_video_of_coco_annotations_and_parquet(tmp_path):
    document = posetrack18([("a", None), ("b", None)])
    for image in document["images"]:
        image["video_id"] = image["file_name"].split("/")[1]
    names = skeletons.COCO17.joints
    document["categories"] = [{"id": 1, "name": "person", "keypoints": names}]
    path = tmp_path / "all.json"
    path.write_text(json.dumps(document))
    read = poseflow.read(path, "coco-annotations", video="b")
    assert read.track_ids.tolist() == [1]

    pytest.importorskip("pyarrow")
    import pandas as pd

    for name in ("a", "b"):
        poses = Poses(np.ones((1, 17, 2)), track_ids=[ord(name)])
        frames = (Frame(0, 0.0, poses),)
        sequence = PoseSequence(frames, skeletons.COCO17, name)
        poseflow.write(sequence, tmp_path / f"{name}.parquet")
    tables = [pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("a", "b")]
    pd.concat(tables).to_parquet(tmp_path / "both.parquet")
    with pytest.raises(FormatError, match=r"those of 2.*--video NAME"):
        poseflow.read(tmp_path / "both.parquet")
    read = poseflow.read(tmp_path / "both.parquet", video="b")
    assert read.track_ids.tolist() == [ord("b")]
    with pytest.raises(FormatError, match="rows of video 'c'"):
        poseflow.read(tmp_path / "both.parquet", video="c")


def test_a_list_has_one_video(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"image_id": "0.jpg", "keypoints": KEYPOINTS}]))
    with pytest.raises(FormatError, match="format alphapose has one video"):
        poseflow.read(path, video="a")


@pytest.mark.parametrize("kind", ["list", "forvis", "jsonl", "csv"])
@pytest.mark.parametrize("count", [2, 3])
def test_an_identity_of_two_people_in_a_frame_is_named(tmp_path, kind, count):
    person = {"keypoints": KEYPOINTS, "idx": 4}
    other = {"keypoints": KEYPOINTS}
    if kind == "list":
        entries = [person | {"image_id": f"{k}.jpg"} for k in (5, 3)]
        entries += [entries[0] | {"idx": 7}, *[entries[0]] * (count - 1)]
        text = json.dumps(entries)
    elif kind == "forvis":
        text = json.dumps({"5.jpg": [other, *[person] * count], "3.jpg": [person]})
    elif kind == "jsonl":
        lines = [
            {"frame": 3, "people": [person, other], "image_id": "3.jpg"},
            {"frame": 5, "people": [other, *[person] * count], "image_id": "5.jpg"},
        ]
        text = "\n".join(map(json.dumps, lines)) + "\n"
    else:
        rows = ["frame,name,person,id,joint,x,y", "3,3.jpg,0,4,a,1,2"]
        rows += [f"5,5.jpg,{k},4,a,1,2" for k in range(count)]
        text = "\n".join(rows)
    path = tmp_path / f"in.{kind if kind in ('csv', 'jsonl') else 'json'}"
    path.write_text(text)
    more = " and so 1 times more" if count == 3 else ""
    message = rf"in\.\w+: id 4 is that of two people in frame '5\.jpg',?{more};"
    with pytest.warns(UserWarning, match=message):
        read = poseflow.read(path)
    assert sum((f.poses.track_ids == 4).sum() for f in read) == count + 1


def test_people_without_identity_are_no_repetition(tmp_path, recwarn):
    entries = [{"image_id": "0.jpg", "keypoints": KEYPOINTS}] * 3
    entries += [entry | {"idx": 0} for entry in entries]
    (tmp_path / "a.json").write_text(json.dumps(entries))
    assert len(poseflow.read(tmp_path / "a.json")[0].poses) == 6
    assert not recwarn.list


def test_an_image_that_comes_twice_in_the_dictionary(tmp_path):
    person = json.dumps({"keypoints": KEYPOINTS, "box": [1, 2, 3, 4]})
    other = json.dumps({"keypoints": [2.5] * 51, "scores": 0.5})
    text = f'{{"0.jpg": [{person}], "1.jpg": [{person}], "0.jpg": [{other}]}}'
    (tmp_path / "a.json").write_text(text)
    with pytest.warns(UserWarning, match=r"image '0\.jpg' comes 2 times; the people"):
        read = poseflow.read(tmp_path / "a.json")
    assert read[0].poses.keypoints[:, 0, 0].tolist() == [1.5, 2.5]
    assert read[0].poses.boxes[0].tolist() == [1, 2, 4, 6]
    assert len(read[1].poses) == 1


def walk(ids, frames):
    """Rows frame, id, left, top, width, height of people who walk side by side."""
    return np.array(
        [[k, i, 20 + 60 * i + 2 * k, 300, 40, 100, 0.9] for k in frames for i in ids]
    )


@pytest.mark.parametrize("order", ["frame", "id"])
@pytest.mark.parametrize("people", [1, 3, 12])
def test_swapped_frame_and_id(tmp_path, people, order):
    rows = walk(range(1, people + 1), range(1, 41))
    if order == "id":
        rows = rows[np.argsort(rows[:, 1], kind="stable")]
    path = tmp_path / "a.txt"
    np.savetxt(path, rows, "%g", ",")
    assert len(np.unique(read_mot(path).track_ids)) == people
    np.savetxt(path, rows[:, [1, 0, 2, 3, 4, 5, 6]], "%g", ",")
    if people == 1:
        return  # one frame with forty people: nothing tells
    with pytest.raises(FormatError, match=r"a\.txt: .*two columns were id, frame"):
        read_mot(path)
    with pytest.raises(FormatError, match="exchange them"):
        poseflow.read(path)


def test_corners_instead_of_sides(tmp_path):
    rows = walk(range(1, 5), range(1, 41))
    np.savetxt(tmp_path / "a.txt", rows, "%g", ",")
    rows[:, 4:6] += rows[:, 2:4]
    np.savetxt(tmp_path / "b.txt", rows, "%g", ",")
    with pytest.warns(UserWarning, match="boxes may be left, top, right, bottom"):
        read_mot(tmp_path / "b.txt")


def test_crowds_and_fast_people_are_not_suspected(tmp_path, recwarn):
    rng = np.random.default_rng(0)
    rows = walk(range(1, 9), range(1, 41))
    rows[:, 2:4] = rng.uniform(0, 2000, (len(rows), 2))
    np.savetxt(tmp_path / "a.txt", rows, "%g", ",")
    read_mot(tmp_path / "a.txt")
    assert not recwarn.list


def test_a_list_deep_in_an_object_is_no_empty_result(tmp_path):
    path = tmp_path / "in.json"
    people = [{"image_id": "0.jpg", "keypoints": KEYPOINTS}]
    path.write_text(json.dumps({"data": {"results": people}}))
    with pytest.raises(FormatError, match="expected a list with one entry per person"):
        poseflow.read(path)

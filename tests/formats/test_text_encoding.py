"""Byte order marks, UTF-16 and UTF-32 in every reader of text."""

import gzip
import json
import warnings

import pytest

import poseflow
from poseflow.cli.info import _description
from poseflow.errors import FormatError
from poseflow.eval.coco.evaluate import evaluate_coco
from poseflow.formats.mot import read_mot
from poseflow.formats.posetrack.submission import find_sequence_files
from poseflow.formats.text_encoding import as_utf8

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]

KEYPOINTS = [float(n) for n in range(1, 52)]
LIST = [{"image_id": "1.jpg", "category_id": 1, "keypoints": KEYPOINTS, "score": 0.5}]
OPENPOSE = {"version": 1.3, "people": [{"pose_keypoints_2d": KEYPOINTS}]}
FORVIS = {"1.jpg": [{"keypoints": KEYPOINTS}]}
POSETRACK = {
    "images": [{"id": 1, "file_name": "seq/ü.jpg"}],
    "annotations": [{"image_id": 1, "keypoints": KEYPOINTS, "track_id": 0}],
    "categories": [{"keypoints": list(poseflow.skeletons.get("posetrack18").joints)}],
}
COCO = {
    "images": [{"id": 1, "file_name": "1.jpg"}],
    "categories": [{"id": 1, "name": "person"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "keypoints": KEYPOINTS, "area": 99}
    ],
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("document", [LIST, OPENPOSE, FORVIS, POSETRACK])
def test_poses_in_every_encoding(tmp_path, document, encoding, zipped):
    data = json.dumps(document, ensure_ascii=False).encode(encoding)
    path = tmp_path / ("a.json.gz" if zipped else "a.json")
    path.write_bytes(gzip.compress(data) if zipped else data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (frame,) = poseflow.read(path)
    assert len(frame.poses) == 1
    assert _description(str(path))["people"].startswith("1 poses")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_readers_in_every_encoding(tmp_path, encoding):
    mot, gt, pred = (tmp_path / name for name in ("a.txt", "gt.json", "pred.json"))
    mot.write_bytes("1,7,1,2,10,20,1\r\n2,7,1,2,10,20,1\r\n".encode(encoding))
    assert read_mot(mot).frames.tolist() == [0, 1]
    gt.write_bytes(json.dumps(COCO).encode(encoding))
    pred.write_bytes(json.dumps(LIST).encode(encoding))
    assert evaluate_coco(gt, pred)["AP"] == pytest.approx(100)
    (file,) = find_sequence_files(gt)
    assert json.loads(file.read_bytes()) == COCO


def test_the_first_bytes_may_end_inside_a_character():
    assert as_utf8("[1]".encode("utf-16")[:-1], "a", whole=False) == b"[1"


def test_damaged_wide_text_names_its_encoding(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes("[ü]".encode("utf-16")[:-1])
    with pytest.raises(FormatError, match=r"a\.json: the text is in UTF-16 and breaks"):
        poseflow.read(path, format="alphapose")

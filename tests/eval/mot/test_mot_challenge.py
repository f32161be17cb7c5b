"""MOTChallenge's own layout, classes and distractors; results that are missing."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from poseflow.cli.guard import GuardedGroup
from poseflow.cli.scoring.mot import evaluate_mot
from poseflow.errors import FormatError
from poseflow.eval.mot.scoring import score_mot, trackeval_fields
from poseflow.formats.mot import read_mot, sequence_length

GOLDEN = Path(__file__).parents[2] / "golden" / "mot_challenge"
TRUTH = "1,1,0,0,5,5,1,1,1\n2,1,0,0,5,5,1,1,1\n"
RESULT = "1,4,0,0,5,5,0.9,-1,-1,-1\n2,4,0,0,5,5,0.9,-1,-1,-1\n"


def save(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("benchmark", ["MOT17", "MOT20"])
def test_distractors_and_marks_as_in_trackeval(benchmark):
    folder = GOLDEN / benchmark
    expected = json.loads((folder / "reference.json").read_text())
    scores = score_mot(folder / "gt", folder / "pred", convention="trackeval")
    for one in (*scores, sum(scores)):
        name = one.name if one in scores else "COMBINED_SEQ"
        found = trackeval_fields(one)
        found |= {k: one.to_dict()[k] / 100 for k in ("HOTA", "DetA", "AssA")}
        for field, value in expected[name].items():
            assert found[field] == pytest.approx(value, abs=1e-9), (name, field)


def test_marks_without_classes_are_cut_off_like_trackevals(tmp_path):
    save(tmp_path / "gt.txt", "1,1,0,0,5,5,1\n1,2,9,9,5,5,0\n1,3,30,9,5,5,0.5\n")
    save(tmp_path / "pred.txt", "1,1,0,0,5,5,1\n")
    (one,) = score_mot(
        tmp_path / "gt.txt", tmp_path / "pred.txt", convention="trackeval"
    )
    assert one.counts["num_objects"] == 1


def test_a_sequence_of_distractors_alone_as_in_trackeval(tmp_path):
    save(tmp_path / "gt.txt", "1,1,0,0,5,5,1,12,1\n")
    save(tmp_path / "pred.txt", "1,1,90,0,5,5,1\n1,2,40,0,5,5,1\n")
    (one,) = score_mot(
        tmp_path / "gt.txt", tmp_path / "pred.txt", convention="trackeval"
    )
    found = trackeval_fields(one)
    zero = ("MOTA", "MODA", "sMOTA", "MOTAL", "CLR_Re", "MTR", "IDF1")
    assert [found[name] for name in zero] == [0] * 7
    assert (found["MLR"], found["CLR_FP"]) == (1, 2)


@pytest.mark.parametrize(
    ("truth", "result", "message"),
    [
        pytest.param(
            TRUTH + "3,1,0,0,5,5,1,14,1\n",
            RESULT,
            "class of 1 to 13 .*found 14",
            id="14",
        ),
        pytest.param(
            TRUTH + "3,1,0,0,5,5,1\n",
            RESULT,
            "class of 1 to 13 .*found none",
            id="none",
        ),
        pytest.param(
            TRUTH, "1,4,0,0,5,5,1,3\n", "expected class 1 .*found 3", id="car"
        ),
    ],
)
def test_classes_that_trackeval_refuses(tmp_path, truth, result, message):
    save(tmp_path / "gt.txt", truth)
    save(tmp_path / "pred.txt", result)
    with pytest.raises(FormatError, match=message):
        score_mot(tmp_path / "gt.txt", tmp_path / "pred.txt", convention="trackeval")


@pytest.mark.parametrize(
    ("gt", "pred"),
    [
        pytest.param("S-01/gt/gt.txt", "results", id="file and folder"),
        pytest.param("S-01/gt", "results", id="folder of the file"),
        pytest.param("S-01", "results", id="sequence"),
        pytest.param(".", "results", id="set of sequences"),
        pytest.param(".", "tracker", id="data folder of TrackEval"),
        pytest.param(".", "nested", id="folder of each sequence"),
        pytest.param("S-01/gt/gt.txt", "results/S-01.txt", id="two files"),
        pytest.param("S-01", "results/S-01.txt", id="sequence and file"),
        pytest.param(".", "det", id="det.txt with identities"),
        pytest.param("S-01", ".", id="ground truth against itself"),
    ],
)
def test_layouts(tmp_path, gt, pred):
    save(tmp_path / "S-01/gt/gt.txt", TRUTH)
    save(tmp_path / "S-01/seqinfo.ini", "[Sequence]\nname=S-01\nseqLength=7\n")
    save(tmp_path / "results/S-01.txt", RESULT)
    save(tmp_path / "tracker/data/S-01.txt", RESULT)
    save(tmp_path / "nested/S-01/S-01.txt", RESULT)
    save(tmp_path / "det/S-01/det/det.txt", RESULT)
    (one,) = score_mot(tmp_path / gt, tmp_path / pred)
    assert (one.name, one.mota, one.counts["num_frames"]) == ("S-01", 100, 7)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param([], "2 of 2 sequences, A, B: .*found no other", id="empty"),
        pytest.param(["A.txt"], "1 of 2 sequences, B: expected B.txt", id="one"),
        pytest.param(["A.txt", "b.txt"], "B: .*found b.txt; name the", id="misspelt"),
        pytest.param(["gt.txt"], "2 of 2 sequences", id="of which sequence?"),
    ],
)
def test_a_missing_result_is_an_error_unless_asked_for(tmp_path, files, message):
    for name in "AB":
        save(tmp_path / f"truth/{name}/gt/gt.txt", TRUTH)
    result = tmp_path / "result"
    result.mkdir()
    for name in files:
        save(result / name, RESULT)
    with pytest.raises(FormatError, match=message):
        score_mot(tmp_path / "truth", result)
    app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    app.command()(evaluate_mot)
    command = ["evaluate-mot", str(tmp_path / "truth"), str(result)]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "--missing empty" in done.stderr
    done = CliRunner().invoke(app, [*command, "--missing", "empty"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[2].split()[0] == "B"


def test_several_sequences_are_not_scored_against_one_file(tmp_path):
    for name in "AB":
        save(tmp_path / f"{name}.txt", TRUTH)
    save(tmp_path / "result/r.txt", RESULT)
    with pytest.raises(FormatError, match="expected a folder with a file for each of"):
        score_mot(tmp_path, tmp_path / "result" / "r.txt")


def test_detections_are_not_taken_for_tracks(tmp_path):
    save(tmp_path / "S/gt/gt.txt", TRUTH)
    save(tmp_path / "S/det/det.txt", "1,-1,0,0,5,5,9\n1,-1,3,3,5,5,7\n")
    assert read_mot(tmp_path / "S/det/det.txt").track_ids.tolist() == [-1, -1]
    with pytest.raises(FormatError, match=r"det.txt: expected tracks, found several"):
        score_mot(tmp_path / "S", tmp_path / "S" / "det" / "det.txt")


def test_lengths_of_sequences(tmp_path):
    truth = tmp_path / "S/gt/gt.txt"
    save(truth, TRUTH)
    assert sequence_length(truth) == 0
    save(tmp_path / "S/seqinfo.ini", "[Sequence]\nseqLength=two\n")
    with pytest.raises(FormatError, match=r"seqinfo.ini: expected seqLength = NUMBER"):
        sequence_length(truth)
    save(tmp_path / "S/seqinfo.ini", "[Sequence]\nseqLength=2\n")
    save(tmp_path / "S.txt", RESULT + "3,4,0,0,5,5,0.9\n")
    with pytest.warns(UserWarning, match="has frame 3, expected at most 2"):
        (one,) = score_mot(truth, tmp_path)
    assert one.counts["num_frames"] == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,,0,0,5,5,1", "found nothing as id"),
        ("1,2, ,0,5,5,1", "found nothing as left"),
        (",1,2,0,5,5,1", "found nothing as frame"),
        ("1,2,3,4,5,6,,1", "found nothing as confidence"),
        ("1,2,,,,,", "found 2 values"),
    ],
)
def test_an_empty_cell_does_not_move_the_others(tmp_path, line, message):
    save(tmp_path / "a.txt", line + "\n")
    with pytest.raises(FormatError, match=f"line 1: .*{message}"):
        read_mot(tmp_path / "a.txt")


@pytest.mark.parametrize(
    "line", ["1, 2, 3, 4, 5, 6,", "1 2 3 4 5 6", "1\t2\t3\t4\t5\t6"]
)
def test_cells_with_spaces(tmp_path, line):
    save(tmp_path / "a.txt", line + "\n")
    assert read_mot(tmp_path / "a.txt").boxes.tolist() == [[3, 4, 8, 10]]

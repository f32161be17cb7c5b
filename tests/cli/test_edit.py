"""`poseflow edit`: files in and out, in place, and what is refused."""

import json

import pytest
import typer
from typer.testing import CliRunner

import poseflow
from poseflow.cli.edit import edit
from poseflow.cli.guard import GuardedGroup
from poseflow.edit.corrections import Corrections, read_corrections, write_corrections

app = typer.Typer(cls=GuardedGroup, pretty_exceptions_enable=False)
app.callback()(lambda: None)
app.command()(edit)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people = [
        {"image_id": f"{t}.jpg", "keypoints": [t + 1.5] * 51, "score": 0.5, "idx": i}
        for t, i in enumerate([1, 1, 2, 2])
    ]
    (tmp_path / "in.json").write_text(json.dumps(people))

    def run(*arguments):
        return CliRunner().invoke(app, ["edit", *arguments])

    return run


def ids(path):
    return [frame.poses.track_ids.tolist() for frame in poseflow.read(path)]


def saved(*corrections, fingerprint=None):
    if fingerprint is None:
        fingerprint = poseflow.edit.fingerprint(poseflow.read("in.json"))
    made = Corrections(corrections, fingerprint, "in.json")
    write_corrections("corrections.json", made)


def test_options(run):
    done = run("in.json", "-o", "out.json", "--split", "1@1", "--merge", "2,3")
    assert done.exit_code == 0, done.stderr
    assert ids("out.json") == [[1], [2], [2], [2]]
    assert ids("in.json") == [[1], [1], [2], [2]]
    assert done.stderr == "out.json: 2 corrections, 2 tracks before, 2 now\n"


def test_file_and_options(run):
    saved(poseflow.edit.Split(1, 1, 7), poseflow.edit.Merge(7, (2,)))
    done = run("in.json", "-o", "o.json", "--apply", "corrections.json", "--delete=1")
    assert done.exit_code == 0, done.stderr
    assert ids("o.json") == [[7], [7], [7]]


def test_file_round_trip(run):
    steps = (
        poseflow.edit.Merge(3, (7, 8)),
        poseflow.edit.Split(4, 300, 12),
        poseflow.edit.Swap(2, 5, 120),
        poseflow.edit.Delete(9),
        poseflow.edit.Name(3, "Zoë <b>"),
    )
    saved(*steps, fingerprint="")
    assert read_corrections("corrections.json") == Corrections(steps, "", "in.json")


def test_in_place_keeps_every_backup(run, tmp_path):
    before = (tmp_path / "in.json").read_bytes()
    assert run("in.json", "--in-place", "--merge", "1,2").exit_code == 0
    done = run("in.json", "--in-place", "--split", "1@3")
    assert done.exit_code == 0
    assert "in.json.bak2 is the file as it was" in done.stderr
    assert (tmp_path / "in.json.bak").read_bytes() == before
    assert ids("in.json.bak2") == [[1]] * 4
    assert ids("in.json") == [[1], [1], [1], [2]]


def test_the_format_of_the_input_is_kept(run):
    poseflow.write(poseflow.read("in.json"), "forvis.json", "forvis")
    assert run("forvis.json", "-o", "out.json", "--merge", "1,2").exit_code == 0
    assert poseflow.formats.sniff("out.json").name == "forvis"


REFUSED = [
    (["-o", "in.json", "--merge", "1,2"], 1, "this is the result itself"),
    (["-o", "o.json"], 2, "nothing to correct"),
    (["--merge", "1,2"], 2, "either -o OUT or --in-place"),
    (["-o", "o.json", "--in-place", "--merge", "1,2"], 2, "either -o OUT"),
    (["-o", "o.json", "--merge", "1;2"], 1, "--merge: expected such as 3,7"),
    (["-o", "o.json", "--split", "1"], 1, "--split: expected such as 4@300"),
    (["-o", "o.json", "--swap", "1@3"], 1, "--swap: expected such as 2,5@120"),
    (["-o", "o.json", "--name", "1:Anna"], 1, "--name: expected such as 3=Anna"),
    (["-o", "o.json", "--delete", "9" * 30], 1, "--delete: expected such as 9"),
    (["-o", "o.json", "--delete", "5"], 1, "there is no track 5; there are 1, 2"),
    (["-o", "no/o.json", "--delete", "1"], 1, "/no does not exist"),
    (["-o", "o.json", "--apply", "no.json"], 1, "cannot read no.json"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED)
def test_refused(run, tmp_path, arguments, code, message):
    before = (tmp_path / "in.json").read_bytes()
    done = run("in.json", *arguments)
    assert done.exit_code == code, done.stderr
    assert message in " ".join(done.stderr.split())
    assert (tmp_path / "in.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]


def test_corrections_of_another_result(run):
    saved(poseflow.edit.Delete(1), fingerprint="00112233445566aa")
    done = run("in.json", "-o", "o.json", "--apply", "corrections.json")
    assert done.exit_code == 1
    assert "made for another result (in.json)" in done.stderr


GOOD = {"poseflow": "corrections", "version": 1, "corrections": []}
DAMAGED = [
    ("[1]", "expected a file of corrections"),
    ("{", "expected a file of corrections"),
    (json.dumps(GOOD | {"version": 2}), "expected corrections of version 1"),
    (json.dumps(GOOD | {"corrections": [{}]}), "correction 1: action: expected merge"),
    (
        json.dumps(GOOD | {"corrections": [{"action": "merge", "track": 1}]}),
        "correction 1 (merge): Object missing required field `others`",
    ),
    (
        json.dumps(GOOD | {"corrections": [{"action": "delete", "track": "1"}]}),
        "correction 1 (delete): Expected `int`, got `str`",
    ),
    (
        json.dumps(GOOD | {"corrections": [{"action": "delete", "track": 5}]}),
        "corrections.json: correction 1: there is no track 5",
    ),
]


@pytest.mark.parametrize(("text", "message"), DAMAGED)
def test_damaged_corrections(run, tmp_path, text, message):
    (tmp_path / "corrections.json").write_text(text)
    done = run("in.json", "-o", "o.json", "--apply", "corrections.json")
    assert done.exit_code == 1
    assert message in done.stderr
    assert not (tmp_path / "o.json").exists()


def test_the_suffix_of_the_output_names_another_format(run, tmp_path):
    done = run("in.json", "-o", "out.csv", "--delete", "2")
    assert done.exit_code == 0, done.stderr
    assert poseflow.formats.sniff(tmp_path / "out.csv").name == "csv"
    assert run("out.csv", "-o", "again.json", "--merge", "1,1").exit_code == 1
    done = run("out.csv", "-o", "again.json", "--split", "1@1")
    assert done.exit_code == 0, done.stderr
    assert poseflow.formats.sniff(tmp_path / "again.json").name == "alphapose"

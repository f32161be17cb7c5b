"""Training configurations: defaults, bases, changes and errors."""

from pathlib import Path

import pytest

from poseflow.errors import PoseFlowError
from poseflow.estimator.training.any_config import load_any_config
from poseflow.estimator.training.config import TrainConfig, load_config, to_json

SHIPPED = sorted((Path(__file__).parents[3] / "configs").rglob("*.yaml"))

BASE = """
out: run
skeleton: [nose, tail]
data: {}
input: {width: 64, height: 64}
"""


def written(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def test_defaults_and_changes(tmp_path):
    path = written(tmp_path, BASE + "model: {name: small}\n")
    config = load_config(
        path,
        [
            "optimizer.lr=2e-3",
            "data.train=[{format: lspet}]",
            "data.train.0.last=5",
            "schedule.milestones=[90, 120]",
        ],
    )
    assert config.optimizer.lr == 2e-3
    assert config.data.train[0].last == 5
    assert config.schedule.milestones == (90, 120)
    assert config.model.widths == (32, 32, 96, 192)
    assert config.target().joints == ("nose", "tail")
    assert to_json(config) == to_json(
        load_config(path, ["optimizer.lr=0.002"])
    ).replace('"milestones": []', '"milestones": [90, 120]').replace(
        '"train": []',
        '"train": [{"first": 1, "format": "lspet", "found": null, "last": 5, '
        '"rename": {}, "repeat": 1, "root": "."}]',
    )


def test_a_file_says_what_differs_from_its_base(tmp_path):
    written(tmp_path, BASE + "epochs: 7\n")
    middle, own = tmp_path / "middle.yaml", tmp_path / "own" / "own.yaml"
    middle.write_text("base: config.yaml\nepochs: 8\nout: middle\n")
    own.parent.mkdir()
    own.write_text("base: ../middle.yaml\nout: own\ninput: {height: 96}\n")
    config = load_config(own, ["sigma=3"])
    assert (config.out, config.epochs, config.sigma) == ("own", 8, 3)
    assert (config.input.width, config.input.height) == (64, 96)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        pytest.param("config.yaml", "is based on this file itself", id="itself"),
        pytest.param("other.yaml", "is based on this file itself", id="in a circle"),
        pytest.param("none.yaml", "there is no file .*none.yaml", id="missing"),
        pytest.param("[a]", r"expected a file's name, got \['a'\]", id="no name"),
    ],
)
def test_invalid_base_files(tmp_path, base, message):
    (tmp_path / "other.yaml").write_text("base: config.yaml\n")
    path = written(tmp_path, BASE + f"base: {base}\n")
    with pytest.raises(PoseFlowError, match=message):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(BASE + "epoch: 3", r"unknown field `epoch`", id="unknown field"),
        pytest.param(BASE + "epochs: 0", r"`int` >= 1 - at `\$\.epochs`", id="range"),
        pytest.param(BASE + "optimizer: {lr: fast}", r"\$\.optimizer\.lr", id="type"),
        pytest.param(BASE + "model: {name: big}", r"Invalid value 'big'", id="model"),
        pytest.param(
            BASE.replace("{}", "{train: [{format: coco}]}"),
            r"missing required field `annotations` - at `\$\.data\.train\[0\]`",
            id="missing field",
        ),
        pytest.param(
            BASE.replace("width: 64", "width: 65"),
            r"input\.width: expected a multiple of 32",
            id="size does not fit",
        ),
        pytest.param("- 1", "expected a mapping of fields, got list", id="a list"),
        pytest.param("a: [", "not YAML", id="broken"),
        pytest.param("out: !!python/object/apply:os.getcwd []", "not YAML", id="code"),
    ],
)
def test_mistakes_are_named(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(PoseFlowError, match=message) as error:
        load_config(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", "expected key=value"),
        ("epochs=[", "not YAML"),
        ("data.train.0.last=3", "not a position in a list of 0"),
        ("out.x=3", "not inside a mapping"),
    ],
)
def test_bad_changes(tmp_path, change, message):
    path = written(tmp_path, BASE.replace("{}", "{train: []}"))
    with pytest.raises(PoseFlowError, match=message):
        load_config(path, [change])


@pytest.mark.parametrize(
    "path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_shipped_configurations_are_valid(path):
    config = load_any_config(path)
    assert config.data.train
    if isinstance(config, TrainConfig):
        assert len(config.target()) >= 14


def test_shipped_configurations_do_not_train_on_test_images():
    config = load_config(next(p for p in SHIPPED if p.match("small/pose.yaml")))
    for dataset in (*config.data.train, *config.data.validate):
        assert getattr(dataset, "last", 0) <= 8000
    assert (config.data.test[0].first, config.data.test[0].last) == (8001, 9000)


def test_the_detector_does_not_train_on_test_images():
    config = load_any_config(next(p for p in SHIPPED if p.stem == "detector"))
    for data in config.data.validate:
        assert (data.folds, set(data.fold)) == (10, {3})
    for data in config.data.test:
        assert (data.folds, set(data.fold)) == (10, {4, 9})
    for data in config.data.train:
        assert not {3, 4, 9} & set(getattr(data, "fold", ()))
        assert getattr(data, "last", 0) <= 8000


def test_unknown_task(tmp_path):
    path = written(tmp_path, BASE.replace("{}", "{train: []}"))
    with pytest.raises(PoseFlowError, match="task: expected pose or detection"):
        load_any_config(path, ["task=hands"])

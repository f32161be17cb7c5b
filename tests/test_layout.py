"""The layout of the packages: floors, no circular imports, a light import."""

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "poseflow": "poseflow",
    "estimator": "poseflow.estimator",
    "tracker": "poseflow.tracker",
    "eval": "poseflow.eval",
}

# docs/architecture.md: imports point down only. The longest matching prefix counts.
FLOORS = {
    "poseflow.cli": 4,
    "poseflow.pipeline": 3,
    "poseflow.batch": 3,
    "poseflow.demo": 3,
    "poseflow.events": 3,
    "poseflow.report": 3,
    "poseflow.stats": 3,
    "poseflow.benchmark": 3,
    "poseflow.estimator": 2,
    "poseflow.tracker": 2,
    "poseflow.eval": 2,
    "poseflow.formats": 1,
    "poseflow.storage": 1,
    "poseflow.video": 1,
    "poseflow.drawing": 1,
    "poseflow.synthetic": 1,
    "poseflow.edit.corrections": 1,
    "poseflow.arrays": 0,
    "poseflow.edit": 0,
    "poseflow.similarity": 0,
    "poseflow.skeletons": 0,
    "poseflow.sequence": 0,
    "poseflow.poses": 0,
    "poseflow.columns": 0,
    "poseflow.frame_names": 0,
    "poseflow.person": 0,
    "poseflow.other_poses": 0,
    "poseflow.registry": 0,
    "poseflow.validation": 0,
    "poseflow.errors": 0,
    "poseflow.lazy": 0,
    "poseflow.safety": 0,
    "poseflow.checkout": 0,
}


def floor_of(module):
    while module:
        if module in FLOORS:
            return module, FLOORS[module]
        module = module.rpartition(".")[0]
    return None


def modules():
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join([package, *parts]).removesuffix(".__init__")
            yield pytest.param(name, path, id=name)


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; say poseflow.…"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


@pytest.mark.parametrize(("name", "path"), list(modules()))
def test_imports_point_down(name, path):
    if name in ("poseflow", "poseflow.__main__"):
        return  # the public names: all modules, lazily
    mine = floor_of(name)
    assert mine is not None, f"{name} has no floor: give it one in FLOORS"
    for imported in imports_of(path):
        top = imported.partition(".")[0]
        assert top not in {"tracker", "estimator", "eval"}, f"say poseflow.{imported}"
        if top != "poseflow":
            continue
        theirs = floor_of(imported)
        if theirs is None:
            continue  # `from poseflow import X`: a public name
        family, floor = mine
        # Estimator, tracker and eval know the types, not each other; elsewhere
        # neighbours on a floor may visit.
        visit = theirs[1] < floor or (theirs[1] == floor and floor != 2)
        assert theirs[0] == family or visit, (
            f"{name} (floor {floor}) imports {imported} (floor {theirs[1]})"
        )


def test_no_module_imports_itself_through_others():
    """Neither at run time, nor inside a function, nor for type checkers only."""
    paths = dict(parameter.values for parameter in modules())
    del paths["poseflow"]  # the public names, lazily
    graph = {
        name: {
            imported if imported in paths else imported.rpartition(".")[0]
            for imported in imports_of(path)
        }
        & paths.keys() - {name}
        for name, path in paths.items()
    }
    while leaves := {name for name, imported in graph.items() if not imported}:
        graph = {n: i - leaves for n, i in graph.items() if n not in leaves}
    # What is left are the cycles and the modules above them.
    while roots := graph.keys() - set().union(*graph.values()):
        graph = {n: i for n, i in graph.items() if n not in roots}
    assert not graph, f"circular imports among {sorted(graph)}"


@pytest.mark.parametrize("package", ["poseflow", "poseflow.estimator", "poseflow.eval"])
def test_no_public_name_is_hidden_by_a_module(package):
    """Importing `poseflow.x` sets `x` in `poseflow`, whatever it was before."""
    public = importlib.import_module(package)
    for name in getattr(public, "__all__", ()):
        if importlib.util.find_spec(f"{package}.{name}") is not None:
            assert getattr(public, name) is importlib.import_module(f"{package}.{name}")


@pytest.mark.parametrize("folder", ["tracker", "estimator", "eval"])
def test_folders_do_not_become_top_level_modules(folder):
    found = importlib.util.find_spec(folder)
    assert found is None or str(ROOT) not in str(found.origin)
    assert importlib.util.find_spec(f"poseflow.{folder}") is not None


def test_import_is_light():
    code = (
        "import sys, poseflow; poseflow.__dir__();"
        "heavy = {'torch', 'cv2', 'numpy', 'scipy', 'av', 'typer'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_everything_public_is_there():
    import poseflow
    import poseflow.eval

    for package in (poseflow, poseflow.eval):
        for name in package.__all__:
            assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'poses_flow'"):
        poseflow.poses_flow


def test_every_package_is_listed_and_typed():
    import configparser

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    on_disk = {
        ".".join([package, *path.parent.relative_to(ROOT / folder).parts])
        for folder, package in FOLDERS.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert listed == on_disk
    assert (ROOT / "poseflow" / "py.typed").exists()


def test_tracking_known_poses_and_scoring_do_not_import_torch(tmp_path):
    """torch takes seconds and gigabytes; poses that are known need none of it."""
    code = """
import sys
from typer.testing import CliRunner
import poseflow
from poseflow.cli.app import app

def run(*arguments):
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    loaded = {"torch", "torchvision", "pandas", "motmetrics"} & set(sys.modules)
    assert not loaded, (arguments[0], loaded)

import json, pathlib
entries = [
    {"image_id": f"{k}.jpg", "keypoints": [10 + k, 20, 0.9] * 17, "score": 1}
    for k in range(5)
]
pathlib.Path("poses.json").write_text(json.dumps(entries))
for tracker in ("default", "poseflow", "released", "iou", "oks"):
    run("track", "poses.json", "-o", "out.json", "--tracker", tracker)
run("convert", "out.json", "out.txt", "--to", "mot")
run("evaluate-mot", "out.txt", "out.txt")
run("evaluate", sys.argv[1] + "/gt", sys.argv[1] + "/pred")
run("info", "out.json")
"""
    case = ROOT / "tests/golden/poseval/pt17_basic"
    subprocess.run(
        [sys.executable, "-P", "-c", code, str(case)], check=True, cwd=tmp_path
    )

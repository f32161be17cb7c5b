"""Download of weights, from a local server."""

import functools
import hashlib
import http.server
import threading
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

import poseflow
from poseflow.cli.app import app
from poseflow.errors import PoseFlowError
from poseflow.estimator import downloads
from poseflow.estimator.downloads import WeightsSource, locate, register_weights
from poseflow.estimator.known_models import KNOWN_MODELS, known_model

pytest.importorskip("pooch")

DATA = b"some weights"
DIGEST = hashlib.sha256(DATA).hexdigest()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A url under which a.bin is to be had; the cache is a folder of the test's."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.bin").write_bytes(DATA)
    monkeypatch.setenv("POSEFLOW_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("POSEFLOW_OFFLINE", raising=False)
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_url_with_checksum_is_downloaded_once(site, tmp_path, monkeypatch):
    path = locate(Path(f"{site}/a.bin#sha256={DIGEST}"))
    assert path.read_bytes() == DATA
    assert path.parent == tmp_path / "cache"
    (tmp_path / "site" / "a.bin").unlink()
    monkeypatch.setenv("POSEFLOW_OFFLINE", "1")
    assert locate(f"{site}/a.bin#sha256={DIGEST}") == path


def test_name_with_mirrors(site):
    register_weights("tiny", DIGEST, [f"{site}/gone.bin", f"{site}/a.bin"])
    assert locate("tiny").read_bytes() == DATA
    with pytest.raises(PoseFlowError, match=r"unknown type of weights \.bin"):
        poseflow.Estimator(weights="tiny")


def test_wrong_contents_are_refused(site, tmp_path):
    other = hashlib.sha256(b"others").hexdigest()
    with pytest.raises(PoseFlowError, match="not downloaded"):
        locate(f"{site}/a.bin#sha256={other}")
    assert not list((tmp_path / "cache").glob("*a.bin"))


def test_damaged_cache_is_fetched_again(site):
    path = locate(f"{site}/a.bin#sha256={DIGEST}")
    path.write_bytes(b"damaged")
    assert locate(f"{site}/a.bin#sha256={DIGEST}").read_bytes() == DATA


def test_invalid_weights_are_refused(site, monkeypatch):
    with pytest.raises(PoseFlowError, match="expected a checksum"):
        locate(f"{site}/a.bin")
    with pytest.raises(PoseFlowError, match="64 hexadecimal digits"):
        register_weights("x", "abc", ["http://a"])
    with pytest.raises(PoseFlowError, match=r"not downloaded: .*gone\.bin"):
        locate(f"{site}/gone.bin#sha256={DIGEST}")
    monkeypatch.setenv("POSEFLOW_OFFLINE", "1")
    with pytest.raises(PoseFlowError, match="POSEFLOW_OFFLINE is set"):
        locate(f"{site}/a.bin#sha256={DIGEST}")


def test_local_files_are_not_downloaded(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(DATA)
    assert locate(path) == path
    assert locate("gone.pth").name == "gone.pth"


def archive_of(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_weights_in_an_archive(site, tmp_path, monkeypatch):
    archive_of(tmp_path / "site" / "m.zip", {"a/end2end.onnx": DATA, "b.json": b"{}"})
    urls = (f"{site}/gone.zip", f"{site}/m.zip")
    known = {"packed": WeightsSource(DIGEST, urls, archived=True)}
    monkeypatch.setattr(downloads, "_KNOWN", known)
    path = locate("packed")
    assert path.read_bytes() == DATA
    assert path.suffix == ".onnx"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    (tmp_path / "site" / "m.zip").unlink()
    assert locate("packed") == path


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.onnx": b"others"}, "expected sha256 .* of the .onnx file"),
        ({"a.txt": DATA}, "one .onnx file, got 0"),
        ({"a.onnx": DATA, "b.onnx": DATA}, "one .onnx file, got 2"),
        (None, "not a zip file"),
    ],
)
def test_other_archives_are_refused(site, tmp_path, monkeypatch, members, message):
    if members is None:
        (tmp_path / "site" / "m.zip").write_bytes(DATA)
    else:
        archive_of(tmp_path / "site" / "m.zip", members)
    known = {"packed": WeightsSource(DIGEST, (f"{site}/m.zip",), archived=True)}
    monkeypatch.setattr(downloads, "_KNOWN", known)
    with pytest.raises(PoseFlowError, match=f"not downloaded: .*{message}"):
        locate("packed")
    assert not list((tmp_path / "cache").iterdir())


def run(*arguments):
    return CliRunner().invoke(app, ["models", *arguments])


def test_models_are_listed():
    done = run()
    assert done.exit_code == 0, done.output
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == ["embedded", *KNOWN_MODELS]
    assert "--detector yolox --detector-weights yolox-s" in done.stdout
    for model in KNOWN_MODELS.values():
        assert len(model.sha256) == 64
        assert model.estimator or model.detector
        assert all(url.startswith("https://") for url in model.urls)


def test_torchvision_files_carry_the_start_of_their_checksum():
    for model in KNOWN_MODELS.values():
        for url in model.urls:
            if "download.pytorch.org" in url:
                assert Path(url).stem.rpartition("-")[2] == model.sha256[:8]


def test_where_models_are(site, tmp_path, monkeypatch):
    done = run("where", "rtmo-s")
    assert done.exit_code == 0, done.output
    path, digest, *urls = done.stdout.splitlines()
    model = known_model("rtmo-s")
    assert path == f"{downloads.cached_path('rtmo-s')}  (not downloaded)"
    assert digest == f"sha256 {model.sha256}"
    assert tuple(urls) == model.urls
    monkeypatch.setenv("POSEFLOW_OFFLINE", "1")
    offline = run("get", "rtmo-s")
    assert offline.exit_code == 1
    assert "POSEFLOW_OFFLINE is set; put the file there as" in offline.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["models", "get", "magic"], 1, "unknown model 'magic'; known are rtmpose-t"),
        (["models", "get"], 2, "get needs the NAME"),
        (["models", "lose"], 2, "lose"),
        (["estimate", "x.mp4", "-o", "o.json", "--model", "magic"], 1, "unknown model"),
        (
            ["estimate", "x.mp4", "-o", "o.json", "--model", "yolox-s"],
            1,
            "person detector: --detector yolox --detector-weights yolox-s",
        ),
        (
            [
                *("estimate", "x.mp4", "-o", "o.json", "--model", "rtmo-s"),
                "--weights=a",
            ],
            1,
            "leave out --estimator and --weights",
        ),
    ],
)
def test_wrong_models_are_named(site, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    assert message in " ".join(done.output.replace("│", " ").split())

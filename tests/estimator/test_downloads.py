"""Download of weights, from a local server."""

import functools
import hashlib
import http.server
import threading
from pathlib import Path

import pytest

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.estimator.downloads import locate, register_weights

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

"""Small files that claim to be huge are refused early, in little memory."""

import gzip
import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

import poseflow
from poseflow.errors import PoseFlowError
from poseflow.safety.limits import IMAGE, ONNX_INPUT, UNZIPPED
from poseflow.video.image_file import image_size

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs /proc"
)

MOST_MB = 700
"""Peak of a process that refuses a bomb: the imports of a command take about 350."""


def peak_memory(arguments, cwd):
    """(exit code, standard error, peak resident MB) of a command in a child."""
    code = (
        "import pathlib, re, sys\n"
        "from poseflow.cli import main\n"
        "sys.argv = ['poseflow', *sys.argv[1:]]\n"
        "try:\n    main()\n"
        "finally:\n"
        "    status = pathlib.Path('/proc/self/status').read_text()\n"
        "    peak = int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024\n"
        "    print('peak', peak, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    *message, last = done.stderr.strip().splitlines()
    return done.returncode, "\n".join(message), int(last.split()[1])


def gzipped(start, piece, end, megabytes):
    """Gzip of `start`, `piece` repeated to so many megabytes, and `end`."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as file:
        file.write(start)
        block = piece * (1_000_000 // len(piece))
        for _ in range(megabytes):
            file.write(block)
        file.write(end)
    return out.getvalue()


def png(width, height):
    """A PNG whose header claims that size; its data are one row of zeros."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(min(width, 1 << 20) + 1))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


BOMBS = {
    "list of spaces": gzipped(b"[", b" ", b"]", 1000),
    "list of lists": gzipped(b"[", b"[],", b"[]]", 300),
    "posetrack": gzipped(b'{"annolist": [', b"[],", b"[]]}", 300),
    "numbers": gzipped(b'[{"image_id": "0.jpg", "keypoints": [', b"0,", b"0]}]", 600),
}


@needs_proc
@pytest.mark.parametrize("name", BOMBS)
def test_a_gzip_bomb_is_refused(name, tmp_path):
    (tmp_path / "a.json.gz").write_bytes(BOMBS[name])
    for command in (
        ["track", "a.json.gz", "-o", "out.json"],
        ["evaluate", "a.json.gz", "a.json.gz"],
        ["evaluate-coco", "a.json.gz", "a.json.gz"],
    ):
        code, message, peak = peak_memory(command, tmp_path)
        assert code == 1
        assert UNZIPPED.variable in message, message
        assert "Traceback" not in message
        assert peak < MOST_MB, command


@needs_proc
def test_a_zip_bomb_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b'{"annolist": [' + b" " * 300_000_000 + b"]}")
    code, message, peak = peak_memory(["evaluate", "a.zip", "a.zip"], tmp_path)
    assert (code, UNZIPPED.variable in message) == (1, True), message
    assert peak < MOST_MB


@needs_proc
def test_images_that_claim_to_be_huge_are_left_out(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0.png").write_bytes(png(32_000, 32_000))
    code, message, peak = peak_memory(
        ["track", "in", "-o", "out.json", "--quality", "fast"], tmp_path
    )
    assert code == 1
    assert "32000 x 32000" in message
    assert IMAGE.variable in message
    assert peak < MOST_MB


def weights(model, joints=("a", "b"), long=4, **more):
    """A safetensors file with one tensor and the description of a network."""
    key = "poseflow_detector" if model["name"] == "centre" else "poseflow"
    description = {"model": model, "mean": [0, 0, 0], "std": [1, 1, 1]} | more
    if key == "poseflow":
        description |= {"skeleton": "x", "joints": joints}
    header = {
        "__metadata__": {key: json.dumps(description)},
        "a": {"dtype": "F32", "shape": [long], "data_offsets": [0, 4 * long]},
    }
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(4 * long)


SIDES = {"width": 64, "height": 64}
HUGE = 100_000
DESCRIPTIONS = {
    "wide": weights({"name": "small", "widths": [HUGE] * 4}, **SIDES),
    "deep": weights({"name": "small", "blocks": [10**9] * 3}, **SIDES),
    "inside": weights(
        {
            "name": "spatial_transformer",
            "network": {"name": "small", "widths": [HUGE] * 4},
        },
        **SIDES,
    ),
    "transformer": weights(
        {
            "name": "spatial_transformer",
            "network": {"name": "fastpose"},
            "widths": [HUGE] * 4,
        },
        **SIDES,
    ),
    "large input": weights({"name": "small"}, width=HUGE, height=HUGE),
    "detector, neck": weights({"name": "centre", "neck": HUGE}, **SIDES),
    "one long tensor": weights(
        {"name": "small", "widths": [HUGE], "blocks": []}, long=HUGE, **SIDES
    ),
    "detector, one long tensor": weights(
        {"name": "centre", "neck": HUGE, "widths": [8] * 5, "blocks": []},
        long=HUGE,
        **SIDES,
    ),
    "detector, deep": weights({"name": "centre", "blocks": [10**9] * 4}, **SIDES),
    "detector, large input": weights({"name": "centre"}, width=HUGE, height=HUGE),
}


@needs_proc
@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_weights_that_claim_a_huge_network_are_refused(name, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(DESCRIPTIONS[name])
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((40, 40, 3), np.uint8))
    command = ["track", "0.png", "-o", "out.json"]
    if name.startswith("detector"):
        command += ["--detector", "centre", "--detector-weights", "w.safetensors"]
    else:
        command += ["--weights", "w.safetensors", "--detector", "whole"]
    code, message, peak = peak_memory(command, tmp_path)
    assert code == 1, message
    assert "w.safetensors" in message, message
    assert "Traceback" not in message
    assert peak < MOST_MB


@needs_proc
@pytest.mark.parametrize(
    "shape", [(HUGE, 3, 64, 64), (1, 3, HUGE, HUGE), ("n", 3, HUGE, HUGE)]
)
def test_onnx_with_a_huge_fixed_input_is_refused(shape, tmp_path):
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[1, 1])],
        "g",
        [value("x", onnx.TensorProto.FLOAT, shape)],
        [value("y", onnx.TensorProto.FLOAT, (shape[0], 3, *shape[2:]))],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((40, 40, 3), np.uint8))
    command = ["track", "0.png", "-o", "out.json", "--weights", "m.onnx"]
    code, message, peak = peak_memory([*command, "--detector", "whole"], tmp_path)
    assert code == 1, message
    assert ONNX_INPUT.variable in message, message
    assert peak < MOST_MB


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
@pytest.mark.parametrize("size", [(7, 5), (300, 1), (129, 517)])
def test_the_size_is_known_before_decoding(suffix, size):
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    assert image_size(cv2.imencode(suffix, image)[1].tobytes()) == size


@pytest.mark.parametrize(
    "data", [b"", b"BM", b"\x89PNG", b"\xff\xd8", b"II*\0", b"RIFF....WEBPVP8X"]
)
def test_cut_headers_have_no_size_or_a_small_one(data):
    size = image_size(data)
    assert size is None or size[0] * size[1] <= 1


def test_limits_are_environment_variables(monkeypatch):
    monkeypatch.setenv(UNZIPPED.variable, "3")
    assert UNZIPPED.value == 3
    for wrong in ("", "-1", "1.5", "many", "9" * 40):
        monkeypatch.setenv(UNZIPPED.variable, wrong)
        with pytest.raises(PoseFlowError, match=UNZIPPED.variable):
            _ = UNZIPPED.value


def test_a_result_that_compresses_well_is_read(tmp_path):
    entry = {"image_id": "0.jpg", "keypoints": [1, 2, 1] * 17, "score": 1}
    entries = [{**entry, "image_id": f"{k}.jpg"} for k in range(20_000)]
    data = json.dumps(entries).encode()
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(data))
    assert len(data) > 40 * path.stat().st_size
    assert len(poseflow.read(path)) == 20_000


def nested(depth):
    """YAML whose aliases make 10**depth values of a few lines."""
    lines = ["a0: &a0 [x]"]
    lines += [
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, depth)
    ]
    return "\n".join([*lines, f"joints: *a{depth - 1}", "limbs: *a3", "model: *a5"])


@needs_proc
@pytest.mark.parametrize(
    "text", [nested(12), "joints: &a [*a]\n", "model: &a {b: *a}\n"], ids=range(3)
)
def test_a_bomb_of_yaml_is_refused(text, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    for command in (["info", "x.json", "--skeleton", "a.yaml"], ["train", "a.yaml"]):
        code, message, peak = peak_memory(command, tmp_path)
        assert code == 1
        assert "aliases" in message, message
        assert peak < MOST_MB


def parquet(path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = 30_000_000
    zeros = pa.array(np.zeros(rows, np.int32)).dictionary_encode()
    names = ("frame", "person", "x", "y", "score", "joint")
    parquet.write_table(pa.table([zeros.cast(pa.int32())] * 6, names=names), path)


def npz(path):
    arrays = {
        "frame_index": np.zeros(1, np.int64),
        "person_frame": np.zeros(1, np.int64),
        "keypoints": np.zeros((8_000_000, 17, 2), np.float32),
    }
    np.savez_compressed(path, **arrays)


def hdf5(path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        file.create_dataset("df_with_missing", (10**9, 9), chunks=True, dtype="f8")


def archive_of_images(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(900_000_000))


@needs_proc
@pytest.mark.parametrize(
    ("name", "make"), [("a.parquet", parquet), ("a.npz", npz), ("a_DLC.h5", hdf5)]
)
def test_a_bomb_of_arrays_is_refused(name, make, tmp_path):
    make(tmp_path / name)
    assert (tmp_path / name).stat().st_size < 5_000_000
    code, message, peak = peak_memory(["info", name], tmp_path)
    assert code == 1
    assert " MB" in message, message
    assert peak < MOST_MB


def test_an_image_of_a_training_archive_is_bounded(tmp_path):
    from poseflow.estimator.training.data_files import ImageFiles

    archive_of_images(tmp_path / "a.zip")
    files = ImageFiles((tmp_path / "a.zip",), np.zeros(1, np.int32), ("a.png",))
    with pytest.raises(PoseFlowError, match=UNZIPPED.variable):
        files.read(0)


@needs_proc
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs /dev/zero")
@pytest.mark.parametrize(
    "command",
    [
        ["info", "a.json"],
        ["info", "a.npz"],
        ["info", "a.png"],
        ["info", "shots"],
        ["batch", "--manifest", "a.csv", "--out", "out"],
        ["train", "a.yaml"],
        ["edit", "a.json", "--apply", "a.json", "-o", "b.json"],
    ],
    ids=lambda c: "-".join(c[:3]),
)
def test_a_device_without_an_end_is_refused(command, tmp_path):
    (tmp_path / "shots").mkdir()
    for name in ("a.json", "a.npz", "a.png", "a.csv", "a.yaml", "shots/0.png"):
        (tmp_path / name).symlink_to("/dev/zero")
    code, message, peak = peak_memory(command, tmp_path)
    assert code == 1
    assert "device" in message, message
    assert peak < MOST_MB

"""All readers of the package, with valid files to damage for each."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from damage import (
    Damage,
    damage_bytes,
    damage_checkpoint,
    damage_hdf5,
    damage_journal,
    damage_json,
    damage_json_lines,
    damage_npz,
    damage_onnx,
    damage_parquet,
    damage_safetensors,
    damage_text,
    damage_video,
    damage_yaml,
    in_zip,
)

import poseflow
from poseflow import synthetic

ROOT = Path(__file__).parents[2]
CONFIGS, MODELS = ROOT / "configs", ROOT / "estimator" / "models"
SIZE = (320, 180)
IMAGE = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)


@dataclass
class Reader:
    """A reader and the valid files that are damaged for it.

    Attributes:
        name: Of the reader.
        suffix: Of the files.
        read: Called with the path of a damaged file.
        files: Contents of valid files.
        damage: How they are damaged.
        inputs: Files read so far.
        slowest: Seconds of CPU time of the slowest.
        peak_mb: Largest resident memory of the process.
        failures: What went wrong, and how often.
    """

    name: str
    suffix: str
    read: Callable[[Path], object]
    files: list[bytes]
    damage: Damage = damage_bytes
    inputs: int = 0
    slowest: float = 0.0
    peak_mb: int = 0
    failures: Counter[str] = field(default_factory=Counter)


_DAMAGE = {".json": damage_json, ".npz": damage_npz, ".parquet": damage_parquet}
_DAMAGE |= {".jsonl": damage_json_lines, ".slp": damage_hdf5, ".h5": damage_hdf5}
_DAMAGE |= {".nwb": damage_hdf5, ".partial": damage_journal}

SUFFIXES = {
    "alphapose": ".json",
    "forvis": ".json",
    "coco": ".json",
    "csv": ".csv",
    "csv-wide": ".csv",
    "jsonl": ".jsonl",
    "parquet": ".parquet",
    "npz": ".npz",
    "posetrack17": ".json",
    "posetrack18": ".json",
    "posetrack21": ".json",
    "openpose": ".json",
    "mmpose": ".json",
    "ultralytics": ".json",
    "ultralytics-labels": ".txt",
    "coco-annotations": ".json",
    "mot": ".txt",
    "deeplabcut": ".csv",
    "sleap": ".slp",
    "sleap-analysis": ".h5",
    "nwb": ".nwb",
    "labelstudio": ".json",
    "journal": ".partial",
}
"""Suffix of the files by format."""


def _poses() -> poseflow.PoseSequence:
    scene = synthetic.make_scene("street", seed=1, frames=3, size=SIZE, people=2)
    return scene.truth()


def _written(format: str) -> bytes:
    """A file of a format, or the first file of its folder."""
    if format == "journal":
        return _journal()
    if format == "deeplabcut":
        return _deeplabcut("")
    if format == "nwb":
        return _nwb()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "poses")
        entry = poseflow.formats.get(format)
        if not hasattr(entry, "folder"):
            path = path.with_suffix(SUFFIXES[format])
        poseflow.write(_poses(), path, format=format)
        if path.is_dir():
            path = next(p for p in sorted(path.rglob("*")) if p.is_file())
        return path.read_bytes()


def _journal() -> bytes:
    from poseflow.formats.base import Hints
    from poseflow.formats.journal import JournalEncoder

    poses = _poses()
    encoder = JournalEncoder(Hints.of(poses))
    return encoder.start() + b"".join(map(encoder.frame, poses))


def _deeplabcut(suffix: str) -> bytes:
    import pandas

    columns = pandas.MultiIndex.from_product(
        [["DLC"], ["a", "b"], ["nose", "tail"], ["x", "y", "likelihood"]],
        names=["scorer", "individuals", "bodyparts", "coords"],
    )
    values = np.arange(3.0 * len(columns)).reshape(3, -1) % 7 / 7
    table = pandas.DataFrame(values, columns=columns)
    if suffix != ".h5":
        return table.to_csv().encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.h5")
        table.to_hdf(path, key="df_with_missing", format="table", mode="w")
        return path.read_bytes()


def _nwb() -> bytes:
    import sleap_io

    from poseflow.formats.external.sleap_labels import labels_of

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.nwb")
        sleap_io.save_nwb(labels_of(_poses()), str(path))
        return path.read_bytes()


def _read_as(format: str) -> Callable[[Path], object]:
    """Half of the files are read by their content, the other half by the name."""
    size = SIZE if format == "ultralytics-labels" else None

    def read(path: Path) -> object:
        named = path.stat().st_size % 2 or size is not None
        return poseflow.read(path, format if named else None, size=size)

    return read


def _skeleton(path: Path) -> object:
    from poseflow.skeletons.files import read_skeleton

    return read_skeleton(path)


def _image(path: Path) -> object:
    from poseflow.video.image_file import read_image

    return read_image(path)


def _evaluate(path: Path) -> object:
    return poseflow.evaluate(path, path, mode="strict")


def _mot(path: Path) -> object:
    from poseflow.eval.mot.scoring import score_mot

    return score_mot(path, path)


def _sequence_info(path: Path) -> object:
    from poseflow.formats.mot import sequence_length

    truth = path.with_name("gt") / "gt.txt"
    truth.parent.mkdir(exist_ok=True)
    path.replace(path.with_name("seqinfo.ini"))
    return sequence_length(truth)


def _tracks(path: Path) -> object:
    from poseflow.eval import score_tracks

    return score_tracks(path, path)


def _evaluate_coco(truth: Path | None, results: Path | None) -> Callable[[Path], Any]:
    """Scores of a damaged file against a valid one."""
    from poseflow.eval.coco.evaluate import evaluate_coco

    return lambda path: evaluate_coco(truth or path, results or path)


def _video(path: Path) -> object:
    with poseflow.open_source(path) as source:
        for count, _ in enumerate(source):
            if count > 300:
                break
    return source


def _nms(path: Path) -> object:
    from poseflow.estimator import load_nms_parameters

    return load_nms_parameters(path)


def _manifest(path: Path) -> object:
    from poseflow.batch import TrackOptions
    from poseflow.batch.manifest import read_manifest

    return read_manifest(path, TrackOptions())


def _batch_file(path: Path) -> object:
    from poseflow.batch import TrackOptions
    from poseflow.batch.batch_file import BatchFile
    from poseflow.batch.folder import LocalFolder
    from poseflow.batch.manifest import Row

    folder = path.with_name("batch")
    folder.mkdir(exist_ok=True)
    path.replace(folder / "batch.json")
    record = BatchFile(LocalFolder(folder))
    rows = [Row(source, TrackOptions()) for source in ("a.mp4", "c.mp4")]
    items = record.items(rows)
    return [record.is_done(item, "d") for item in items]


def _corrections(path: Path) -> object:
    from poseflow.edit.corrections import read_corrections

    return read_corrections(path)


def _weights(path: Path) -> object:
    return poseflow.Estimator(weights=path, detector="whole")


def _detector(path: Path) -> object:
    from poseflow.estimator.weights import load_detector

    return load_detector(path)


def _onnx(path: Path) -> object:
    estimator = poseflow.Estimator("onnx", weights=path, detector="whole")
    return estimator.estimate(IMAGE)


def _onnx_detector(path: Path) -> object:
    from poseflow.estimator.adapters.onnx.detector import OnnxDetector

    return OnnxDetector(path, kind="yolox" if path.stat().st_size % 2 else None).detect(
        [IMAGE]
    )


def _correspondences(path: Path) -> object:
    from poseflow.tracker.matchers.base import _from_npz, _from_text

    if path.suffix == ".npz":
        return _from_npz(path, None)
    return _from_text(path)


def _config(path: Path) -> object:
    from poseflow.estimator.training.any_config import load_any_config

    return load_any_config(path)


def _resumed(config: Any) -> Callable[[Path], object]:
    from poseflow.estimator.training.checkpoint import NAME, load_checkpoint

    def read(path: Path) -> object:
        path.replace(path.with_name(NAME))
        return load_checkpoint(path.parent, config)

    return read


def _data_set(make: str, **fields: Any) -> Callable[[Path], object]:
    """Reader of a training data set of that layout."""
    from poseflow import skeletons
    from poseflow.estimator.training import config
    from poseflow.estimator.training.pose.readers import read_people

    def read(path: Path) -> object:
        name = fields.get("is_called")
        if name:
            path = path.replace(path.with_name(name))
        else:
            fields["annotations"] = path.name
        given = {k: v for k, v in fields.items() if k != "is_called"}
        dataset = getattr(config, make)(**given)
        return read_people([dataset], path.parent, skeletons.get("coco17"))

    return read


def _boxes(path: Path) -> object:
    from poseflow.estimator.training.detection.config import CocoBoxesConfig
    from poseflow.estimator.training.detection.dataset import read_boxes

    dataset = CocoBoxesConfig(annotations=path.name, images=".")
    return read_boxes([dataset], path.parent)


def _pseudo_labels(path: Path) -> object:
    from poseflow.estimator.training.pose.pseudo_labels import load_pseudo_labels

    return load_pseudo_labels(path)


def _image_archive(path: Path) -> object:
    from poseflow.estimator.training.data_files import ImageFiles, image_names

    names = image_names(path)
    files = ImageFiles((path,), np.zeros(len(names), np.int64), tuple(names))
    return [files.read(k) for k in range(min(len(names), 3))]


def _videos() -> list[bytes]:
    from poseflow.video import VideoWriter

    found = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".mp4", ".mkv", ".avi", ".webm"):
            path = Path(folder, f"a{suffix}")
            with VideoWriter(path, (32, 24), 25) as writer:
                for _ in range(4):
                    writer.write(IMAGE)
            found.append(path.read_bytes())
    return found


def _bytes_of(save: Callable[[Any], object]) -> bytes:
    out = io.BytesIO()
    save(out)
    return out.getvalue()


def _zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _onnx_files(*modules: str) -> list[bytes]:
    """Tiny models in the layouts of published ones."""
    import importlib.util

    place = ROOT / "tests" / "estimator" / "tiny_onnx.py"
    spec = importlib.util.spec_from_file_location("tiny_onnx", place)
    assert spec is not None
    assert spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    outputs = {"SimCC": ("x", "y"), "RTMO": ("dets", "keypoints")}
    outputs["DetsLabels"] = ("dets", "labels")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in modules:
            path = Path(folder, "a.onnx")
            names = outputs.get(name, ("output",))
            tiny.export(getattr(tiny, name)(), path, batch=1, names=names)
            found.append(path.read_bytes())
    return found


def _run_config() -> tuple[Any, list[bytes]]:
    """A training configuration, and its checkpoint."""
    import torch

    from poseflow.estimator.training.any_config import load_any_config
    from poseflow.estimator.training.checkpoint import (
        NAME,
        Progress,
        save_checkpoint,
    )

    config = load_any_config(sorted(CONFIGS.rglob("*.yaml"))[0])
    state = {"a.weight": torch.zeros(2, 3), "b": torch.ones(4)}
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder), config, Progress(), state, {"state": {}}, None)
        return config, [Path(folder, NAME).read_bytes()]


_RECORD = {
    "sources": [
        {
            "source": str(Path.cwd() / f"{name}.mp4"),
            "result": f"{name}.json",
            "frames": 5,
            "error": None,
            "options": "d",
            "state": [1, 2, 3],
            "outputs": {f"{name}.json": "9f86"},
        }
        for name in "ab"
    ],
    "failures": False,
}
_ROW = {"source": "a.mp4", "name": "a", "quality": "fast", "detect_every": 2}
_CORRECTIONS = {
    "poseflow": "corrections",
    "version": 1,
    "corrections": [
        {"action": "merge", "track": 3, "others": [7]},
        {"action": "split", "track": 4, "frame": 300, "new": 12},
        {"action": "swap", "track": 2, "other": 5, "frame": 120},
        {"action": "delete", "track": 9},
        {"action": "name", "track": 3, "name": "Anna"},
    ],
}
_PEOPLE = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [
        {
            "image_id": 1,
            "category_id": 1,
            "keypoints": [5, 6, 2] * 17,
            "bbox": [1, 2, 9, 9],
            "bbox_head": [1, 2, 3, 3],
        }
    ],
    "categories": [{"id": 1, "keypoints": [f"j{k}" for k in range(17)]}],
}
_MPII = [
    {
        "image": "a.jpg",
        "center": [50, 60],
        "scale": 1.5,
        "joints": [[k, k + 1] for k in range(16)],
        "joints_vis": [1] * 16,
    }
]
_NMS = {"sigma1": 22.48, "sigma2": 1.3, "lambda": 2.6, "eta": 22.48}
_MOUSE = b"name: a\njoints: [b, c]\nlimbs: [[b, c]]\nsigmas: [0.1, 0.2]\n"
_ROWS = b"source,name,quality,detect_every,render\na.mp4,a,fast,2,true\nb.mp4,,,,\n"
_INFO = b"[Sequence]\nname=MOT17-02\nseqLength=600\nimWidth=1920\n"


def _other_poses() -> list[Reader]:
    """Other files of poses, and what else is read beside them."""
    table = [_deeplabcut(".h5")]
    track, truth = _written("posetrack18"), _written("coco-annotations")
    archive = [_zipped(**{"val/a.json": track, "val/b.json": track})]
    return [
        Reader("deeplabcut HDF5", ".h5", _read_as("deeplabcut"), table, damage_hdf5),
        Reader("gzip", ".json.gz", poseflow.read, [gzip.compress(track)]),
        Reader("skeleton", ".yaml", _skeleton, [_MOUSE], damage_yaml),
        Reader(
            "corrections", ".json", _corrections, [_dump(_CORRECTIONS)], damage_json
        ),
        Reader("evaluate", ".json", _evaluate, [track], damage_json),
        Reader("evaluate archive", ".zip", _evaluate, archive, in_zip(damage_json)),
        Reader("evaluate-mot", ".txt", _mot, [_written("mot")], damage_text),
        Reader("evaluate-tracks", ".json", _tracks, [truth, track], damage_json),
        Reader("seqinfo.ini", ".ini", _sequence_info, [_INFO], damage_text),
    ]


def _coco(folder: Path) -> list[Reader]:
    """The two files of `evaluate-coco`, each with the other one valid."""
    truth, results = folder / "truth.json", folder / "results.json"
    truth.write_bytes(_written("coco-annotations"))
    results.write_bytes(_written("coco"))
    read_truth, read_results = (
        _evaluate_coco(None, results),
        _evaluate_coco(truth, None),
    )
    return [
        Reader("coco truth", ".json", read_truth, [truth.read_bytes()], damage_json),
        Reader(
            "coco results", ".json", read_results, [results.read_bytes()], damage_json
        ),
    ]


def _media() -> list[Reader]:
    images = [cv2.imencode(s, IMAGE)[1].tobytes() for s in (".png", ".jpg", ".tif")]
    archive = [_zipped(**{"a.png": images[0], "b/c.jpg": images[1]})]
    return [
        Reader("image", ".png", _image, images),
        Reader("images in zip", ".zip", _image_archive, archive, in_zip(damage_bytes)),
        Reader("video", ".mp4", _video, _videos(), damage_video),
    ]


def _batches() -> list[Reader]:
    lines = json.dumps(_ROW).encode() + b"\n" + b'{"source": "b.mp4"}\n'
    return [
        Reader("batch.json", ".json", _batch_file, [_dump(_RECORD)], damage_json),
        Reader("manifest", ".csv", _manifest, [_ROWS], damage_text),
        Reader("manifest JSON", ".jsonl", _manifest, [lines], damage_json_lines),
    ]


def _training() -> list[Reader]:
    from scipy.io import savemat

    people = json.loads(json.dumps(_PEOPLE))
    people["categories"][0]["keypoints"] = poseflow.skeletons.get("coco17").joints
    coco, mpii = _dump(people), _dump(_MPII)
    pseudo = _dump({"a.jpg": [[1, 2, 0.5] * 17]})
    joints = np.random.default_rng(0).uniform(1, 90, (3, 14, 4))
    matlab = _bytes_of(lambda file: savemat(file, {"joints": joints}))
    lspet = _bytes_of(
        lambda file: np.savez(
            file,
            joints=joints.transpose(2, 1, 0),
            joint_names=np.array(poseflow.skeletons.get("lsp14").joints),
            archives=np.array(["a.zip"] * 4),
            file_names=np.array([f"{k}.jpg" for k in range(4)]),
            boxes=np.ones((4, 4)),
        )
    )
    texts = [path.read_bytes() for path in sorted(CONFIGS.rglob("*.yaml"))]
    configs = [text for text in texts if b"\nbase:" not in b"\n" + text]
    config, checkpoints = _run_config()
    as_lspet = _data_set("LspetConfig", is_called="labels.npz")
    as_matlab = _data_set("LspMatConfig", is_called="joints.mat")
    return [
        Reader("training", ".yaml", _config, configs, damage_yaml),
        Reader("coco people", ".json", _data_set("CocoConfig"), [coco], damage_json),
        Reader("coco boxes", ".json", _boxes, [coco], damage_json),
        Reader("mpii people", ".json", _data_set("MpiiConfig"), [mpii], damage_json),
        Reader("lspet people", ".npz", as_lspet, [lspet], damage_npz),
        Reader("lsp people", ".mat", as_matlab, [matlab]),
        Reader("pseudo-labels", ".json", _pseudo_labels, [pseudo], damage_json),
        Reader("checkpoint", ".pt", _resumed(config), checkpoints, damage_checkpoint),
        Reader("nms", ".json", _nms, [_dump(_NMS)], damage_json),
    ]


def _networks() -> list[Reader]:
    """Readers of weights: small networks as poseflow and torch save them, and ONNX."""
    import torch

    from poseflow.estimator.networks.build import (
        CentreNetConfig,
        SmallPoseConfig,
        build,
    )
    from poseflow.estimator.weights import (
        DetectorDescription,
        NetworkDescription,
        save_weights,
    )

    joints = poseflow.skeletons.get("coco17").joints
    small = SmallPoseConfig(widths=(32, 32, 32, 32), blocks=(1, 1, 1))
    centre = CentreNetConfig(widths=(32, 32, 32, 32, 32), blocks=(1, 1, 1, 1), neck=32)
    about = NetworkDescription(model=small, skeleton="coco17", joints=joints)
    three = (0.0, 0.0, 0.0)
    frame = DetectorDescription(
        model=centre, width=64, height=64, mean=three, std=(1.0, 1.0, 1.0)
    )
    state = build(small, len(joints)).state_dict()
    fast = {
        "preact.conv1.weight": torch.zeros(64, 3, 7, 7),
        "conv_out.weight": torch.zeros(17, 128, 3, 3),
        "preact.layer1.0.conv3.weight": torch.zeros(1),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.safetensors")
        save_weights(path, state, about)
        pose = path.read_bytes()
        save_weights(path, centre.build().state_dict(), frame)
        detector = path.read_bytes()
    saved = [
        _bytes_of(lambda file, content=content: torch.save(content, file))
        for content in (state, {"state_dict": fast})
    ]
    old = _bytes_of(
        lambda file: torch.save(fast, file, _use_new_zipfile_serialization=False)
    )
    return [
        Reader("weights", ".safetensors", _weights, [pose], damage_safetensors),
        Reader("detector", ".safetensors", _detector, [detector], damage_safetensors),
        Reader("weights .pth", ".pth", _weights, saved, damage_checkpoint),
        Reader("old .pth", ".pth", _weights, [old]),
        Reader("onnx", ".onnx", _onnx, _onnx_files(*_POSE_MODELS), damage_onnx),
        Reader(
            *("onnx detector", ".onnx", _onnx_detector),
            *(_onnx_files(*_DETECTORS), damage_onnx),
        ),
    ]


_POSE_MODELS = ("SimCC", "Heatmaps", "RTMO", "YoloPose", "YoloPoseEndToEnd")
_DETECTORS = ("Yolo", "YoloX", "DetsLabels")


def _correspondence_files() -> list[Reader]:
    rows = np.arange(40.0).reshape(10, 4)
    packed = _bytes_of(lambda file: np.savez(file, rows=rows))
    text = _bytes_of(lambda file: np.savetxt(file, rows))
    return [
        Reader("correspondences", ".txt", _correspondences, [text], damage_text),
        Reader("correspondences npz", ".npz", _correspondences, [packed], damage_npz),
    ]


def _dump(content: Any) -> bytes:
    return json.dumps(content).encode()


GROUPS = (_other_poses, _media, _batches, _training, _networks, _correspondence_files)

NAMES = (
    *SUFFIXES,
    *("deeplabcut HDF5", "gzip", "skeleton", "corrections", "evaluate"),
    *("evaluate archive", "evaluate-mot", "evaluate-tracks", "seqinfo.ini"),
    *("coco truth", "coco results", "image", "images in zip", "video", "batch.json"),
    *("manifest", "manifest JSON", "training", "coco people", "coco boxes"),
    *("mpii people", "lspet people", "lsp people", "pseudo-labels", "checkpoint"),
    *("nms", "weights", "detector", "weights .pth", "old .pth"),
    *("onnx", "onnx detector", "correspondences", "correspondences npz"),
)
"""Names of all readers."""


def reader_of(format: str) -> Reader:
    """The reader of a format of poses."""
    suffix = SUFFIXES[format]
    damage = _DAMAGE.get(suffix, damage_text)
    return Reader(format, suffix, _read_as(format), [_written(format)], damage)


def readers(folder: Path, names: Collection[str] = NAMES) -> dict[str, Reader]:
    """The readers of those names, with their files; two are kept in the folder.

    A group is made as a whole, if one of its readers is asked for.
    """
    found = {name: reader_of(name) for name in names if name in SUFFIXES}
    for group in (lambda: _coco(folder), *GROUPS):
        if set(names) <= set(found):
            break
        found |= {r.name: r for r in group() if r.name in names}
    return found

"""The programs that compute COCO's OKS AP: pycocotools, or hotcoco if installed."""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from poseflow.arrays import Floats
from poseflow.errors import MissingExtraError, PoseFlowError

Engine = Literal["pycocotools", "hotcoco"]
ENGINES: tuple[Engine, ...] = ("pycocotools", "hotcoco")

Dataset = Mapping[str, Any]
Results = Sequence[Mapping[str, Any]]


def average_precision(
    dataset: Dataset,
    results: Results,
    sigmas: Sequence[float],
    engine: Engine = "pycocotools",
) -> Floats:
    """COCO's ten figures of keypoints, fractions; -1 where undefined.

    Args:
        dataset: Annotations with everything that pycocotools reads.
        results: Predicted people.
        sigmas: OKS constants of the joints.
        engine: The program. Both give the same figures; hotcoco is compiled.

    Raises:
        PoseFlowError: If the engine is unknown.
        MissingExtraError: If it is not installed.
    """
    if engine not in ENGINES:
        raise PoseFlowError(
            f"unknown engine {engine!r}; expected one of {', '.join(ENGINES)}"
        )
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # hotcoco warns of other sigmas than COCO's; the report says which are used.
        warnings.filterwarnings("ignore", message="hotcoco: kpt_oks_sigmas")
        scorer = (_hotcoco if engine == "hotcoco" else _pycocotools)(
            dataset, results, sigmas
        )
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return np.asarray(scorer.stats, np.float64)


def oks_by_image(
    dataset: Dataset, results: Results, sigmas: Sequence[float]
) -> dict[tuple[int, int], tuple[list[Any], list[Any], Floats]]:
    """Annotated and predicted people of every image and category, and their OKS.

    Returns:
        Image and category -> annotations, predictions by falling score (the 20 that
        count), and OKS as pycocotools computes it, `(predictions, annotations)`.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        scorer = _pycocotools(dataset, results, sigmas)
        scorer.evaluate()
    found: dict[tuple[int, int], tuple[list[Any], list[Any], Floats]] = {}
    most = scorer.params.maxDets[-1]
    for key, similarity in scorer.ious.items():
        people = scorer._dts[key]
        order = np.argsort([-p["score"] for p in people], kind="mergesort")[:most]
        annotated = scorer._gts[key]
        shape = len(order), len(annotated)
        values: Floats = np.array(similarity, np.float64).reshape(*shape)
        found[key] = annotated, [people[k] for k in order.tolist()], values
    return found


def _pycocotools(dataset: Dataset, results: Results, sigmas: Sequence[float]) -> Any:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    annotated = COCO()
    annotated.dataset = dataset
    annotated.createIndex()
    if results:
        found = annotated.loadRes(list(results))
    else:  # loadRes fails on an empty list
        found = COCO()
        found.dataset = {**dataset, "annotations": []}
        found.createIndex()
    scorer = COCOeval(annotated, found, "keypoints")
    scorer.params.kpt_oks_sigmas = np.array(sigmas, np.float64)
    return scorer


def _hotcoco(dataset: Dataset, results: Results, sigmas: Sequence[float]) -> Any:
    try:
        hotcoco: Any = importlib.import_module("hotcoco")
    except ImportError as error:
        raise MissingExtraError("hotcoco", "benchmark", "engine hotcoco") from error
    annotated = hotcoco.COCO(dict(dataset))
    scorer = hotcoco.COCOeval(annotated, annotated.load_res(list(results)), "keypoints")
    scorer.params.kpt_oks_sigmas = [float(sigma) for sigma in sigmas]
    return scorer

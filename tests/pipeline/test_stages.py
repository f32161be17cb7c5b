"""Overlapping stages of the pipeline: results, errors and threads."""

import threading
import time
import traceback
import warnings

import cv2
import numpy as np
import pytest
import torch

import poseflow
from poseflow import Frame, Poses, Tracker, skeletons
from poseflow.estimator import Estimator, TopDown, register_estimator
from poseflow.estimator.networks.build import SmallPoseConfig, build
from poseflow.estimator.protocols import Detections
from poseflow.estimator.torch_network import TorchPoseNetwork
from poseflow.estimator.weights import LoadedNetwork, NetworkDescription
from poseflow.pipeline.stages import DEPTH
from poseflow.pipeline.track import drain, estimate
from poseflow.video import Source, SourceFrame, VideoWriter

LENGTH = 12


def threads():
    return [t for t in threading.enumerate() if t.name == "poseflow-ahead"]


@pytest.fixture(autouse=True)
def _no_thread_stays():
    yield
    assert not threads()


class Bright:
    """Finds bright blobs."""

    def detect(self, images):
        results = []
        for image in images:
            found = cv2.connectedComponentsWithStats(
                (image[..., 2] > 128).astype(np.uint8)
            )[2][1:, :4].astype(np.float32)
            found = found[found[:, 2] > 6]
            found[:, 2:] += found[:, :2]
            results.append(Detections(found, np.full(len(found), 0.7, np.float32)))
        return results


@pytest.fixture(scope="module")
def estimator():
    """A tiny network with random weights behind a detector."""
    torch.manual_seed(1)
    config = SmallPoseConfig(widths=(32, 32), blocks=(1,))
    coco = skeletons.get("coco17")
    network = build(config, len(coco))
    torch.nn.init.normal_(network.out.weight, std=0.3)
    description = NetworkDescription(
        model=config, skeleton="coco17", joints=coco.joints, width=24, height=32
    )
    loaded = LoadedNetwork(network.eval(), description)

    def make(weights, device, detector):
        return TopDown(TorchPoseNetwork(loaded, device), detector)

    register_estimator("tiny overlap", make)
    return Estimator("tiny overlap", device="cpu", detector=Bright())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """No people, then two, one of whom leaves."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with VideoWriter(path, (160, 96), 10) as video:
        for k in range(LENGTH):
            image = np.full((96, 160, 3), 20, np.uint8)
            if k > 1:
                near, far = (10 + 3 * k, 20), (30 + 3 * k, 70)
                cv2.rectangle(image, near, far, (90, 90, 250), -1)
            if 1 < k < 8:
                cv2.rectangle(image, (110, 20), (135, 80), (60, 160, 250), -1)
            video.write(image)
    return path


@pytest.mark.parametrize("final", [False, True])
def test_the_result_is_that_of_one_after_the_other(clip, estimator, final):
    def run(overlap):
        return list(
            poseflow.track(clip, estimator=estimator, final=final, overlap=overlap)
        )

    alone, together = run(False), run(True)
    assert alone == together
    assert [f.index for f in together] == list(range(LENGTH))
    assert max(len(f.poses) for f in together) == 2
    assert all((a.image == b.image).all() for a, b in zip(alone, together, strict=True))
    people = [f.poses for f in estimate(clip, estimator)]
    assert people == [f.poses for f in estimate(clip, estimator, overlap=False)]
    assert people == [
        f.poses.replace(track_ids=np.full(len(f.poses), -1)) for f in alone
    ]


def test_two_stages_are_one(clip, estimator):
    image = np.full((96, 160, 3), 20, np.uint8)
    image[20:70, 30:60, 2] = 250
    whole = estimator.estimate(image)
    assert len(whole) == 1
    assert estimator.estimate(image, estimator.detect(image)) == whole
    # A box says nothing of how sure the detector was.
    assert estimator.estimate(image, estimator.detect(image).boxes) != whole


def test_detecting_alone_needs_a_detector(estimator):
    bare = Estimator("tiny overlap", device="cpu")
    assert bare.detector is None
    with pytest.raises(poseflow.PoseFlowError, match="no separate detector"):
        bare.detect(np.zeros((8, 8, 3), np.uint8))


class Stages:
    """An estimator in two stages; each does what a test wants first."""

    detector = "there is one"

    def __init__(self, detecting=lambda number: None, posing=lambda number: None):
        self.detecting, self.posing = detecting, posing

    def detect(self, image):
        number = int(image[0, 0, 0])
        self.detecting(number)
        return number

    def estimate(self, image, boxes=None):
        assert boxes == int(image[0, 0, 0]), "stages mixed up"
        self.posing(boxes)
        return Poses(np.zeros((1, 17, 2)) + boxes)


def images(count=LENGTH):
    return [np.full((8, 8, 3), k, np.uint8) for k in range(count)]


def test_stages_work_at_the_same_time():
    detected, written, posed = (threading.Event() for _ in range(3))
    patience = 60

    def detecting(number):
        if number == 1:
            detected.set()
        if number == 3:
            assert posed.wait(patience), "no pose while the detector is busy"

    def posing(number):
        if number == 0:
            assert detected.wait(patience), "no detection while a pose is computed"
            posed.set()
        if number == 3:
            assert written.wait(patience), "nothing written while a pose is computed"

    class Slow:
        def write(self, frame):
            if frame.index == 0:
                written.set()

    frames = poseflow.track(images(), estimator=Stages(detecting, posing))
    assert drain(frames, [Slow()])[0] == LENGTH


def test_what_waits_is_bounded():
    seen = []
    with_all = poseflow.track(images(100), estimator=Stages(seen.append))
    next(with_all)
    # Behind each of three stages some wait and one is in hand; one has been taken.
    most = 3 * (DEPTH + 1) + 1
    end = time.monotonic() + 60
    while len(seen) < most and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(seen) == most
    with_all.close()


def test_a_consumer_that_stops_early(clip, estimator):
    for frame in poseflow.track(clip, estimator=estimator):
        if frame.index == 2:
            break
    frames = poseflow.track(clip, estimator=estimator)
    next(frames)
    assert threads()
    frames.close()
    assert not threads()


def fail(number):
    if number == 4:
        raise RuntimeError(f"cannot do {number}")


class Failing:
    def update(self, poses, image=None):
        fail(int(poses.keypoints[0, 0, 0]))
        return poses


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"estimator": Stages(detecting=fail)}, id="detector"),
        pytest.param({"estimator": Stages(posing=fail)}, id="pose"),
        pytest.param({"estimator": Stages(), "tracker": Failing()}, id="tracker"),
    ],
)
def test_an_error_comes_in_its_place_with_its_traceback(broken, overlap):
    frames = poseflow.track(images(), **broken, overlap=overlap)
    assert [next(frames).index for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(RuntimeError, match="cannot do 4") as caught:
        next(frames)
    assert "fail" in [entry.name for entry in traceback.extract_tb(caught.tb)]
    assert list(frames) == []


def test_a_sink_that_fails_ends_everything():
    class Full:
        def write(self, frame):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        drain(poseflow.track(images(100), estimator=Stages()), [Full()])


def test_a_source_that_fails():
    frames = poseflow.track("no such file.mp4", estimator=Stages())
    with pytest.raises(poseflow.PoseFlowError, match="no such file"):
        next(frames)


class Stuck(Source):
    """A camera that gives one image and then hangs until it is closed."""

    is_live = True
    _ahead = 1

    def _frames(self, troubles):
        troubles.append("the camera hangs")
        yield SourceFrame(0, 0.0, "0.jpg", np.zeros((8, 8, 3), np.uint8))
        while not self._closed:
            time.sleep(0.01)


@pytest.mark.parametrize("poses", [None, [Frame(7, 0.0, Poses(np.ones((1, 17, 2))))]])
def test_closing_does_not_wait_for_a_source_that_hangs(poses):
    given = {"estimator": Stages()} if poses is None else {"poses": poses}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is missing: it was not the end
        frames = poseflow.track(Stuck("camera"), **given)
        assert next(frames).index == 0
        frames.close()
    assert not threads()


def test_the_callers_own_code_runs_in_the_callers_thread():
    used = set()

    def making():
        for image in images():
            used.add(threading.current_thread())
            yield image

    class Mine(Tracker):
        def update(self, poses, image=None, **more):
            used.add(threading.current_thread())
            return super().update(poses, image, **more)

    list(poseflow.track(making(), estimator=Stages()))
    list(poseflow.track(images(), estimator=Stages(), tracker=Mine("oks")))
    assert used == {threading.current_thread()}


def test_a_tracker_that_is_passed_in_is_not_ahead():
    tracker = Tracker("oks")
    for frame in poseflow.track(images(), estimator=Stages(), tracker=tracker):
        assert repr(tracker) == f"<Tracker 'oks', {frame.index + 1} frames>"

"""Small results and videos for the tests of the page."""

import cv2
import numpy as np

from poseflow import Frame, Poses, PoseSequence
from poseflow.video import open_writer

SIZE = (320, 240)
BODY = np.random.default_rng(0).uniform(-0.5, 0.5, (17, 2)) * [24, 80]


def walkers(people=2, frames=20, fps=10.0, size=SIZE, first_id=1):
    """People who walk to the right in rows, id by id."""
    made = []
    for t in range(frames):
        places = [
            (40 + 8 * t % (size[0] - 80), 60 + 130 * k / max(people, 1))
            for k in range(people)
        ]
        points = np.array([BODY + place for place in places]).reshape(-1, 17, 2)
        ids = np.arange(first_id, first_id + people)
        poses = Poses(points, track_ids=ids, skeleton="coco17")
        made.append(Frame(t, t / fps, poses, name=f"{t:06d}.jpg"))
    return PoseSequence.collect(made, name="walk", size=size, fps=fps)


def grey(frame):
    """Brightness that tells the number of a frame of `film`."""
    return 40 + 9 * frame


def film(path, frames=20, size=SIZE, fps=10.0):
    """A video, or folder of images, in which each frame has a brightness of its own."""
    with open_writer(path, size, fps) as writer:
        for t in range(frames):
            writer.write(np.full((size[1], size[0], 3), grey(t), np.uint8))
    return path


def film_mpeg4(path, frames=20, size=SIZE, fps=10.0):
    """A video that browsers do not play."""
    code = cv2.VideoWriter.fourcc(*"mp4v")
    writer = cv2.VideoWriter(str(path), code, fps, size)
    for t in range(frames):
        writer.write(np.full((size[1], size[0], 3), grey(t), np.uint8))
    writer.release()
    return path

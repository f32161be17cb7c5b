"""Draw failures of the default tracker that remain: docs/images/failures/*.png.

Run `python tools/failure_pictures.py docs/images/failures`. Each picture has two or
three moments of a rendered scene, with final ids by poses alone: before a person's id
is lost, in between, and after the person has another one. The person is the one whose
switch comes after the longest gap within the limits, and stands within the white box.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from poseflow import Poses
from poseflow.arrays import Floats, Image
from poseflow.benchmark.clips import Clip, make_clip
from poseflow.benchmark.tracking import Final, run_clip
from poseflow.drawing import Overlay
from poseflow.tracker import Tracker

HEIGHT_PX, WIDTH_PX, COLOURS = 192, 240, 48
"""Size of a moment, and colours of a picture."""


@dataclass(frozen=True)
class Failure:
    """One kind of failure: where it is searched for.

    Attributes:
        name: Of the picture.
        suite: Of the scene.
        seed: Of the scene.
        gap: Frames between both ids, least and most.
        stolen: The later id belonged to another person before.
    """

    name: str
    suite: str
    seed: int
    gap: tuple[int, int]
    stolen: bool = False


FAILURES = (
    Failure("newcomer_in_a_crowd", "crowd", 2, (1, 30), stolen=True),
    Failure("behind_a_wall", "wall", 4, (25, 90)),
    Failure("left_and_came_back", "leave_and_reenter", 0, (60, 400)),
)


@dataclass(frozen=True)
class Switch:
    """A person who had an id in one frame and another one when seen next."""

    person: int
    before: int
    after: int


def find_switch(clip: Clip, frames: list[Poses], failure: Failure) -> Switch:
    """The switch of the failure's kind after the longest gap."""
    last: dict[int, tuple[int, int]] = {}
    owner: dict[int, int] = {}
    found: list[tuple[int, Switch]] = []
    for number, (poses, sources) in enumerate(
        zip(frames, clip.corruption.sources, strict=True)
    ):
        for person, identity in zip(sources.tolist(), poses.track_ids, strict=False):
            track_id = int(identity)
            if person < 0 or track_id < 0:
                continue
            known, at = last.get(person, (track_id, number))
            gap = number - at
            stolen = owner.get(track_id, person) != person
            fitting = failure.gap[0] <= gap <= failure.gap[1]
            if known != track_id and stolen == failure.stolen and fitting:
                found.append((gap, Switch(person, at, number)))
            last[person] = track_id, number
            owner[track_id] = person
    if not found:
        raise SystemExit(f"{failure.name}: no such failure in this scene any more")
    return max(found, key=lambda pair: pair[0])[1]


def draw(clip: Clip, frames: list[Poses], switch: Switch) -> Image:
    """The moments of a switch side by side, cut out around the person."""
    boxes = {}
    for number in (switch.before, switch.after):
        truth = clip.truth[number].poses
        boxes[number] = truth.boxes[truth.track_ids == switch.person][0]
    middle = (switch.before + switch.after) // 2
    boxes.setdefault(middle, (boxes[switch.before] + boxes[switch.after]) / 2)
    overlay = Overlay()
    moments = []
    for number in sorted(boxes):
        image = overlay.draw(clip.image(number), frames[number])
        if number != middle or middle == switch.before:
            corners = np.rint(boxes[number]).astype(int)
            cv2.rectangle(image, corners[:2] - 4, corners[2:] + 4, (255, 255, 255), 2)
        moment = cut_out(image, boxes[number])
        cv2.putText(
            moment, f"frame {number}", (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45,
            (255, 255, 255), 1, cv2.LINE_AA,
        )  # fmt: skip
        moments.append(moment)
    return np.concatenate(moments, axis=1)


def cut_out(image: Image, box: Floats) -> Image:
    """The surroundings of a box, in the size of a moment."""
    height, width = image.shape[:2]
    side = max(2.0 * float(box[3] - box[1]), HEIGHT_PX)
    tall = min(int(side), height)
    wide = min(int(side * WIDTH_PX / HEIGHT_PX), width)
    x, y = (box[:2] + box[2:]) / 2
    left = int(np.clip(x - wide / 2, 0, width - wide))
    top = int(np.clip(y - tall / 2, 0, height - tall))
    part = image[top : top + tall, left : left + wide]
    shrunk = cv2.resize(part, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.uint8)


def main() -> None:
    """Write all pictures to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for failure in FAILURES:
        clip = make_clip(failure.suite, failure.seed)
        result, _ = run_clip(Final(Tracker()), clip)
        frames = [frame.poses for frame in result]
        switch = find_switch(clip, frames, failure)
        picture = draw(clip, frames, switch)

        palette = PIL.Image.fromarray(picture[..., ::-1]).quantize(COLOURS)
        palette.save(folder / f"{failure.name}.png", optimize=True)
        print(failure.name, switch)


if __name__ == "__main__":
    main()

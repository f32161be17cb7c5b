"""MOTChallenge text files: boxes with identities, one line per person and frame.

`frame, id, left, top, width, height, confidence, x, y, z`, frames from 1, pixels; lines
in any order. In ground truth of MOTChallenge the seventh number says whether the box is
to be considered (1) or not (0), and the eighth is its class; otherwise values after the
confidence are ignored. Detections (`det.txt`) have the id -1.
"""

from __future__ import annotations

import configparser
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poseflow.arrays import Bools, Floats, Ints
from poseflow.errors import FormatError
from poseflow.formats.input_file import read_text
from poseflow.frame_names import LONGEST_GAP, without_suffix
from poseflow.poses import NO_TRACK
from poseflow.sequence import PoseSequence
from poseflow.similarity.boxes import box_area, xywh_to_xyxy, xyxy_to_xywh
from poseflow.storage.atomic import AtomicFile

MAX_NUMBER = 2**53
"""Largest frame number or id: whole numbers beyond it lose digits in float64."""


COLUMNS = ("frame", "id", "left", "top", "width", "height", "confidence")


@dataclass(frozen=True, eq=False)
class BoxTracks:
    """Boxes of a sequence, in one table ordered by frame.

    Attributes:
        name: Name of the sequence: the file's name without `.txt`.
        frames: `(N,)` frames from 0.
        track_ids: `(N,)` identities; at most one box of an identity in a frame.
        boxes: `(N, 4)` x1, y1, x2, y2 in pixels.
        scores: `(N,)` confidence.
        num_frames: F, at least the last frame + 1.
        classes: `(N,)` classes of MOTChallenge's ground truth, 1 for pedestrians; 0
            where the eighth number is no class. None for boxes that are not from a
            file.
    """

    name: str
    frames: Ints
    track_ids: Ints
    boxes: Floats
    scores: Floats
    num_frames: int
    classes: Ints | None = None

    def __len__(self) -> int:
        """N, the number of boxes."""
        return len(self.frames)

    def __repr__(self) -> str:
        ids = len(np.unique(self.track_ids))
        return (
            f"<BoxTracks {self.name!r}: {self.num_frames} frames, {len(self)} boxes, "
            f"{ids} ids>"
        )

    def where(self, kept: Bools) -> BoxTracks:
        """Some of the boxes, by a mask; as many frames."""
        return replace(
            self,
            frames=self.frames[kept],
            track_ids=self.track_ids[kept],
            boxes=self.boxes[kept],
            scores=self.scores[kept],
            classes=None if self.classes is None else self.classes[kept],
        )

    @classmethod
    def of(cls, sequence: PoseSequence) -> BoxTracks:
        """The boxes of a tracked pose sequence; people without an id are left out."""
        parts = [
            (f.index, f.poses[np.flatnonzero(f.poses.track_ids != NO_TRACK)])
            for f in sequence
        ]
        frames = [np.full(len(poses), index) for index, poses in parts]
        columns = [(p.track_ids, p.boxes, p.scores) for _, p in parts]
        ids, boxes, scores = zip(*columns, strict=True) if columns else ((), (), ())
        none = np.zeros(0, np.int64)
        where = np.concatenate([none, *frames])
        order = np.argsort(where, kind="stable")
        last = max((index for index, _ in parts), default=-1)
        return cls(
            sequence.name,
            where[order],
            np.concatenate([none, *ids])[order],
            np.concatenate([np.zeros((0, 4)), *boxes])[order],
            np.concatenate([np.zeros(0), *scores])[order],
            last + 1,
        )


def read_mot(path: str | Path, *, truth: bool = False) -> BoxTracks:
    """Boxes of a MOTChallenge text file; an empty file gives no boxes.

    Args:
        path: The file, numbers separated by commas or spaces; frames from 1, or from 0
            (with a warning) if it has a frame 0.
        truth: Whether it is ground truth, in which a confidence of 0 marks a box that
            is not to be considered.

    Raises:
        FormatError: If the file cannot be read, or a line is invalid: too few numbers,
            no number, not finite, a frame below 0, a negative width or height, an id
            twice in a frame (other than -1, which is none).
    """
    path = Path(path)
    try:
        lines = read_text(path, empty=True).decode().splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{path}: expected text in UTF-8 or UTF-16 ({error})"
        ) from error
    table = _whole_table(lines)
    if table is None:
        rows = [_row(lines[k - 1], f"{path}: line {k}") for k in _filled(lines)]
        table = np.array(rows, np.float64).reshape(-1, 8)
    first_frame = _first_frame(path, table)
    kept = table[:, 6] != 0 if truth else np.ones(len(table), np.bool_)
    table = table[kept]
    order = np.lexsort((table[:, 1], table[:, 0]))
    same = (np.diff(table[order, :2], axis=0) == 0).all(axis=1)
    same &= table[order[1:], 1] != NO_TRACK
    if same.any():
        first = order[np.flatnonzero(same)[0]]
        second = order[np.flatnonzero(same)[0] + 1]
        places = np.array(_filled(lines))[kept]
        raise FormatError(
            f"{path}: line {places[second]}: id {table[second, 1]:.0f} is in frame "
            f"{table[second, 0]:.0f} already (line {places[first]}); expected every id "
            "once in a frame"
        )
    _check_columns(path, table)
    table = table[np.argsort(table[:, 0], kind="stable")]
    frames = table[:, 0].astype(np.int64) - first_frame
    return BoxTracks(
        sequence_name(path),
        frames,
        table[:, 1].astype(np.int64),
        xywh_to_xyxy(table[:, 2:6]).astype(np.float64),
        table[:, 6].copy(),
        int(frames.max(initial=-1)) + 1,
        table[:, 7].astype(np.int64),
    )


_FEWEST_PAIRS = 20
"""Pairs of boxes from which the order of columns is judged."""


def _check_columns(path: Path, table: Floats) -> None:
    """Check that frame and id, and the numbers of a box, are in MOTChallenge's order.

    A track's boxes of neighbouring frames overlap. Where hardly any do, but would if
    the first two columns were exchanged, they are.

    Raises:
        FormatError: If frame and id are exchanged.
    """
    own, exchanged = _overlaps(table, 0, 1), _overlaps(table, 1, 0)
    if min(len(own), len(exchanged)) >= _FEWEST_PAIRS and (
        np.median(own) < 0.05 and np.median(exchanged) > 0.3
    ):
        raise FormatError(
            f"{path}: expected frame, id, left, top, width, height; the boxes of an id "
            "do not overlap from frame to frame, but would if the first two columns "
            "were id, frame: exchange them"
        )
    sides, corners = table[:, 4:6], table[:, 4:6] - table[:, 2:4]
    if len(table) >= _FEWEST_PAIRS and (corners > 0).all():
        # People change their place more than their size.
        as_sides, as_corners = (np.std(np.log(x), axis=0) for x in (sides, corners))
        steady = (as_corners < as_sides + 1e-9).all()
        if steady and 2 * as_corners.sum() < as_sides.sum():
            warnings.warn(
                f"{path}: the boxes may be left, top, right, bottom: every width is "
                "above left and every height above top; expected left, top, width, "
                "height",
                stacklevel=3,
            )


def _overlaps(table: Floats, frame: int, identity: int) -> Floats:
    """IoU of boxes of one id in neighbouring frames.

    Args:
        table: `(N, 8)` numbers of a file.
        frame: The column with the frames.
        identity: The column with the ids.
    """
    order = np.lexsort((table[:, frame], table[:, identity]))
    rows = table[order]
    step = np.diff(rows[:, [identity, frame]], axis=0)
    pairs = np.flatnonzero((step[:, 0] == 0) & (step[:, 1] == 1))
    one, other = (xywh_to_xyxy(rows[pairs + k, 2:6]) for k in (0, 1))
    low = np.maximum(one[:, :2], other[:, :2])
    high = np.minimum(one[:, 2:], other[:, 2:])
    inside = box_area(np.hstack([low, high]))
    union = box_area(one) + box_area(other) - inside
    overlap: Floats = np.divide(
        inside, union, out=np.zeros(len(pairs)), where=union > 0
    )
    return overlap


def _filled(lines: list[str]) -> list[int]:
    """Numbers, from 1, of the lines that are not blank."""
    return [number for number, line in enumerate(lines, 1) if line.strip()]


def _first_frame(path: Path, table: Floats) -> int:
    """The number of a file's first frame: 1, or 0 where there is a frame 0."""
    if not (table[:, 0] == 0).any():
        return 1
    warnings.warn(
        f"{path}: frames are numbered from 0; frame 0 is taken as the first one, which "
        "MOTChallenge numbers 1",
        stacklevel=3,
    )
    return 0


def sequence_name(path: Path) -> str:
    """Name of a file's sequence: the file's, or the folder's in `NAME/gt/gt.txt`.

    Examples:
        >>> sequence_name(Path("train/MOT17-02/gt/gt.txt"))
        'MOT17-02'
        >>> sequence_name(Path("results/MOT17-02.txt"))
        'MOT17-02'
    """
    if path.name in ("gt.txt", "det.txt") and path.stem == path.parent.name:
        folder = path.parent.parent
        return (folder if folder.name not in ("", "..") else folder.resolve()).name
    return without_suffix(path.name, ".txt")


def sequence_length(path: Path) -> int:
    """Frames that `seqinfo.ini` gives the sequence of `NAME/gt/gt.txt`; 0 if unknown.

    Raises:
        FormatError: If there is such a file and it cannot be used.
    """
    info = path.parent.parent / "seqinfo.ini"
    if path.name != "gt.txt" or path.parent.name != "gt" or not info.is_file():
        return 0
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(info, empty=True).decode())
        length = parser.getint("Sequence", "seqLength", fallback=0)
    except (configparser.Error, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        text = str(error).splitlines()[0]
        raise FormatError(
            f"{info}: expected seqLength = NUMBER in [Sequence] ({text})"
        ) from error
    return max(length, 0)


def filled_frames(known: Ints, length: int) -> Ints:
    """Frames with boxes, and the empty ones between them.

    Gaps of more than `LONGEST_GAP` frames are left out: a number may be anything.

    Args:
        known: Frames with boxes from 0, in any order, also repeated.
        length: Frames of the sequence.

    Examples:
        >>> filled_frames(np.array([2, 2, 10**12]), 10**12 + 2).tolist()
        [0, 1, 2, 1000000000000, 1000000000001]
    """
    frames: list[int] = []
    after = 0
    for frame in [*np.unique(known).tolist(), length]:
        first = after if frame - after <= LONGEST_GAP else frame
        frames += range(first, min(frame + 1, length))
        after = frame + 1
    return np.array(frames, np.int64)


def _whole_table(lines: list[str]) -> Floats | None:
    """The numbers of valid lines of at least eight, all at once; otherwise None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no lines
            table = np.loadtxt(
                lines, delimiter=",", usecols=range(8), comments=None, ndmin=2
            )
    except (ValueError, IndexError):
        return None
    keys = table[:, :2]
    valid = (
        np.isfinite(table[:, :7]).all()
        and (keys == np.floor(keys)).all()
        and (np.abs(keys) <= MAX_NUMBER).all()
        and (table[:, 0] >= 0).all()
        and (table[:, 4:6] >= 0).all()
    )
    if not valid:
        return None
    classes = table[:, 7]
    whole = (classes >= 1) & (classes < MAX_NUMBER) & (classes == np.floor(classes))
    table[:, 7] = np.where(whole, classes, 0)
    return table


def _row(line: str, place: str) -> list[float]:
    """The first seven numbers of a line and its class, 0 for none.

    A line of six numbers has confidence 1.
    """
    cells = _cells(line)
    if len(cells) < 6:
        raise FormatError(
            f"{place}: expected frame, id, left, top, width, height, found "
            f"{len(cells)} values"
        )
    cells[6:6] = ["1"] if len(cells) == 6 else []
    try:
        row = [float(cell) for cell in cells[:7]]
    except ValueError:
        raise FormatError(f"{place}: {_odd_cell(cells)}") from None
    if not math.isfinite(sum(row)):
        odd = [cell for cell in cells[:7] if not math.isfinite(float(cell))]
        if odd:
            raise FormatError(f"{place}: expected a finite number, found {odd[0][:40]}")
    for value, what in zip(row[:2], ("frame", "id"), strict=True):
        if not value.is_integer() or abs(value) > MAX_NUMBER:
            raise FormatError(
                f"{place}: expected a whole number below 2^53 as {what}, found {value}"
            )
    if row[0] < 0:
        raise FormatError(
            f"{place}: frames begin with 1, or with 0, found {row[0]:.0f}"
        )
    if row[4] < 0 or row[5] < 0:
        raise FormatError(
            f"{place}: expected width and height of at least 0, found {row[4]} x "
            f"{row[5]}"
        )
    try:
        kind = float(cells[7]) if len(cells) > 7 else 0.0
    except ValueError:
        kind = 0.0
    return [*row, kind if 1 <= kind < MAX_NUMBER and kind.is_integer() else 0.0]


def _cells(line: str) -> list[str]:
    """The cells of a line, which commas or spaces separate."""
    # Not by spaces where there are commas: an empty cell must not move the others.
    return line.strip().rstrip(",").split(",") if "," in line else line.split()


def _odd_cell(cells: list[str]) -> str:
    """What is wrong with the first cell that is no number."""
    for name, cell in zip(COLUMNS, cells, strict=False):
        try:
            float(cell)
        except ValueError:
            found = repr(cell.strip()[:40]) if cell.strip() else f"nothing as {name}"
            break
    return f"expected a number, found {found}"


def write_mot(tracks: BoxTracks | PoseSequence, path: str | Path) -> None:
    """Write boxes as MOTChallenge text, atomically.

    Coordinates get up to six decimals, confidences four; frames count from 1.

    Raises:
        FormatError: If the file cannot be written.
    """
    if isinstance(tracks, PoseSequence):
        tracks = BoxTracks.of(tracks)
    sides = xyxy_to_xywh(tracks.boxes).tolist()
    columns = (tracks.frames.tolist(), tracks.track_ids.tolist(), sides)
    lines = [
        mot_line(*row) for row in zip(*columns, tracks.scores.tolist(), strict=True)
    ]
    with AtomicFile(path) as file:
        file.write(b"".join(lines))


def mot_line(frame: int, identity: int, box: Sequence[float], score: float) -> bytes:
    """A line of MOTChallenge text.

    Args:
        frame: From 0; MOTChallenge counts from 1.
        identity: -1 for none.
        box: Left, top, width, height in pixels.
        score: Confidence; not finite becomes 1.
    """
    confidence = score if math.isfinite(score) else 1.0
    sides = ",".join(map(_short, box))
    return f"{frame + 1},{identity},{sides},{confidence:.4f},-1,-1,-1\n".encode()


def is_mot(head: bytes) -> bool:
    """Whether the first bytes of a file are MOTChallenge text: by its first line."""
    line = head.lstrip().split(b"\n", 1)[0].decode("utf-8", "ignore")
    # Seven at least where spaces separate: labels of YOLO may have six.
    least = 6 if "," in line else 7
    cells = _cells(line)
    try:
        # An empty cell is one that the reader names.
        values = [float(cell) for cell in cells[:6] if cell.strip()]
        whole = all(float(cell).is_integer() for cell in cells[:2])
    except ValueError:
        return False
    return len(cells) in range(least, 11) and len(values) >= 4 and whole


def _short(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")

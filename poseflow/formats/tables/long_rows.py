"""Grouping of the rows of a long table, one a joint and in any order, into people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseflow.arrays import Floats, Ints
from poseflow.errors import FormatError, PoseFlowError
from poseflow.formats.base import Hints
from poseflow.formats.frame_builder import Problems
from poseflow.formats.skeleton_fields import joint_name, known_by_names
from poseflow.skeletons import for_joint_count
from poseflow.skeletons.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class LongRows:
    """The rows of a long table that have a joint, R in all.

    Attributes:
        frames: `(R,)` position of each row's frame.
        persons: `(R,)` position of its person in the frame, NaN where not given.
        ids: `(R,)` identity of its person, -1 for none.
        joints: R names of joints, as a categorical or object column of pandas.
        points: `(R, 2)` pixels.
        marks: `(R,)` scores of the joints; None where the file has none.
        places: `(R,)` lines or rows in the file, for messages.
    """

    frames: Ints
    persons: Floats
    ids: Ints
    joints: Any
    points: Floats
    marks: Floats | None
    places: Ints


@dataclass(frozen=True, eq=False)
class JointTable:
    """Joints of P people: `(P, K, 2)` points, `(P, K)` scores, K names."""

    points: Floats
    marks: Floats
    joints: Sequence[str] | None


def people_of_rows(
    rows: LongRows, hints: Hints, problems: Problems, place: str = "line"
) -> tuple[Ints, JointTable]:
    """Group rows into people.

    A person is a number in its frame (`persons`), or without one an identity in its
    frame; of several people without either, the first rows of each joint are the first
    person, and so on. A joint that a person has twice is left out and reported.

    Args:
        rows: The rows.
        hints: Tell the skeleton, if it is known.
        problems: Gets the rows left out.
        place: What `rows.places` counts.

    Returns:
        The first row of every person, and their joints.

    Raises:
        FormatError: If no joint has a name of the skeleton.
    """
    import pandas as pd

    joint, names = _joints(rows, hints, problems, place)
    known = joint >= 0
    no_id = rows.ids < 0
    unnumbered = ~(rows.persons >= 0)
    keys = pd.DataFrame(
        {
            "frame": rows.frames,
            "person": np.where(unnumbered, -1, rows.persons),
            "id": np.where(unnumbered & ~no_id, rows.ids, -1),
            "joint": joint,
        }
    )
    nameless = unnumbered & no_id
    if nameless.any():
        part = keys[nameless]
        turn = part.groupby(["frame", "joint"], sort=False).cumcount()
        keys.loc[nameless, "id"] = -2 - turn
    person = keys.groupby(["frame", "person", "id"], sort=False).ngroup().to_numpy()
    cells = person * len(names) + joint
    order = np.flatnonzero(known)
    _, once = np.unique(cells[order], return_index=True)
    if len(once) < len(order):
        twice = np.ones(len(order), np.bool_)
        twice[once] = False
        for row in order[twice].tolist():
            problems.add(
                f"{place} {rows.places[row]}",
                f"joint {names[joint[row]]} of this person occurs twice in the frame",
            )
        order = order[~twice]
    kept, first, person = np.unique(
        person[order], return_index=True, return_inverse=True
    )
    shape = len(kept), len(names)
    points, marks = np.full((*shape, 2), np.nan), np.zeros(shape)
    points[person, joint[order]] = rows.points[order]
    given = np.ones(len(order)) if rows.marks is None else rows.marks[order]
    empty = np.isnan(rows.points[order]).all(axis=1)
    missing = empty & (np.isnan(given) | (given == 0) | (rows.marks is None))
    marks[person, joint[order]] = np.where(missing, 0.0, given)
    _check_ids(rows, order, first, person, problems, place)
    return order[first], JointTable(points, marks, names)


def _joints(
    rows: LongRows, hints: Hints, problems: Problems, place: str
) -> tuple[Ints, list[str]]:
    """The joint of every row by number, -1 for unknown ones, and the joints' names."""
    column = rows.joints.astype("category").cat.remove_unused_categories()
    codes = column.cat.codes.to_numpy().astype(np.int64)
    found = [str(name).strip() for name in column.cat.categories]
    numbers = _numbers(found, hints.skeleton, problems)
    if hints.skeleton is None and numbers is not None:
        try:
            names = list(for_joint_count(max(numbers) + 1).joints)
        except PoseFlowError as error:
            raise FormatError(
                f"{problems.path}: joint: {error}, or name the joints"
            ) from error
        return np.array(numbers, np.int64)[codes], names
    known = known_by_names(found) if hints.skeleton is None else None
    if known is not None:
        skeleton, joint_of = known
        places = [skeleton.joints.index(joint_of[name]) for name in found]
        return np.array(places, np.int64)[codes], list(skeleton.joints)
    if hints.skeleton is None:
        first = np.unique(codes, return_index=True)[1]
        order = np.argsort(first, kind="stable")  # as they appear in the file
        rank = np.empty(len(found), np.int64)
        rank[order] = np.arange(len(found))
        return rank[codes], [found[k] for k in order]
    names = list(hints.skeleton.joints)
    number = {joint_name(name): k for k, name in reversed(list(enumerate(names)))}
    number |= {name: k for k, name in enumerate(names)}
    lookup = np.array(
        [number.get(name, number.get(joint_name(name), -1)) for name in found], np.int64
    )
    if numbers is not None and (lookup < 0).any():
        usable = [k if k < len(names) else -1 for k in numbers]
        lookup = np.array(usable, np.int64)
    joint = lookup[codes] if len(found) else np.zeros(0, np.int64)
    unknown = [name for name, k in zip(found, lookup, strict=True) if k < 0]
    if found and len(unknown) == len(found):
        raise FormatError(
            f"{problems.path}: joint: expected those of {hints.skeleton.name} "
            f"({', '.join(names)[:80]}), found {', '.join(unknown)[:80]}"
        )
    for row in np.flatnonzero(joint < 0).tolist():
        problems.ignore(
            f"{place} {rows.places[row]}",
            f"joint {found[codes[row]]!r} is not one of {hints.skeleton.name}",
        )
    return joint, names


def _numbers(
    found: Sequence[str], skeleton: Skeleton | None, problems: Problems
) -> list[int] | None:
    """Numbers of joints from 0, where all names are numbers; None otherwise."""
    if not found or not all(name.isascii() and name.isdigit() for name in found):
        return None
    numbers = [int(name) for name in found]
    last = None if skeleton is None else len(skeleton)
    if min(numbers) != 1 or (last is not None and max(numbers) != last):
        return numbers
    problems.note("joints are numbered from 1; 1 is taken as the first joint")
    return [number - 1 for number in numbers]


def _check_ids(
    rows: LongRows,
    order: Ints,
    first: Ints,
    person: Ints,
    problems: Problems,
    place: str,
) -> None:
    """Report rows with another identity than the first row of their person."""
    ids = rows.ids[order]
    for row in np.flatnonzero(ids != ids[first][person]).tolist():
        problems.ignore(
            f"{place} {rows.places[order[row]]}",
            f"id: expected {ids[first][person][row]}, as in the other rows of this "
            f"person, found {ids[row]}",
        )

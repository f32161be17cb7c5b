"""Frame pairing: the annotated frame of each predicted one."""

from __future__ import annotations

import numpy as np

from poseflow.arrays import Ints
from poseflow.errors import FormatError
from poseflow.eval.posetrack.rules import RuleSet
from poseflow.formats.posetrack.annotations import Annotations, Problem


def pair_frames(
    gt: Annotations, pred: Annotations, rules: RuleSet
) -> tuple[Ints, list[Problem]]:
    """The annotated frame of each predicted one, -1 for none.

    Args:
        gt: The annotation.
        pred: The predictions.
        rules: Its `frame_pairing` counts.

    Returns:
        `(F_pred,)` positions in `gt`, and a problem for everything that does not pair.

    Raises:
        FormatError: If the rules pair by position and the sides have different numbers
            of frames, or by image id and the sides have no id in common.
    """
    problems: list[Problem] = []
    if rules.frame_pairing == "name":
        frame_of = _by_id_or_name(gt, pred, problems)
    elif rules.frame_pairing == "position_or_id":
        frame_of = _by_position_or_id(gt, pred, problems)
    else:
        if gt.num_frames != pred.num_frames:
            raise FormatError(
                f"{pred.source}: {pred.num_frames} frames, but the annotation "
                f"{gt.source} has {gt.num_frames}; {rules.mode} mode pairs frames by "
                "position and needs as many (strict mode pairs them by name)"
            )
        frame_of = np.arange(pred.num_frames)
    surplus = int((frame_of < 0).sum())
    if surplus:
        problems.append(
            Problem(
                pred.source,
                None,
                f"{surplus} of {pred.num_frames} frames are not in the annotation; "
                "they are left out",
            )
        )
    lacking = gt.num_frames - (pred.num_frames - surplus)
    if lacking:
        problems.append(
            Problem(
                pred.source,
                None,
                f"{lacking} of the annotation's {gt.num_frames} frames are missing; "
                "they count as frames without predictions",
            )
        )
    return frame_of, problems


def _by_id_or_name(gt: Annotations, pred: Annotations, problems: list[Problem]) -> Ints:
    """By image id if every id of the shorter side is known to the longer one.

    Else by the last part of the image name under the same condition, else by position.
    """
    by_id = gt.format != "posetrack17" != pred.format
    keys = [(gt.image_ids.tolist(), pred.image_ids.tolist())] if by_id else []
    keys.append(
        (
            [name.rsplit("/", 1)[-1] for name in gt.image_names],
            [name.rsplit("/", 1)[-1] for name in pred.image_names],
        )
    )
    for gt_keys, pred_keys in keys:
        place = {key: k for k, key in enumerate(gt_keys)}
        if (
            len(place) == len(gt_keys)
            and len(set(pred_keys)) == len(pred_keys)
            and "" not in place
            and (set(pred_keys) <= set(place) or set(place) <= set(pred_keys))
        ):
            return np.array([place.get(k, -1) for k in pred_keys], np.int64)
    if gt.num_frames != pred.num_frames:
        problems.append(
            Problem(
                pred.source,
                None,
                "image ids and names do not tell which frame is which; frames are "
                "paired by position",
            )
        )
    return _by_position(gt, pred)


def _by_position_or_id(
    gt: Annotations, pred: Annotations, problems: list[Problem]
) -> Ints:
    """By position, or by image id if a labelled frame has another id on each side."""
    common = min(gt.num_frames, pred.num_frames)
    labelled = np.flatnonzero(gt.labelled[:common] != 0)
    with_ids = all(side.format in ("posetrack18", "posetrack21") for side in (gt, pred))
    if not with_ids or (gt.image_ids[labelled] == pred.image_ids[labelled]).all():
        return _by_position(gt, pred)
    place = {image: frame for frame, image in enumerate(gt.image_ids.tolist())}
    frame_of = np.array([place.get(k, -1) for k in pred.image_ids.tolist()], np.int64)
    if (frame_of < 0).all():
        raise FormatError(
            f"{pred.source}: image {pred.image_ids[0]} and all others are not "
            f"those of {gt.source}, which begins with {gt.image_ids[0]}; expected "
            "the annotation's image ids"
        )
    problems.append(
        Problem(
            pred.source,
            None,
            "the images come in another order or with other ids than annotated; they "
            "are paired by their ids",
        )
    )
    return frame_of


def _by_position(gt: Annotations, pred: Annotations) -> Ints:
    frame_of = np.arange(pred.num_frames)
    frame_of[gt.num_frames :] = -1
    return frame_of

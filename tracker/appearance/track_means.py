"""Mean appearance of every track of a sequence, collected frame by frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poseflow.arrays import Floats, Image, Ints
from poseflow.errors import PoseFlowError
from poseflow.poses import Poses
from poseflow.tracker.appearance.limb_colours import limb_colours
from poseflow.tracker.appearance.model import AppearanceModel
from poseflow.tracker.observations import person_boxes

PAIRS_LEAST = 100
"""Pairs of different people to learn from, before appearances are compared."""


class TrackAppearances:
    """Mean appearance of each track, and what distances between two tracks mean.

    Holds a mean for each track, and no images. What distances mean is learned from
    people who are seen in the same frame, so nothing is known where there is one person
    at a time.

    Attributes:
        size: Width and height of the images, if they are known.

    Examples:
        >>> from poseflow.tracker import Tracker
        >>> tracker, appearances = Tracker(), TrackAppearances()
        >>> image = np.zeros((100, 100, 3), np.uint8)
        >>> people = Poses(np.random.default_rng(0).uniform(20, 80, (2, 17, 2)))
        >>> for _ in range(3):
        ...     appearances.add(tracker.update(people, image), image)
        >>> appearances.ready
        False
    """

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        self._model = AppearanceModel()
        self._rows: dict[int, int] = {}
        self._means = self._counts = np.zeros((0, 0))

    @property
    def ready(self) -> bool:
        """True once enough people were seen again, and beside each other."""
        return self._model.ready and self._model.pairs >= PAIRS_LEAST

    def add(
        self,
        poses: Poses,
        image: Image | None = None,
        *,
        embeddings: npt.ArrayLike | None = None,
    ) -> None:
        """Add the people of a frame; those without an id or interpolated are left out.

        Args:
            poses: The P people, with their final track ids.
            image: `(H, W, 3)` uint8 BGR or `(H, W)` grey: colours along the limbs.
            embeddings: `(P, D)` appearances instead, NaN where unknown.

        Raises:
            PoseFlowError: If the embeddings do not have one row per person, or other
                features than before.
        """
        if embeddings is not None:
            appearance = self._checked(embeddings, len(poses))
        elif image is not None:
            self.size = image.shape[1], image.shape[0]
            appearance = image_appearance(poses, image)
        else:
            return
        if self._model.features == 0:
            # Without forgetting: the first people may come back at the end.
            self._model = AppearanceModel(appearance.shape[1], rate_least=0)
            self._means = self._counts = np.zeros((1, appearance.shape[1]))
        if appearance.shape[1] != self._model.features:
            return  # a grey image among those in colour: unknown
        tracked = (poses.track_ids >= 0) & ~poses.interpolated
        appearance = appearance[tracked]
        rows = self._make_rows(poses.track_ids[tracked])
        means, counts = self._means[rows], self._counts[rows]
        self._model.learn(means, counts, appearance)
        seen = np.isfinite(appearance)
        counts += seen
        change = np.where(seen, appearance - means, 0) / np.maximum(counts, 1)
        self._means[rows] = means + change
        self._counts[rows] = counts

    def log_odds(self, first: Ints, second: Ints) -> Floats:
        """Log odds that pairs of tracks are the same person.

        Args:
            first: `(n,)` track ids.
            second: `(n,)` the other ones.

        Returns:
            `(n,)`, 0 where nothing is known.
        """
        if not self.ready:
            return np.zeros(len(first))
        ids, where = np.unique(np.concatenate([first, second]), return_inverse=True)
        # The last row is spare: no observations.
        rows = np.array([self._rows.get(i, -1) for i in ids.tolist()], np.int64)
        a, b = rows[where].reshape(2, -1)
        other = np.where(self._counts[b] > 0, self._means[b], np.nan)
        return self._model.log_odds(
            *self._model.distances(self._means[a], self._counts[a], other)
        )

    def _make_rows(self, ids: Ints) -> Ints:
        """Rows of tracks, new ones for those not seen before."""
        rows = [self._rows.setdefault(i, len(self._rows)) for i in ids.tolist()]
        if len(self._rows) >= len(self._means):
            more = np.zeros((2 * len(self._rows) + 1, self._model.features))
            more[: len(self._means)] = self._means
            counts = np.zeros_like(more)
            counts[: len(self._counts)] = self._counts
            self._means, self._counts = more, counts
        return np.array(rows, np.int64)

    def _checked(self, embeddings: npt.ArrayLike, people: int) -> Floats:
        array = np.asarray(embeddings, np.float64)
        features = self._model.features
        if array.ndim != 2 or len(array) != people:
            raise PoseFlowError(
                f"embeddings: expected shape ({people}, features), one row per person, "
                f"got {array.shape}"
            )
        if features and array.shape[1] != features:
            raise PoseFlowError(
                f"embeddings: expected {features} features as in earlier frames, got "
                f"{array.shape[1]}"
            )
        return array


def image_appearance(poses: Poses, image: Image) -> Floats:
    """Colours along the limbs of the P people of an image, `(P, D)`."""
    boxes = np.nan_to_num(person_boxes(poses))
    return limb_colours(image, poses, (boxes[:, 2:] - boxes[:, :2]).max(1, initial=1))

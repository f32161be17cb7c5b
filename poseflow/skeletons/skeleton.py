"""`Skeleton`: joint names of a pose, limbs, left/right pairs and OKS sigmas."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from poseflow.arrays import Ints
from poseflow.errors import PoseFlowError


@dataclass(frozen=True)
class Skeleton:
    """The joints that a pose consists of, in order, and how they belong together.

    Attributes:
        name: Short identifier, such as `"coco17"`; used by formats and the CLI.
        joints: Names of the K joints, unique, snake case, `left_`/`right_` being the
            person's own left and right.
        limbs: Pairs of joint names that a drawing connects.
        pairs: Left joints with their right counterparts, which a mirrored image swaps;
            default every `left_x` with its `right_x`.
        sigmas: K per-joint constants of object keypoint similarity (COCO's k = 2 sigma
            is applied by `oks`, not here).
        sigmas_source: Where the sigmas come from; does not count in comparisons.

    Examples:
        >>> fish = Skeleton("fish", ("mouth", "tail"), limbs=(("mouth", "tail"),))
        >>> len(fish), fish.index("tail"), fish.flip_indices.tolist()
        (2, 1, [0, 1])
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[str, str], ...] = ()
    sigmas: tuple[float, ...] = ()
    sigmas_source: str = field(default="uniform default", compare=False)
    pairs: tuple[tuple[str, str], ...] = ()

    DEFAULT_SIGMA = 0.05

    def __post_init__(self) -> None:
        """Check that names are unique and that limbs, pairs and sigmas fit the joints.

        Raises:
            PoseFlowError: If they do not.
        """
        for name in ("joints", "sigmas"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("limbs", "pairs"):
            pairs = tuple((a, b) for a, b in getattr(self, name))
            object.__setattr__(self, name, pairs)
        if not self.name or not self.joints:
            raise PoseFlowError(
                f"a skeleton needs a name and at least one joint, got name "
                f"{self.name!r} with {len(self.joints)} joints"
            )
        twice = sorted({j for j in self.joints if self.joints.count(j) > 1})
        if twice:
            raise PoseFlowError(
                f"skeleton {self.name!r}: joint names must be unique, "
                f"these occur twice: {', '.join(twice)}"
            )
        for name in ("limbs", "pairs"):
            named = {joint for pair in getattr(self, name) for joint in pair}
            unknown = sorted(named - set(self.joints))
            if unknown:
                raise PoseFlowError(
                    f"skeleton {self.name!r}: {name} name joints that it does not "
                    f"have: {', '.join(unknown)}"
                )
        paired = [joint for pair in self.pairs for joint in pair]
        if len(set(paired)) < len(paired):
            raise PoseFlowError(
                f"skeleton {self.name!r}: pairs: expected every joint in one pair at "
                "most"
            )
        if not self.pairs:
            object.__setattr__(self, "pairs", _pairs_by_name(self.joints))
        if not self.sigmas:
            object.__setattr__(self, "sigmas", (self.DEFAULT_SIGMA,) * len(self.joints))
        if len(self.sigmas) != len(self.joints) or min(self.sigmas) <= 0:
            raise PoseFlowError(
                f"skeleton {self.name!r}: expected {len(self.joints)} sigmas > 0, "
                f"got {len(self.sigmas)} with a minimum of {min(self.sigmas)}"
            )

    def __len__(self) -> int:
        """Number of joints, K."""
        return len(self.joints)

    def __repr__(self) -> str:
        return f"<Skeleton {self.name!r}, {len(self)} joints>"

    def index(self, joint: str) -> int:
        """Position of a joint.

        Raises:
            PoseFlowError: If the skeleton has no joint of that name.
        """
        try:
            return self.joints.index(joint)
        except ValueError:
            raise PoseFlowError(
                f"skeleton {self.name!r} has no joint {joint!r}; it has "
                f"{', '.join(self.joints)}"
            ) from None

    @cached_property
    def limb_indices(self) -> Ints:
        """Limbs as an `(L, 2)` array of joint positions."""
        pairs = [(self.index(a), self.index(b)) for a, b in self.limbs]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    @cached_property
    def left_right(self) -> tuple[tuple[int, int], ...]:
        """Positions of the joints of every pair, left and right."""
        place = {joint: k for k, joint in enumerate(self.joints)}
        return tuple((place[left], place[right]) for left, right in self.pairs)

    @cached_property
    def flip_indices(self) -> Ints:
        """Index of the joint that takes each place in a mirrored image, `(K,)`."""
        order = np.arange(len(self))
        for left, right in self.left_right:
            order[[left, right]] = right, left
        return order


def _pairs_by_name(joints: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Every `left_x` with its `right_x`."""
    right_of = {joint: "right_" + joint.removeprefix("left_") for joint in joints}
    return tuple(
        (joint, right_of[joint])
        for joint in joints
        if joint.startswith("left_") and right_of[joint] in right_of
    )

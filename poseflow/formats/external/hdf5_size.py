"""Size of an HDF5 file's arrays, which it may claim without holding them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poseflow.errors import FormatError, MissingExtraError
from poseflow.safety.limits import MB, most_expanded


def check_hdf5_size(path: Path) -> None:
    """Refuse a file whose arrays would take more memory than it is worth.

    An array takes no room in the file where it was not written or compresses well, and
    readers reserve all of it.

    Raises:
        FormatError: If the arrays are larger than the limit, or it is no HDF5 file.
        MissingExtraError: If h5py is missing.
    """
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "formats", f"{path}: HDF5") from error
    total = 0

    def add(name: str, item: Any) -> None:
        nonlocal total
        if isinstance(item, h5py.Dataset):
            total += item.nbytes

    try:
        with h5py.File(path, "r") as file:
            file.visititems(add)
    except Exception as error:  # of h5py, which has no common base
        text = " ".join(str(error).split())[:200]
        raise FormatError(f"{path}: damaged HDF5 file ({text})") from error
    if total > (most := most_expanded(path.stat().st_size)):
        raise FormatError(
            f"{path}: its arrays claim {total // MB} MB, expected at most "
            f"{most // MB} MB of a file of this size"
        )

"""The two Galaxy10 data sets as they were published: files, addresses, checksums, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..annotations import GALAXY10_DECALS, GALAXY10_SDSS

__all__ = ["GALAXY10_SETS", "Galaxy10Set"]


@dataclass(frozen=True)
class Galaxy10Set:
    """A published data set: one HDF5 file.

    Attributes
    ----------
    title : str
        For messages.
    file : str
        Name of the file.
    page : str
        Where a person downloads it.
    url : str
        The file itself.
    sha256 : str
        Of the file, lower case.
    side : int
        Its images are (side, side, 3), uint8.
    class_names : tuple of str
        In the order of its labels.
    class_counts : tuple of int
        Images of each class.
    has_positions : bool
        Whether it has the columns ``ra`` and ``dec``.
    """

    title: str
    file: str
    page: str
    url: str
    sha256: str
    side: int
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    has_positions: bool

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(self.class_counts)


_ZENODO = "https://zenodo.org/records"

GALAXY10_SETS: Mapping[str, Galaxy10Set] = {
    "galaxy10_decals": Galaxy10Set(
        title="Galaxy10 DECaLS",
        file="Galaxy10_DECals.h5",
        page=f"{_ZENODO}/10845026",
        url=f"{_ZENODO}/10845026/files/Galaxy10_DECals.h5",
        sha256="19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
        side=256,
        class_names=GALAXY10_DECALS,
        class_counts=(1081, 1853, 2645, 2027, 334, 2043, 1829, 2628, 1423, 1873),
        has_positions=True,
    ),
    "galaxy10_sdss": Galaxy10Set(
        title="Galaxy10 SDSS",
        file="Galaxy10.h5",
        page=f"{_ZENODO}/10844811",
        url=f"{_ZENODO}/10844811/files/Galaxy10.h5",
        sha256="969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af",
        side=69,
        class_names=GALAXY10_SDSS,
        # The page prints 394 for class 3, with which its classes have 45 images more than the
        # 21,785 of its text; with 349 they have as many.
        class_counts=(3461, 6997, 6292, 349, 1534, 17, 589, 1121, 906, 519),
        has_positions=False,
    ),
}
"""By the name that a configuration gives them.

Counts and checksums: the pages "Galaxy10 DECaLS" and "Galaxy10 SDSS" of astroNN's documentation
(https://astronn.readthedocs.io/en/latest/galaxy10.html and galaxy10sdss.html).
"""

"""Class lists of the Galaxy10 data sets, in the order of their indices."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError

__all__ = ["GALAXY10_DECALS", "GALAXY10_SDSS", "index_of"]

GALAXY10_DECALS: tuple[str, ...] = (
    "Disturbed Galaxies",
    "Merging Galaxies",
    "Round Smooth Galaxies",
    "In-between Round Smooth Galaxies",
    "Cigar Shaped Smooth Galaxies",
    "Barred Spiral Galaxies",
    "Unbarred Tight Spiral Galaxies",
    "Unbarred Loose Spiral Galaxies",
    "Edge-on Galaxies without Bulge",
    "Edge-on Galaxies with Bulge",
)
"""The ten classes of the Galaxy10 DECaLS data set (H. Leung and J. Bovy, built on Galaxy Zoo)."""

GALAXY10_SDSS: tuple[str, ...] = (
    "Disk Face-on No Spiral",
    "Smooth Completely round",
    "Smooth in-between round",
    "Smooth Cigar shaped",
    "Disk Edge-on Rounded Bulge",
    "Disk Edge-on Boxy Bulge",
    "Disk Edge-on No Bulge",
    "Disk Face-on Tight Spiral",
    "Disk Face-on Medium Spiral",
    "Disk Face-on Loose Spiral",
)
"""The ten classes of the older Galaxy10 SDSS data set, in the order of its labels.

Source: the page "Galaxy10 SDSS" of astroNN's documentation, which sets commas between the words.
The indices of the two lists mean different classes.
"""


def index_of(label: str, class_names: Sequence[str], source: str) -> int:
    """Return the index of a label in a class list.

    Parameters
    ----------
    label : str
        The label to look up.
    class_names : sequence of str
        The classes in order.
    source : str
        Origin of the label, for the message.

    Raises
    ------
    InputError
        If the label is none of the classes.
    """
    try:
        return class_names.index(label)
    except ValueError:
        raise InputError(
            f"{source} has an object {label!r}, which is none of the classes "
            f"{', '.join(class_names)}. Rename it or add the class."
        ) from None

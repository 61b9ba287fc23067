"""The kind of each image, by which a division is made even."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["strata"]


def strata(labels: Sequence[Sequence[str]]) -> list[tuple[str, int]]:
    """Return the stratum of each image: its rarest class and about how many objects it has.

    An image with objects of several classes counts for the one with the fewest objects in all
    images, since it is the rare classes that an uneven division would leave without examples
    (as in the iterative stratification of Sechidis et al. 2011).  Numbers of objects are binned by
    powers of two: 0, 1, 2 to 3, 4 to 7 and so on.

    Parameters
    ----------
    labels : sequence of sequence of str
        For each image the classes of its objects, without the difficult ones.

    Returns
    -------
    list of (str, int)
        The class, empty for an image without objects, and the number of the bin.
    """
    totals = Counter(label for image in labels for label in image)
    return [
        (min(image, key=lambda label: (totals[label], label), default=""), len(image).bit_length())
        for image in labels
    ]

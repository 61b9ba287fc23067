"""Contact sheets of galaxies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..imaging import contact_sheet, note_strip
from .features import CropRule
from .pictures import Picture, read_for_display

__all__ = ["COLUMNS", "draw_sheet", "draw_sheets"]

COLUMNS = 6
"""Number of galaxies in a row."""

_LETTERS = 11


def draw_sheet(
    pictures: Sequence[Picture], captions: Sequence[str], rule: CropRule
) -> NDArray[np.uint8]:
    """Draw galaxies with captions, six in a row.

    Parameters
    ----------
    pictures : sequence of Picture
        At least one.
    captions : sequence of str
        One for each.
    rule : CropRule
        The crops, as the network gets them.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    crops = [read_for_display(picture, rule) for picture in pictures]
    return contact_sheet(crops, captions, COLUMNS)


def draw_sheets(sheets: Sequence[tuple[str, NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Stack sheets of the same width, each below its title.

    Parameters
    ----------
    sheets : sequence of (str, ndarray)
        Titles and sheets.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    return np.vstack(
        [
            part
            for title, sheet in sheets
            for part in (note_strip([title], sheet.shape[1], _LETTERS), sheet)
        ]
    )

"""Search a field, in memory or by windows, for the objects that are then measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..detection.base import BaseDetector
from ..detection.pieces import LargeSearch, Piece
from ..detection.predict import detect_prepared, field_tiles
from ..imaging import Field, Stretch, prepare_field
from ..imaging.large_field import LargeField
from ..imaging.local_background import Background
from ..imaging.prepare_large import prepare_large_field
from ..imaging.quality import FieldQuality
from .provenance import StageClock

__all__ = ["FieldSearch", "search_opened"]

_LONGEST_OVERLAY = 3000  # pixels: of a field that is read by windows


@dataclass(frozen=True, eq=False)
class FieldSearch:
    """A field that was searched.

    Attributes
    ----------
    field : Field
        The field; zeros that take no memory in place of the pixels if it is read by windows.
    background : Background or None
        Its sky; None for a finished picture.
    quality : FieldQuality
        Its quality.
    psf_fwhm : float or None
        Width of its stars, pixels.
    sampling : float
        Sampling at which it was searched.
    scales : list of float
        Scale of each tile.
    pieces : iterator of Piece
        Its objects with the pixels around them: one piece if it is in memory.
    picture : callable
        Returns the field as a picture, and the factor by which that is reduced.
    """

    field: Field
    background: Background | None
    quality: FieldQuality
    psf_fwhm: float | None
    sampling: float
    scales: list[float]
    pieces: Iterator[Piece]
    picture: Callable[[], tuple[NDArray[np.uint8], float]]


def search_opened(
    opened: Field | LargeField,
    detector: BaseDetector,
    stretch: Stretch,
    score_threshold: float | None,
    crop_margin: float,
    clock: StageClock,
) -> FieldSearch:
    """Prepare and search a field.

    Parameters
    ----------
    opened : Field or LargeField
        The field.
    detector : BaseDetector
        The detector.
    stretch : Stretch
        Stretch of the field to RGB.
    score_threshold : float or None
        Lowest score kept; None for that of the detector.
    crop_margin : float
        Side of the crops that are cut from pieces, relative to the longer side of a box.
    clock : StageClock
        Takes the time of the steps.

    Returns
    -------
    FieldSearch
    """
    if isinstance(opened, LargeField):
        return _search_large(opened, detector, stretch, score_threshold, crop_margin, clock)
    with clock("prepare"):
        prepared = prepare_field(opened, stretch, detector.psf_range)
    with clock("detect"):
        height, width = prepared.searched.shape[:2]
        tiles = field_tiles(width, height, detector.input_size, detector.window_step)
        found = detect_prepared(prepared, detector, score_threshold, tiles)
    piece = Piece(prepared, found, np.empty((0, 4)), np.ones(4), (0, 0))
    return FieldSearch(
        prepared.field,
        prepared.background,
        prepared.quality,
        None if prepared.psf is None else prepared.psf.fwhm,
        prepared.sampling,
        [tile.scale * prepared.sampling for tile in tiles],
        iter([piece]),
        lambda: (prepared.rgb, 1),
    )


def _search_large(
    opened: LargeField,
    detector: BaseDetector,
    stretch: Stretch,
    score_threshold: float | None,
    crop_margin: float,
    clock: StageClock,
) -> FieldSearch:
    with clock("prepare"):
        prepared = prepare_large_field(opened, stretch, detector.psf_range)
    with clock("detect"):
        search = LargeSearch(prepared, detector, score_threshold, crop_margin)

    def pieces() -> Iterator[Piece]:
        following = search.pieces()
        while True:
            with clock("detect"):
                piece = next(following, None)
            if piece is None:
                return
            yield piece

    def picture() -> tuple[NDArray[np.uint8], float]:
        reduced = search.picture
        factor = math.ceil(max(reduced.pixels.shape) / _LONGEST_OVERLAY)
        return reduced.reduced(factor), reduced.factor * factor / prepared.sampling

    note = (
        "it is larger than fits into memory: it was searched in parts, and its overlay is reduced"
    )
    field = replace(prepared.field, notes=(*prepared.field.notes, note))
    return FieldSearch(
        field,
        prepared.background,
        prepared.quality,
        None if prepared.psf is None else prepared.psf.fwhm,
        prepared.sampling,
        search.scales,
        pieces(),
        picture,
    )

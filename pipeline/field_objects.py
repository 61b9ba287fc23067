"""Measure, crop and classify the objects of a field, piece by piece."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import Classifier
from ..classification.votes import predict_votes
from ..detection.pieces import Piece
from ..files.array_file import ArrayFile
from ..imaging import Detections, cut_crop
from ..photometry import measure_photometry
from .columns import Flag
from .field_crops import LinearCrops
from .field_search import FieldSearch
from .provenance import StageClock
from .rows import pixel_flags

__all__ = ["FieldObjects", "measure_objects"]

_CLASSIFIED = 256  # crops classified at a time: several hundred MB for a thousand

# Columns of the photometry that are lengths in pixels, and those that belong to one pixel.
_LENGTHS = ("semi_major", "semi_minor", "kron_radius", "half_light_radius")
_OF_A_PIXEL = ("peak", "sky")


@dataclass(frozen=True, eq=False)
class FieldObjects:
    """Objects of a field, the best score first.

    Attributes
    ----------
    found : Detections
        The objects, in pixels of the field.
    galaxies : ndarray of bool, shape (N,)
        Those that are cropped and classified.
    photometry : dict of str to ndarray, shape (N,)
        Columns of the photometry.
    marks : ndarray of int64, shape (N,)
        Flags that pixels and photometry set.
    probabilities : ndarray of float32, shape (N, C), or None
        Class probabilities, NaN where an object is no galaxy; None without a classifier.
    votes : ndarray of float32, shape (N, A), or None
        Fraction of all volunteers who give each answer, NaN where an object is no galaxy; A is 0 if
        the classifier does not predict votes.
    crops : ArrayFile of uint8, shape (S, S, 3)
        Those of the galaxies in the order in which they were found, if they are kept as pictures.
    linear_crops : LinearCrops
        The same, if they are kept with linear pixels.
    places : list of int
        Place among the crops, of each galaxy in the order of the objects.
    """

    found: Detections
    galaxies: NDArray[np.bool_]
    photometry: dict[str, NDArray[Any]]
    marks: NDArray[np.int64]
    probabilities: NDArray[np.float32] | None
    votes: NDArray[np.float32] | None
    crops: ArrayFile[np.uint8]
    linear_crops: LinearCrops
    places: list[int]


def measure_objects(
    search: FieldSearch,
    is_galaxy: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
    classifier: Classifier | None,
    crop_margin: float,
    clock: StageClock,
    *,
    crop_format: Literal["png", "fits"] | None,
) -> FieldObjects:
    """Measure, crop and classify the objects of a field.

    Parameters
    ----------
    search : FieldSearch
        The field; its pieces are used up.
    is_galaxy : callable
        Tells which class ids are those of galaxies.
    classifier : Classifier or None
        The classifier; None to classify nothing.
    crop_margin : float
        Side of a crop relative to the longer side of its box.
    clock : StageClock
        Takes the time of the steps.
    crop_format : {"png", "fits"} or None
        Whether the crops are kept as pictures, with linear pixels, or not at all.

    Returns
    -------
    FieldObjects
    """
    found, columns, marks = [], list[dict[str, NDArray[Any]]](), []
    waiting = list[NDArray[np.uint8]]()
    pictures, linear = ArrayFile[np.uint8](), LinearCrops()
    predicted = list[NDArray[np.float32]]()

    def classify() -> None:
        if classifier is not None and waiting:
            with clock("classify"):
                predicted.append(_predict(classifier, waiting))
            waiting.clear()

    for piece in search.pieces:
        with clock("photometry"):
            measured, flags = _measured(piece, search.psf_fwhm)
        columns.append(measured)
        marks.append(flags)
        found.append(piece.in_field())
        if classifier is None:
            continue
        with clock("crops"):
            boxes = piece.found.boxes[is_galaxy(piece.found.class_ids)]
            cut = [cut_crop(piece.prepared.rgb, box, crop_margin) for box in boxes]
            waiting += cut
            if crop_format == "png":
                for crop in cut:
                    pictures.append(crop)
            elif crop_format == "fits" and search.field.linear:
                linear.append(piece.prepared.field, boxes, crop_margin)
        if len(waiting) >= _CLASSIFIED:
            classify()
    classify()
    every = Detections.concatenate(found)
    galaxies = is_galaxy(every.class_ids)
    order = np.argsort(-every.scores, kind="stable")
    places = (np.cumsum(galaxies) - 1)[order][galaxies[order]]
    known = votes = None
    if classifier is not None:
        classes = len(classifier.class_names)
        answers = 0 if classifier.votes is None else len(classifier.votes.answers)
        every_output = np.full((len(every), classes + answers), np.nan, dtype=np.float32)
        if predicted:
            every_output[galaxies] = np.concatenate(predicted)
        known, votes = np.split(every_output[order], [classes], axis=1)
    # A field without objects has the columns as well.
    columns = columns or [measure_photometry(search.field, None, every.boxes).columns]
    photometry = {
        name: np.concatenate([part[name] for part in columns])[order] for name in columns[0]
    }
    return FieldObjects(
        every.select(order),
        galaxies[order],
        photometry,
        np.concatenate(marks)[order] if marks else np.zeros(0, np.int64),
        known,
        votes,
        pictures,
        linear,
        places.tolist(),
    )


def _predict(classifier: Classifier, crops: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return class probabilities and, if the classifier predicts them, votes, (N, C + A)."""
    if classifier.votes is None:
        return classifier.predict(crops)
    votes, probabilities = predict_votes(classifier, crops)
    return np.hstack([probabilities, votes])


def _measured(
    piece: Piece, psf_fwhm: float | None
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.int64]]:
    """Return the columns of the photometry, and the flags of the objects of a piece."""
    prepared, boxes = piece.prepared, piece.found.boxes
    across, down = piece.factor[:2].tolist()
    factor = float(np.sqrt(across * down))
    width = None if psf_fwhm is None else psf_fwhm / factor
    photometry = measure_photometry(prepared.field, prepared.background, boxes, width, piece.others)
    columns = photometry.columns
    if factor != 1:
        # The pixels of a reduced field are sums of those of the field.
        for name, values in columns.items():
            if name in _LENGTHS:
                columns[name] = values * factor
            elif name.partition("_")[0] in _OF_A_PIXEL:
                columns[name] = values / factor**2
    marked = {
        Flag.BAD_PIXELS: prepared.field.bad & ~prepared.cosmic_rays,
        Flag.COSMIC_RAY: prepared.cosmic_rays,
        Flag.SATURATED: prepared.saturated,
    }
    flags = pixel_flags(boxes, marked)
    flags[photometry.blended] |= Flag.BLENDED
    flags[photometry.incomplete] |= Flag.PHOTOMETRY
    return columns, flags

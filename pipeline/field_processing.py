"""Process one field without writing files: read, prepare, detect, measure, classify, draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import Classifier, cached_classifier
from ..default_models import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR
from ..detection.base import BaseDetector, galaxy_classes
from ..detection.load import cached_detector
from ..detection.predict import detect_prepared, field_tiles
from ..errors import ConfigError
from ..imaging import (
    Detections,
    Field,
    FieldLike,
    PreparedField,
    Stretch,
    crop_field,
    cut_crop,
    draw_overlay,
    note_strip,
    prepare_field,
    read_field,
    to_display,
)
from ..models import Bundle, ModelLike
from ..photometry import band_units, measure_photometry, with_zero_points
from .catalogue import Catalogue
from .columns import NOT_CLASSIFIED, Flag, object_label
from .provenance import FieldRecord, StageClock
from .rows import detection_rows

CropFormat: TypeAlias = Literal["png", "fits"]
"""Formats of crops."""

_NO_LINEAR_CROPS = "a finished picture has no linear pixels, so its crops were not written as FITS"

_NOTE_LETTERS = 10  # pixels: height of the notes on an overlay

__all__ = [
    "CropFormat",
    "FieldModels",
    "FieldResult",
    "FieldSettings",
    "galaxies_among",
    "process_field",
]


@dataclass(frozen=True)
class FieldModels:
    """Models that process a field: objects, bundles, names or paths.

    Bundles, names and paths are opened once per process, and opened models are pickled as paths, so
    that this object can be sent to worker processes.

    Attributes
    ----------
    detector : BaseDetector, Bundle, str or Path
        The detector.
    classifier : Classifier, Bundle, str, Path or None
        The classifier; None to detect only.
    """

    detector: BaseDetector | ModelLike = DEFAULT_DETECTOR
    classifier: Classifier | ModelLike | None = DEFAULT_CLASSIFIER

    def open_detector(self) -> BaseDetector:
        """Return the detector.

        Raises
        ------
        BundleError
            If the detector is missing or invalid.
        """
        model = self.detector.path if isinstance(self.detector, Bundle) else self.detector
        return cached_detector(str(model)) if isinstance(model, str | Path) else model

    def open_classifier(self) -> Classifier | None:
        """Return the classifier, or None to detect only.

        Raises
        ------
        BundleError
            If the classifier is missing or invalid.
        """
        model = self.classifier.path if isinstance(self.classifier, Bundle) else self.classifier
        return cached_classifier(str(model)) if isinstance(model, str | Path) else model


@dataclass(frozen=True)
class FieldSettings:
    """Settings of the processing of a field; None for the default of the models.

    Attributes
    ----------
    score_threshold : float or None
        Lowest detection score kept, 0 to 1.
    galaxy_classes : tuple of str or None
        Classes of the detector whose objects are cropped and classified; by default those of
        `galpipe.detection.base.galaxy_classes`.
    stretch : Stretch or None
        Stretch of the field to RGB.
    crop_margin : float or None
        Ratio of the side of a crop to the longer side of its box.
    overlay : bool
        Draw the overlay.
    crops : {"png", "fits"} or None
        Include the crops in the result: as pictures, with linear pixels, or not at all.
    zeropoint : float, mapping of str to float, or None
        Magnitude of one unit of flux, of all bands or by the name of the band in the catalogue;
        None for those of the file.
    """

    score_threshold: float | None = None
    galaxy_classes: tuple[str, ...] | None = None
    stretch: Stretch | None = None
    crop_margin: float | None = None
    overlay: bool = True
    crops: CropFormat | None = "png"
    zeropoint: float | Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False)
class FieldResult:
    """Result of the processing of a field.

    Attributes
    ----------
    rows : dict of str to ndarray, shape (N,)
        Columns of the catalogue for the N objects, best score first.
    record : FieldRecord
        Counts, timings and notes.
    crops : dict of str to ndarray of uint8, shape (S, S, 3)
        Crop of each galaxy by ``source_id``, the input of the classifier, with rows as in the
        field; empty without a classifier, or if other crops are chosen.
    linear_crops : dict of str to Field
        Crops as `crop_field` cuts them, if these are chosen.
    overlay : ndarray of uint8, shape (h, w, 3), or None
        Picture of the field with all boxes, as displayed: top row first, small fields magnified.
    origin : {"upper", "lower"}
        Position of row 0 of the field and the crops when displayed.
    class_names : tuple of str or None
        Classes of the classifier.
    detected_classes : tuple of str or None
        Classes of a detector of several.
    bands : dict of str to str
        Names of the bands in the columns of the photometry, with the units of their pixels.
    """

    rows: dict[str, NDArray[Any]]
    record: FieldRecord
    crops: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    linear_crops: dict[str, Field] = field(default_factory=dict)
    overlay: NDArray[np.uint8] | None = None
    origin: Literal["upper", "lower"] = "upper"
    class_names: tuple[str, ...] | None = None
    detected_classes: tuple[str, ...] | None = None
    bands: dict[str, str] = field(default_factory=dict)

    @property
    def catalogue(self) -> Catalogue:
        """The rows as a catalogue with units and descriptions."""
        return Catalogue.concatenate(
            [self.rows], self.class_names, None, self.detected_classes, [self.bands]
        )


def process_field(
    field: FieldLike,
    models: FieldModels | None = None,
    settings: FieldSettings | None = None,
) -> FieldResult:
    """Detect and classify the galaxies of one field.

    No file is written and no state kept: the result depends only on field, models and settings.
    These and the result can be pickled, so that fields can be processed in parallel.

    Parameters
    ----------
    field : Field, FieldSource, ndarray, str, Path, HDU or NDData
        A field, or anything that `galpipe.read_field` accepts.
    models : FieldModels, optional
        Detector and classifier; by default the shipped ones.
    settings : FieldSettings, optional
        Thresholds, stretch and crops; by default those of the models.

    Returns
    -------
    FieldResult
        Rows of the catalogue, crops, overlay and record.

    Raises
    ------
    InputError
        If the field cannot be read.
    BundleError
        If a model is missing or invalid.
    ConfigError
        If a class of the settings is not a class of the detector.

    Examples
    --------
    >>> import numpy as np
    >>> import galpipe
    >>> y, x = np.mgrid[:200, :300]
    >>> galaxy = 900 * np.exp(-np.hypot((x - 150) / 9, (y - 90) / 6))
    >>> sky = np.random.default_rng(0).normal(100, 3, galaxy.shape)
    >>> models = galpipe.FieldModels(classifier="galaxy10_cnn")
    >>> result = galpipe.process_field(galaxy + sky, models)
    >>> result.record.galaxies
    1
    >>> result.catalogue["x", "y", "class_name"]                      # doctest: +SKIP
    """
    models, settings = models or FieldModels(), settings or FieldSettings()
    detector, classifier = models.open_detector(), models.open_classifier()
    chosen = galaxies_among(detector.class_names, settings.galaxy_classes)
    clock = StageClock()
    with clock("read"):
        opened = with_zero_points(read_field(field), settings.zeropoint)
    with clock("prepare"):
        prepared = prepare_field(opened, settings.stretch or detector.stretch, detector.psf_range)
        opened, rgb = prepared.field, prepared.rgb
    with clock("detect"):
        height, width = prepared.searched.shape[:2]
        tiles = field_tiles(width, height, detector.input_size, detector.window_step)
        detections = detect_prepared(prepared, detector, settings.score_threshold, tiles)
    with clock("photometry"):
        width = None if prepared.psf is None else prepared.psf.fwhm
        photometry = measure_photometry(opened, prepared.background, detections.boxes, width)
    galaxies = np.isin(
        detections.class_ids,
        [number for number, name in enumerate(detector.class_names) if name in chosen],
    )
    probabilities: NDArray[np.float32] | None = None
    crops: list[NDArray[np.uint8]] = []
    if classifier is not None:
        margin = settings.crop_margin or classifier.crop_margin
        with clock("crops"):
            crops = [cut_crop(rgb, box, margin) for box in detections.boxes[galaxies]]
        with clock("classify"):
            shape = len(detections), len(classifier.class_names)
            probabilities = np.full(shape, np.nan, dtype=np.float32)
            probabilities[galaxies] = classifier.predict(crops)
    class_names = None if classifier is None else classifier.class_names
    several = detector.several_classes
    scales = [tile.scale * prepared.sampling for tile in tiles]
    rows = detection_rows(
        opened,
        detections,
        scales,
        probabilities,
        class_names or (),
        several,
        {
            Flag.BAD_PIXELS: opened.bad & ~prepared.cosmic_rays,
            Flag.COSMIC_RAY: prepared.cosmic_rays,
            Flag.SATURATED: prepared.saturated,
        },
    )
    rows |= photometry.columns
    rows["flags"][photometry.blended] |= Flag.BLENDED
    rows["flags"][photometry.incomplete] |= Flag.PHOTOMETRY
    if prepared.quality.notes:
        rows["flags"] |= Flag.UNUSUAL_FIELD
    overlay = None
    if settings.overlay:
        with clock("overlay"):
            overlay = _draw_overlay(prepared, detections, rows, class_names)
    counts = Counter(detector.class_names[number] for number in detections.class_ids)
    record = FieldRecord(
        field=opened.identifier,
        files=tuple(str(path) for path in opened.paths),
        sha256=opened.checksum,
        width=opened.width,
        height=opened.height,
        pixel_scale=opened.pixel_scale,
        galaxies=int(galaxies.sum()),
        objects=dict(counts.most_common()),
        seconds=clock.seconds,
        background={} if prepared.background is None else prepared.background.as_dict(),
        quality=prepared.quality.as_dict() | {"sampling": prepared.sampling},
        bad_pixels=dict(opened.bad_counts),
        images=opened.images,
        corners=_corners(opened),
        notes=(*opened.notes, *prepared.quality.notes),
    )
    pictures: dict[str, NDArray[np.uint8]] = {}
    linear: dict[str, Field] = {}
    names = rows["source_id"][galaxies].tolist()
    if crops and settings.crops == "png":
        pictures = dict(zip(names, crops, strict=True))
    elif crops and settings.crops == "fits" and opened.linear:
        for name, box in zip(names, detections.boxes[galaxies], strict=True):
            linear[name] = crop_field(opened, box, margin, name)
    elif crops and settings.crops == "fits":
        record = replace(record, notes=(*record.notes, _NO_LINEAR_CROPS))
    return FieldResult(
        rows,
        record,
        pictures,
        linear,
        overlay,
        opened.origin,
        class_names,
        several,
        band_units(opened),
    )


def galaxies_among(
    class_names: Sequence[str], chosen: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return the classes of a detector whose objects are cropped and classified.

    Parameters
    ----------
    class_names : sequence of str
        Classes of the detector.
    chosen : sequence of str, optional
        Some of them; by default those of `galaxy_classes`.

    Raises
    ------
    ConfigError
        If a chosen class is not a class of the detector.
    """
    if chosen is None:
        return galaxy_classes(class_names)
    unknown = [name for name in chosen if name not in class_names]
    if unknown:
        raise ConfigError(
            f"classifier.classes contains {', '.join(unknown)}, but the detector has the classes "
            f"{', '.join(class_names)}; choose some of these"
        )
    return tuple(chosen)


def _corners(field: Field) -> tuple[tuple[float, float], ...]:
    width, height = field.width, field.height
    ra, dec = field.sky([0, width, width, 0], [0, 0, height, height])
    if not np.isfinite(ra + dec).all():
        return ()
    return tuple(zip(ra.round(6).tolist(), dec.round(6).tolist(), strict=True))


def _draw_overlay(
    prepared: PreparedField,
    detections: Detections,
    rows: dict[str, NDArray[Any]],
    class_names: Sequence[str] | None,
) -> NDArray[np.uint8]:
    field = prepared.field
    if class_names is not None:
        # The first colours are for the classes of galaxies, the next for other objects.
        others = len(class_names) + detections.class_ids
        colours = np.where(rows["class_id"] == NOT_CLASSIFIED, others, rows["class_id"])
        detections = replace(detections, class_ids=colours)
    if field.origin == "lower":
        # Flipped before drawing, so that the text stays upright.
        boxes = detections.boxes.copy()
        boxes[:, [1, 3]] = field.height - detections.boxes[:, [3, 1]]
        detections = detections.with_boxes(boxes)
    cells = (dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True))
    labels = [object_label(row) for row in cells]
    picture = draw_overlay(to_display(prepared.rgb, field.origin), detections, labels)
    notes = note_strip(prepared.quality.notes, picture.shape[1], _NOTE_LETTERS)
    return np.vstack([picture, notes])

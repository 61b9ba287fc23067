"""Process one field without writing files: read, prepare, detect, measure, classify, draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import Classifier, cached_classifier
from ..classification.votes import vote_columns
from ..configs import VoteTreeName
from ..default_models import DEFAULT_CLASSIFIER, DEFAULT_DETECTOR
from ..detection.base import BaseDetector, galaxy_classes
from ..detection.load import cached_detector
from ..errors import ConfigError
from ..imaging import (
    Detections,
    Field,
    FieldLike,
    FieldSource,
    Stretch,
    draw_overlay,
    note_strip,
    shrunk,
    to_display,
)
from ..imaging.large_field import LargeField
from ..imaging.open_field import open_field
from ..models import Bundle, ModelLike
from ..photometry import band_units, with_zero_points
from .catalogue import Catalogue
from .columns import NOT_CLASSIFIED, Flag, object_label
from .field_crops import NamedCrops
from .field_objects import measure_objects
from .field_search import FieldSearch, search_opened
from .provenance import FieldRecord, StageClock
from .rows import detection_rows

CropFormat: TypeAlias = Literal["png", "fits"]
"""Formats of crops."""

_NO_LINEAR_CROPS = "a finished picture has no linear pixels, so its crops were not written as FITS"

_LONGEST_PICTURE = 1600  # pixels: longer side of the picture without boxes
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
        Draw the overlay, and the picture without boxes.
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
    crops : mapping of str to ndarray of uint8, shape (S, S, 3)
        Crop of each galaxy by ``source_id``, the input of the classifier, with rows as in the
        field; empty without a classifier, or if other crops are chosen.  Many are in a temporary
        file, from which each is read when it is asked for.
    linear_crops : mapping of str to Field
        Crops as `crop_field` cuts them, if these are chosen.
    overlay : ndarray of uint8, shape (h, w, 3), or None
        Picture of the field with all boxes, as displayed: top row first, small fields magnified.
    picture : ndarray of uint8, shape (h, w, 3), or None
        Picture of the field without boxes, as displayed, of at most 1,600 pixels a side.
    origin : {"upper", "lower"}
        Position of row 0 of the field and the crops when displayed.
    class_names : tuple of str or None
        Classes of the classifier.
    detected_classes : tuple of str or None
        Classes of a detector of several.
    votes : str or None
        Campaign whose votes the classifier predicts.
    bands : dict of str to str
        Names of the bands in the columns of the photometry, with the units of their pixels.
    """

    rows: dict[str, NDArray[Any]]
    record: FieldRecord
    crops: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    linear_crops: Mapping[str, Field] = field(default_factory=dict)
    overlay: NDArray[np.uint8] | None = None
    picture: NDArray[np.uint8] | None = None
    origin: Literal["upper", "lower"] = "upper"
    class_names: tuple[str, ...] | None = None
    detected_classes: tuple[str, ...] | None = None
    votes: VoteTreeName | None = None
    bands: dict[str, str] = field(default_factory=dict)

    @property
    def catalogue(self) -> Catalogue:
        """The rows as a catalogue with units and descriptions."""
        return Catalogue.concatenate(
            [self.rows],
            self.class_names,
            None,
            self.detected_classes,
            [self.bands],
            votes=self.votes,
        )


def process_field(
    field: FieldLike,
    models: FieldModels | None = None,
    settings: FieldSettings | None = None,
    opened: Callable[[int], object] = lambda pixels: None,
) -> FieldResult:
    """Detect and classify the galaxies of one field.

    No file is written, except a temporary one for many crops, and no state kept: the result depends
    only on field, models and settings.  These and the result can be pickled, so that fields can be
    processed in parallel.

    Parameters
    ----------
    field : Field, FieldSource, ndarray, str, Path, HDU or NDData
        A field, or anything that `galpipe.read_field` accepts.
    models : FieldModels, optional
        Detector and classifier; by default the shipped ones.
    settings : FieldSettings, optional
        Thresholds, stretch and crops; by default those of the models.
    opened : callable, optional
        Called with the number of pixels of an image of the field, before these are searched.

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
    stretch = settings.stretch or detector.stretch
    margin = settings.crop_margin or (1.0 if classifier is None else classifier.crop_margin)
    wanted = [number for number, name in enumerate(detector.class_names) if name in chosen]
    clock = StageClock()
    with ExitStack() as stack:
        with clock("read"):
            source = stack.enter_context(open_field(field))
            if isinstance(source, LargeField):
                outline = with_zero_points(source.outline, settings.zeropoint)
                source = replace(source, outline=outline)
            else:
                outline = source = with_zero_points(source, settings.zeropoint)
        opened(outline.width * outline.height)
        search = search_opened(source, detector, stretch, settings.score_threshold, margin, clock)
        objects = measure_objects(
            search,
            lambda class_ids: np.isin(class_ids, wanted),
            classifier,
            margin,
            clock,
            crop_format=settings.crops,
        )
    whole, detections = search.field, objects.found
    class_names = None if classifier is None else classifier.class_names
    several = detector.several_classes
    rows = detection_rows(
        whole,
        detections,
        search.scales,
        objects.probabilities,
        class_names or (),
        several,
        objects.marks,
        field.stem if isinstance(field, FieldSource) else "",
    )
    votes = None if classifier is None else classifier.bundle.manifest.votes
    if classifier is not None and classifier.votes is not None and objects.votes is not None:
        names = vote_columns(classifier.votes.answers)
        rows |= dict(zip(names, objects.votes.T.astype(np.float64), strict=True))
    rows |= objects.photometry
    if search.quality.notes:
        rows["flags"] |= Flag.UNUSUAL_FIELD
    overlay, shown, reduction = None, None, 1.0
    if settings.overlay:
        with clock("overlay"):
            picture, reduction = search.picture()
            overlay = _draw_overlay(search, picture, reduction, detections, rows, class_names)
            shown = to_display(shrunk(picture, _LONGEST_PICTURE), whole.origin)
    counts = Counter(detector.class_names[number] for number in detections.class_ids)
    record = FieldRecord(
        field=whole.identifier,
        files=tuple(str(path) for path in whole.paths),
        sha256=whole.checksum,
        width=whole.width,
        height=whole.height,
        pixel_scale=whole.pixel_scale,
        galaxies=int(objects.galaxies.sum()),
        objects=dict(counts.most_common()),
        seconds=clock.seconds,
        background={} if search.background is None else search.background.as_dict(),
        quality=search.quality.as_dict() | {"sampling": search.sampling},
        bad_pixels=dict(whole.bad_counts),
        overlay_reduction=reduction,
        origin=whole.origin,
        images=whole.images,
        corners=_corners(whole),
        notes=(*whole.notes, *search.quality.notes),
    )
    names = rows["source_id"][objects.galaxies].tolist()
    if classifier is not None and names and settings.crops == "fits" and not whole.linear:
        record = replace(record, notes=(*record.notes, _NO_LINEAR_CROPS))
    return FieldResult(
        rows,
        record,
        NamedCrops(names, objects.crops, objects.places) if objects.crops else {},
        NamedCrops(names, objects.linear_crops, objects.places) if objects.linear_crops else {},
        overlay,
        shown,
        whole.origin,
        class_names,
        several,
        votes,
        band_units(whole),
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
    search: FieldSearch,
    rgb: NDArray[np.uint8],
    reduction: float,
    detections: Detections,
    rows: dict[str, NDArray[Any]],
    class_names: Sequence[str] | None,
) -> NDArray[np.uint8]:
    if reduction != 1:
        detections = detections.with_boxes(detections.boxes / reduction)
    if class_names is not None:
        # The first colours are for the classes of galaxies, the next for other objects.
        others = len(class_names) + detections.class_ids
        colours = np.where(rows["class_id"] == NOT_CLASSIFIED, others, rows["class_id"])
        detections = replace(detections, class_ids=colours)
    if search.field.origin == "lower":
        # Flipped before drawing, so that the text stays upright.
        boxes = detections.boxes.copy()
        boxes[:, [1, 3]] = len(rgb) - detections.boxes[:, [3, 1]]
        detections = detections.with_boxes(boxes)
    cells = (dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True))
    labels = [object_label(row) for row in cells]
    picture = draw_overlay(to_display(rgb, search.field.origin), detections, labels)
    notes = note_strip(search.quality.notes, picture.shape[1], _NOTE_LETTERS)
    return np.vstack([picture, notes])

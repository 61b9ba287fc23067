"""The way of one field: read, stretch, detect, crop, classify, draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classification.classifier import Classifier
from ..detection.base import BaseDetector
from ..detection.predict import detect_field
from ..files.atomic import write_png
from ..files.names import SafeNames
from ..imaging import (
    Detections,
    Field,
    FieldSource,
    Stretch,
    cut_crop,
    draw_overlay,
    read_field,
    to_display,
    to_rgb,
)
from .columns import NOT_CLASSIFIED
from .provenance import FieldRecord, StageClock
from .rows import detection_rows
from .source_ids import SourceNames, object_label

__all__ = ["FieldResult", "Stages"]


@dataclass(frozen=True, eq=False)
class FieldResult:
    """What is kept of a field once its pixels are let go.

    Attributes
    ----------
    rows : dict of str to ndarray
        The columns of the objects found in it.
    record : FieldRecord
        What the run's record says of it.
    """

    rows: dict[str, NDArray[Any]]
    record: FieldRecord


class Stages:
    """The models and settings of a run, applied to one field after the other.

    Parameters
    ----------
    output : Path
        Folder for ``overlays/`` and ``crops/``.
    detector : BaseDetector
        The first stage.
    classifier : Classifier, optional
        The second stage; without it nothing is cropped or classified.
    galaxy_classes : sequence of str
        The detector's classes that are galaxies: their objects alone are cropped and classified.
    score_threshold : float, optional
        Lowest score kept; by default the detector's own.
    stretch : Stretch
        How a field becomes a colour picture.
    crop_margin : float
        Side of a crop over the longer side of its box.
    """

    def __init__(
        self,
        output: Path,
        detector: BaseDetector,
        classifier: Classifier | None = None,
        *,
        galaxy_classes: Sequence[str],
        score_threshold: float | None = None,
        stretch: Stretch,
        crop_margin: float = 1.0,
    ) -> None:
        self.output = output
        self.detector = detector
        self.classifier = classifier
        self._galaxy_ids = [
            number for number, name in enumerate(detector.class_names) if name in galaxy_classes
        ]
        self.score_threshold = score_threshold
        self.stretch = stretch
        self.crop_margin = crop_margin
        self._source_names = SourceNames()
        self._file_names = SafeNames()

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Classes of the classifier, if there is one."""
        return None if self.classifier is None else self.classifier.class_names

    @property
    def detected_classes(self) -> tuple[str, ...] | None:
        """Classes of the detector, if it has several."""
        return self.detector.class_names if len(self.detector.class_names) > 1 else None

    def __call__(self, source: FieldSource) -> FieldResult:
        """Work on one field and write its pictures.

        Raises
        ------
        InputError
            If the field cannot be used.
        OutputError
            If a picture cannot be written.
        """
        clock = StageClock()
        with clock("read"):
            field = read_field(source)
        with clock("stretch"):
            rgb = to_rgb(field, self.stretch)
        with clock("detect"):
            detections = detect_field(rgb, self.detector, self.score_threshold)
        galaxies = np.isin(detections.class_ids, self._galaxy_ids)
        probabilities = None
        if self.classifier is not None:
            with clock("classify"):
                probabilities = self._classify(rgb, detections.boxes, galaxies, self.classifier)
        rows = detection_rows(
            field,
            detections,
            self.detector.input_size,
            self._source_names,
            probabilities,
            self.class_names or (),
            self.detected_classes,
        )
        name = self._file_names(source.identifier)
        if self.classifier is not None:
            with clock("crops"):
                boxes, source_ids = detections.boxes[galaxies], rows["source_id"][galaxies]
                self._write_crops(field, rgb, boxes, source_ids, name)
        overlay = f"overlays/{name}.png"
        with clock("overlay"):
            self._write_overlay(field, rgb, detections, rows, overlay)
        return FieldResult(
            rows,
            FieldRecord(
                field=source.identifier,
                files=tuple(str(path) for path in field.paths),
                sha256=field.checksum,
                width=field.width,
                height=field.height,
                pixel_scale=field.pixel_scale,
                galaxies=int(galaxies.sum()),
                objects=self._count(detections),
                overlay=overlay,
                seconds=clock.seconds,
                notes=(*field.notes, *self._scale_notes(field)),
            ),
        )

    def _count(self, detections: Detections) -> dict[str, int]:
        """Return how many objects of each class were found, the most common class first."""
        counts = Counter(self.detector.class_names[number] for number in detections.class_ids)
        return dict(counts.most_common())

    def _classify(
        self,
        rgb: NDArray[np.uint8],
        boxes: NDArray[np.float64],
        galaxies: NDArray[np.bool_],
        classifier: Classifier,
    ) -> NDArray[np.float32]:
        """Return the class probabilities of each box, NaN where it holds no galaxy."""
        side = classifier.input_size
        crops = np.empty((int(galaxies.sum()), side, side, 3), np.uint8)
        for crop, box in zip(crops, boxes[galaxies], strict=True):
            crop[:] = cut_crop(rgb, box, self.crop_margin, size=side)
        shape = len(boxes), len(classifier.class_names)
        probabilities = np.full(shape, np.nan, dtype=np.float32)
        probabilities[galaxies] = classifier.predict(crops)
        return probabilities

    def _write_crops(
        self,
        field: Field,
        rgb: NDArray[np.uint8],
        boxes: NDArray[np.float64],
        source_ids: NDArray[np.str_],
        folder: str,
    ) -> None:
        names = SafeNames()
        for box, source_id in zip(boxes, source_ids, strict=True):
            crop = to_display(cut_crop(rgb, box, self.crop_margin), field.origin)
            write_png(self.output / "crops" / folder / f"{names(str(source_id))}.png", crop)

    def _write_overlay(
        self,
        field: Field,
        rgb: NDArray[np.uint8],
        detections: Detections,
        rows: dict[str, NDArray[Any]],
        name: str,
    ) -> None:
        if self.class_names is not None:
            # The colours tell the kinds of galaxies apart, and after them what else was found.
            others = len(self.class_names) + detections.class_ids
            kinds = np.where(rows["class_id"] == NOT_CLASSIFIED, others, rows["class_id"])
            detections = replace(detections, class_ids=kinds)
        if field.origin == "lower":
            # Turned before anything is drawn: text drawn first would stand on its head.
            boxes = detections.boxes.copy()
            boxes[:, [1, 3]] = field.height - detections.boxes[:, [3, 1]]
            detections = detections.with_boxes(boxes)
        cells = (dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True))
        labels = [object_label(row) for row in cells]
        picture = draw_overlay(to_display(rgb, field.origin), detections, labels)
        write_png(self.output / name, picture)

    def _scale_notes(self, field: Field) -> tuple[str, ...]:
        trained = self.detector.pixel_scale_range
        if trained is None or field.pixel_scale is None:
            return ()
        low, high = trained
        if low <= field.pixel_scale <= high:
            return ()
        return (
            f"its pixel scale of {field.pixel_scale:.3g} arcsec lies outside the {low:.3g} to "
            f"{high:.3g} that the detector was trained for; look at the overlay",
        )

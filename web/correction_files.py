"""Write the corrected fields of a run as annotations and labels that a training reads."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..annotations import AnnotatedImage, AnnotationSource, ObjectBox, write_annotations
from ..files.atomic import atomic_path, write_png
from ..files.names import SafeNames
from ..imaging import crop_window, cut_crop
from ..models.manifest import DEFAULT_CROP_MARGIN
from ..pipeline.field_work import file_name
from ..pipeline.result_lines import FieldRows
from .corrections import CORRECTIONS, Corrections, corrected_objects
from .pyramid import Pyramid
from .runs import OpenRun
from .schemas import CorrectedObject

__all__ = ["write_corrections"]

_MORPHOLOGY, _ODD = "morphology", "odd"


class _Corrected(NamedTuple):
    """An object of a corrected field."""

    source_id: str
    box: tuple[float, float, float, float]
    detected: str
    label: str
    odd: bool


def write_corrections(run: OpenRun, number: int, pyramid: Pyramid) -> Path:
    """Write the corrections of a field, beside those of the other corrected fields.

    ``voc/`` and ``coco.json`` hold all boxes of the corrected fields, as a detector learns them;
    the class that a person chose is the attribute ``morphology``, and odd objects have ``odd``.
    Their pictures are in ``images/``, rows as in the field.  ``labels.csv`` names the classes that
    a person chose, of the crops in ``crops/``, as a classifier learns them; odd objects without a
    chosen class have none there.

    Parameters
    ----------
    run : OpenRun
        The run.
    number : int
        Number of the field.
    pyramid : Pyramid
        Picture of the field.

    Returns
    -------
    Path
        The folder of the corrections.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    found = run.rows(number)
    record = found.record
    folder = run.folder / CORRECTIONS
    name = file_name(record.field)
    edits = Corrections(run.folder).edits(record.field, record.sha256)
    objects = _merged(run, found, corrected_objects(edits))
    image = folder / "images" / f"{name}.png"
    if edits and not image.is_file():
        write_png(image, pyramid.window(0, 0, record.width, record.height))
    boxes = tuple(
        ObjectBox(item.detected, *item.box, attributes=_attributes(item)) for item in objects
    )
    annotated = AnnotatedImage(image.name, record.width, record.height, objects=boxes)
    _write_boxes(folder, annotated, run, corrected=bool(edits))
    _write_labels(folder, name, objects, run, pyramid)
    return folder


def _merged(run: OpenRun, found: FieldRows, corrected: list[CorrectedObject]) -> list[_Corrected]:
    """Return the objects of a field after its corrections."""
    changes = {change.source_id: change for change in corrected}
    objects = []
    for row in run.objects(found):
        change = changes.pop(row.source_id, None)
        if change is None or not change.deleted:
            objects.append(_one(run, row.source_id, row.box, row.label, change))
    for change in changes.values():
        if change.added and change.box is not None:
            objects.append(_one(run, change.source_id, change.box, "", change))
    return objects


def _one(
    run: OpenRun,
    source_id: str,
    box: tuple[float, float, float, float],
    label: str,
    change: CorrectedObject | None,
) -> _Corrected:
    if change is not None:
        box, label = change.box or box, change.label or label
    chosen = "" if change is None else change.label
    known = _detector_classes(run)
    galaxy = (run.plan.record.galaxy_classes or known)[0]
    return _Corrected(
        source_id,
        box,
        label if label in known else galaxy,
        chosen if chosen in run.class_names else "",
        odd=change is not None and change.odd,
    )


def _attributes(item: _Corrected) -> tuple[tuple[str, str], ...]:
    attributes = [(_MORPHOLOGY, item.label)] if item.label else []
    return (*attributes, *([(_ODD, "1")] if item.odd else []))


def _write_boxes(folder: Path, annotated: AnnotatedImage, run: OpenRun, *, corrected: bool) -> None:
    """Write the boxes of a field, and leave those of the other fields as they are."""
    classes = _detector_classes(run)
    coco = folder / "coco.json"
    others = []
    if coco.exists():
        source = AnnotationSource(coco, "coco", images=folder / "images")
        others = [image for _, image in source if image.filename != annotated.filename]
    images = [*others, annotated] if corrected else others
    write_annotations(coco, images, "coco", class_names=classes)
    if corrected:
        write_annotations(folder / "voc", [annotated], "voc", class_names=classes)
    else:
        (folder / "voc" / f"{Path(annotated.filename).stem}.xml").unlink(missing_ok=True)


def _detector_classes(run: OpenRun) -> list[str]:
    names: list[str] = list(run.plan.record.models["detector"]["class_names"])
    return names


def _write_labels(
    folder: Path, name: str, objects: list[_Corrected], run: OpenRun, pyramid: Pyramid
) -> None:
    """Write the chosen classes of a field and the crops that show them."""
    table = folder / "labels.csv"
    rows = []
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as lines:
            every = list(csv.DictReader(lines))
        rows = [row for row in every if not row["filename"].startswith(f"{name}/")]
    margin = run.plan.fingerprint["settings"].get("crop_margin") or DEFAULT_CROP_MARGIN
    crop_names = SafeNames()
    files = set()
    for item in objects:
        if item.label or item.odd:
            file = f"{name}/{crop_names(item.source_id)}.png"
            files.add(write_png(folder / "crops" / file, _crop(pyramid, item.box, margin)))
            rows.append({"filename": file, "label": item.label, "odd": "1" if item.odd else ""})
    for path in (folder / "crops" / name).glob("*.png"):
        if path not in files:
            path.unlink()
    with atomic_path(table) as beside, beside.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, ["filename", "label", "odd"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _crop(
    pyramid: Pyramid, box: tuple[float, float, float, float], margin: float
) -> NDArray[np.uint8]:
    """Cut the square around a box, as a run does."""
    left, top, side = crop_window(box, margin)
    info = pyramid.info
    # A little more than the square, which is cut to whole pixels.
    xmin, ymin = max(0, int(left) - 2), max(0, int(top) - 2)
    xmax = min(info.width, int(left + side) + 3)
    ymax = min(info.height, int(top + side) + 3)
    piece = pyramid.window(xmin, ymin, xmax, ymax)
    return cut_crop(piece, np.array(box) - [xmin, ymin, xmin, ymin], margin)

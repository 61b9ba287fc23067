"""Write the detections of a run as annotations."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from ..annotations import AnnotatedImage, ObjectBox, write_annotations
from ..annotations.formats.registry import format_named
from ..annotations.images import ImageFiles, image_stem
from ..files.names import printable
from .catalogue import Catalogue
from .provenance import FieldRecord, RunRecord
from .results import Results

__all__ = ["write_detected"]


def write_detected(results: Results) -> None:
    """Write the boxes of a run to ``annotations/``, in the formats of its plan.

    All boxes are in memory at a time.

    Parameters
    ----------
    results : Results
        The results.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    record = results.record("running")
    images = _annotated_images(results.catalogue(), record)
    classes = record.models["detector"]["class_names"]
    names = [image.filename for image in images]
    paths = [_image_path(done) for done in record.fields]
    files = ImageFiles(dict(zip(names, paths, strict=True)))
    for name in results.plan.annotations:
        path = results.folder / "annotations" / f"{name}{format_named(name).suffix}"
        write_annotations(path, images, name, class_names=classes, images_of=files)


def _image_path(done: FieldRecord) -> Path:
    return Path(f"{done.files[0]}[{done.images[0]}]" if any(done.images) else done.files[0])


def _annotated_images(catalogue: Catalogue, record: RunRecord) -> list[AnnotatedImage]:
    """Return the detections as annotations, one for each field."""
    labels = [record.models["detector"]["class_names"][0]] * len(catalogue)
    if catalogue.detected_classes is not None:
        labels = catalogue["detected_class"].tolist()
    edges = np.stack(
        [np.asarray(catalogue[name]) for name in ("xmin", "ymin", "xmax", "ymax")], axis=1
    ).tolist()
    names = [printable(Path(done.files[0]).name) for done in record.fields]
    shared = Counter(image_stem(name).casefold() for name in names)
    images, first = [], 0
    for done, name in zip(record.fields, names, strict=True):
        # Annotation formats identify images by name: use the field identifier for duplicates.
        if shared[image_stem(name).casefold()] > 1:
            name = done.field + Path(name).suffix
        rows = slice(first, first + sum(done.objects.values()))
        first = rows.stop
        objects = tuple(
            ObjectBox(label, *box) for label, box in zip(labels[rows], edges[rows], strict=True)
        )
        images.append(AnnotatedImage(name, done.width, done.height, objects=objects))
    return images

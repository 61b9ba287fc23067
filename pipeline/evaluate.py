"""Measure a model on labelled images, and keep what was measured."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from ..annotations import LabelledImage, read_label_table, read_voc_folder, read_vote_labels
from ..classification import class_slug, classify_images
from ..detection.predict import detect_field
from ..errors import InputError, require
from ..imaging import read_field, to_rgb
from ..models import Classifier, ModelIdentity, TileDetector
from .output import RECORD_NAME, OutputFolder
from .progress import field_progress
from .record import describe_model
from .run import open_classifier, open_detector

if TYPE_CHECKING:
    from ..classification.evaluate import ClassificationMetrics
    from ..detection.evaluate import DetectionMetrics

__all__ = ["evaluate_classifier", "evaluate_detector"]

# Images held in memory at a time.
_CHUNK = 64


def evaluate_detector(
    model: TileDetector | str | Path,
    images: str | Path,
    annotations: str | Path,
    output: str | Path | None = None,
    *,
    overwrite: bool = False,
    progress: bool = False,
) -> DetectionMetrics:
    """Measure a detector on annotated images, searched as ``galpipe detect`` searches a field.

    Parameters
    ----------
    model : TileDetector, name or path
        The detector.
    images, annotations : path
        Folder of images and folder of their labelImg Pascal-VOC files.  Only annotated images
        count; boxes marked ``difficult`` are neither hits nor misses.
    output : path, optional
        Folder for ``metrics.json`` and ``metrics.md``.
    overwrite : bool
        Replace an earlier result in `output`.
    progress : bool
        Show a progress bar on the terminal.

    Raises
    ------
    InputError
        If an image or annotation is missing or cannot be read.
    BundleError, OutputError, MissingExtraError
        If the model, the output or the packages of evaluation are not as needed.
    """
    require("pycocotools", "train")
    from ..detection.evaluate import LOWEST_SCORE, evaluate_detections

    detector = open_detector(model)
    pairs = read_voc_folder(annotations, images)
    folder = None if output is None else OutputFolder(output, overwrite=overwrite)
    found = []
    with field_progress(len(pairs), shown=progress) as bar:
        for path, _ in pairs:
            bar.start(path.name)
            rgb = to_rgb(read_field(path), detector.stretch)
            found.append(detect_field(rgb, detector, LOWEST_SCORE))
            bar.advance(1, sum(map(len, found)), 0)
    metrics = evaluate_detections(
        [annotated for _, annotated in pairs], found, detector.class_names
    )
    if folder is not None:
        data = {"images": str(images), "annotations": str(annotations)}
        _write(folder, detector.identity, metrics, data)
    return metrics


def evaluate_classifier(
    model: Classifier | str | Path,
    images: str | Path,
    labels: str | Path,
    output: str | Path | None = None,
    *,
    overwrite: bool = False,
    progress: bool = False,
) -> ClassificationMetrics:
    """Measure a classifier on labelled images.

    Parameters
    ----------
    model : Classifier, name or path
        The classifier.
    images : path
        Folder of images, the galaxy at the centre.
    labels : path
        CSV with the columns ``filename,label`` (class names or indices), or a table of Galaxy Zoo 2
        votes.  Images whose label leaves more than one class open do not count.
    output, overwrite, progress
        As for :func:`evaluate_detector`.

    Raises
    ------
    InputError
        If an image or the table is missing or cannot be read, or no image has one class.
    BundleError, OutputError, MissingExtraError
        If the model, the output or the packages of evaluation are not as needed.
    """
    require("sklearn", "train")
    from ..classification.evaluate import evaluate_probabilities

    classifier = open_classifier(model)
    labelled = [
        image
        for image in _read_labels(Path(labels), images, classifier.class_names)
        if image.class_id is not None
    ]
    if not labelled:
        raise InputError(f"{labels}: no image has a label of one class; nothing can be measured")
    folder = None if output is None else OutputFolder(output, overwrite=overwrite)
    columns = [f"prob_{class_slug(name)}" for name in classifier.class_names]
    probabilities: list[list[float]] = []
    with field_progress(len(labelled), shown=progress) as bar:
        for start in range(0, len(labelled), _CHUNK):
            chunk = [image.path for image in labelled[start : start + _CHUNK]]
            bar.start(chunk[0].name)
            probabilities += classify_images(chunk, classifier)[columns].to_numpy().tolist()
            bar.advance(len(chunk), len(probabilities), 0)
    truth = [image.allowed[0] for image in labelled]
    metrics = evaluate_probabilities(truth, probabilities, classifier.class_names)
    if folder is not None:
        data = {"images": str(images), "labels": str(labels)}
        _write(folder, classifier.bundle.identity, metrics, data)
    return metrics


def _read_labels(
    labels: Path, images: str | Path, class_names: tuple[str, ...]
) -> list[LabelledImage]:
    """Read a label table, or a vote table: the one without a column ``label``."""
    try:
        with labels.open(newline="", encoding="utf-8-sig") as lines:
            header = next(csv.reader(lines), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{labels}: cannot be read as a CSV table: {error}") from error
    if "label" in header:
        return read_label_table(labels, images, class_names)
    return read_vote_labels(labels, images)


def _write(
    folder: OutputFolder,
    identity: ModelIdentity,
    metrics: ClassificationMetrics | DetectionMetrics,
    data: dict[str, str],
) -> None:
    model = describe_model(identity)
    folder.write_json("metrics.json", {"model": model, "data": data, "metrics": metrics.to_json()})
    text = f"# {identity.name}, measured\n\n{metrics.to_markdown()}"
    folder.write_text("metrics.md", text)
    record = {"made_by": "galpipe", "command": "evaluate", "status": "complete"}
    folder.write_json(RECORD_NAME, record | {"models": {identity.task: model}})

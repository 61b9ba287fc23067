"""Measure detectors on annotated images, side by side, and keep what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..annotations import AnnotatedImage, read_annotated_images
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..detection.predict import detect_field, field_tiles
from ..errors import require
from ..files.names import distinct_names
from ..imaging import Detections, read_field, to_rgb
from ..progress import Progress, count_of, open_progress
from .measured_detector import MeasuredDetector, Truth

__all__ = ["evaluate_detectors"]


def evaluate_detectors(
    models: Sequence[BaseDetector | str | Path],
    images: str | Path,
    annotations: str | Path,
    output: str | Path | None = None,
    *,
    smallest: float = 0.0,
    passes: int | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> list[MeasuredDetector]:
    """Measure detectors on annotated images, searched as ``galpipe detect`` searches a field.

    Parameters
    ----------
    models : sequence of BaseDetector, name or path
        The detectors, at least one.
    images, annotations : path
        Folder of images, and file or folder of their annotations in any format.  Only annotated
        images count; boxes marked ``difficult`` are neither hits nor misses.
    output : path, optional
        Folder for ``metrics.json``, ``report.md``, ``report.html`` and ``pictures/``: the curves,
        and the worst mistakes of each detector.
    smallest : float
        Objects whose longer side is shorter, in pixels, do not count, as if they were difficult.
    passes : int, optional
        Search each image at so many scales only, from full scale down; by default at all.
    overwrite : bool
        Replace an earlier result in `output`.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Returns
    -------
    list of MeasuredDetector
        In the order of `models`.

    Raises
    ------
    InputError
        If an image or annotation is missing or cannot be read, or has a class that a detector does
        not find.
    BundleError, OutputError, MissingExtraError
        If a model, the output or the packages of evaluation are not as needed.
    """
    require("pycocotools", "train")
    require("matplotlib", "train")
    from ..metrics.detector_metrics import evaluate_detections
    from .detector_report import open_folder, write_report

    detectors = [open_detector(model) for model in models]
    pairs = read_annotated_images(annotations, images)
    folder = None if output is None else open_folder(output, overwrite=overwrite)
    found: list[list[Detections]] = [[] for _ in detectors]
    truth: list[AnnotatedImage] = []
    with open_progress(progress)("images", len(pairs)) as task:
        for path, annotated in pairs:
            task.update(description=path.name)
            field = read_field(path)
            annotated = replace(annotated, width=field.width, height=field.height)
            truth.append(_counting_from(smallest, annotated))
            for detector, results in zip(detectors, found, strict=True):
                rgb = to_rgb(field, detector.stretch)
                tiles = field_tiles(field.width, field.height, detector.input_size, passes)
                results.append(detect_field(rgb, detector, detector.lowest_score, tiles))
            task.update(advance=1, status=count_of(sum(map(len, found[0])), "boxes"))
    names = distinct_names(detector.identity.name for detector in detectors)
    measured = [
        MeasuredDetector(
            name,
            detector,
            tuple(results),
            evaluate_detections(truth, results, detector.class_names),
        )
        for name, detector, results in zip(names, detectors, found, strict=True)
    ]
    if folder is not None:
        data = {"images": str(images), "annotations": str(annotations)}
        data |= {"smallest": f"{smallest:g}", "passes": "all" if passes is None else str(passes)}
        write_report(folder, measured, Truth(tuple(path for path, _ in pairs), tuple(truth), data))
    return measured


def _counting_from(smallest: float, image: AnnotatedImage) -> AnnotatedImage:
    """Mark the objects under a size as difficult."""
    objects = (
        replace(box, difficult=box.difficult or max(box.width, box.height) < smallest)
        for box in image.objects
    )
    return replace(image, objects=tuple(objects))

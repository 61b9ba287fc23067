"""Evaluate detectors on annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..annotations import AnnotatedImage, read_annotated_images
from ..annotations.relabel import relabel
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..detection.predict import detect_prepared, field_tiles
from ..errors import require
from ..files.names import distinct_names
from ..files.report import open_report_folder
from ..imaging import Detections, prepare_field, read_field
from ..models import ModelLike
from ..progress import Progress, count_of, open_progress
from .detector_report import write_detector_report
from .training_overlap import check_seen_images, select_held_out

if TYPE_CHECKING:
    from ..metrics.detector_metrics import DetectionMetrics

__all__ = ["AnnotatedSet", "MeasuredDetector", "evaluate_detectors"]


@dataclass(frozen=True)
class AnnotatedSet:
    """Annotated images for the evaluation of detectors.

    Attributes
    ----------
    paths : tuple of Path
        The images.
    data : dict of str to object
        Description of their source, with ``notes``, sentences about their use in trainings.
    """

    paths: tuple[Path, ...]
    data: dict[str, Any]


@dataclass(frozen=True, eq=False)
class MeasuredDetector:
    """Detections and metrics of one detector.

    Attributes
    ----------
    name : str
        Unique name of the detector.
    detector : BaseDetector
    class_names : tuple of str
        Classes that are evaluated: those of the detector, or one for all objects.
    images : tuple of AnnotatedImage
        Annotations in these classes, with image sizes.
    found : tuple of Detections
        Detections on each image in these classes, including low scores.
    metrics : DetectionMetrics
    """

    name: str
    detector: BaseDetector
    class_names: tuple[str, ...]
    images: tuple[AnnotatedImage, ...]
    found: tuple[Detections, ...]
    metrics: DetectionMetrics

    @property
    def threshold(self) -> float:
        """Score threshold of the detector."""
        return self.detector.score_threshold

    @property
    def model(self) -> dict[str, Any]:
        """Identity of the detector: name, path and checksum."""
        return self.detector.identity.as_dict()


def evaluate_detectors(
    models: BaseDetector | ModelLike | Sequence[BaseDetector | ModelLike],
    images: str | Path,
    annotations: str | Path,
    output: str | Path | None = None,
    *,
    smallest: float = 0.0,
    passes: int | None = None,
    class_agnostic: bool = False,
    held_out: bool = False,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> list[MeasuredDetector]:
    """Evaluate detectors on annotated images, searched as in ``galpipe detect``.

    Parameters
    ----------
    models : BaseDetector, Bundle, name or path, or sequence of these
        The detectors, at least one.
    images, annotations : path
        Folder of images, and file or folder of their annotations in any format.  Only annotated
        images are evaluated; boxes marked ``difficult`` are ignored.  Classes that the training of
        a detector left out or merged are ignored or merged here too.
    output : path, optional
        Folder for ``metrics.json``, ``report.md``, ``report.html`` and ``pictures/``: curves, and
        the worst mistakes and ordinary detections of each detector.
    smallest : float
        Objects with a shorter longer side, in pixels, are treated as difficult.
    passes : int, optional
        Limit the search to this many pyramid levels (1, 1/3, 1/9, ...); all by default.
    class_agnostic : bool
        Match boxes without regard to the classes of annotations and detectors.
    held_out : bool
        Evaluate only images held out in the training of every detector.
    overwrite : bool
        Replace an earlier result in `output`.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    list of MeasuredDetector
        In the order of `models`.

    Raises
    ------
    InputError
        If an image or annotation is missing or cannot be read, or has a class unknown to a
        detector, or no image was held out.
    BundleError
        If a model is missing or invalid.
    OutputError
        If the output folder contains other files, or cannot be written.
    MissingExtraError
        If the evaluation packages are not installed.

    Examples
    --------
    >>> import galpipe
    >>> measured = galpipe.evaluate_detectors(
    ...     "ssd_mobilenet", "frames", "boxes", "measured"
    ... )  # doctest: +SKIP
    >>> measured[0].metrics.map50  # doctest: +SKIP
    0.9796
    """
    require("pycocotools", "train")
    require("matplotlib", "train")
    from ..metrics.detector_metrics import evaluate_detections, without_classes

    several = [models] if isinstance(models, BaseDetector | ModelLike) else models
    detectors = [open_detector(model) for model in several]
    pairs = read_annotated_images(annotations, images)
    names = distinct_names(detector.identity.name for detector in detectors)
    bundles = {
        name: getattr(detector, "bundle", None)
        for name, detector in zip(names, detectors, strict=True)
    }
    if held_out:
        chosen = set(select_held_out(bundles, [path for path, _ in pairs]))
        pairs = [pair for pair in pairs if pair[0] in chosen]
    paths = tuple(path for path, _ in pairs)
    seen = check_seen_images(bundles, paths, held_out=held_out)
    folder = None if output is None else open_report_folder(output, overwrite=overwrite)
    found: list[list[Detections]] = [[] for _ in detectors]
    truth: list[AnnotatedImage] = []
    with open_progress(progress)("images", len(pairs)) as task:
        for path, annotated in pairs:
            task.update(description=path.name)
            field = read_field(path)
            annotated = replace(annotated, width=field.width, height=field.height)
            truth.append(_ignore_small(annotated, smallest))
            for detector, results in zip(detectors, found, strict=True):
                prepared = prepare_field(field, detector.stretch, detector.psf_range)
                height, width = prepared.searched.shape[:2]
                tiles = field_tiles(
                    width, height, detector.input_size, detector.window_step, passes
                )
                results.append(detect_prepared(prepared, detector, detector.lowest_score, tiles))
            task.update(advance=1, status=count_of(sum(map(len, found[0])), "boxes"))
    measured = []
    for name, detector, results in zip(names, detectors, found, strict=True):
        bundle = bundles[name]
        classes = detector.class_names
        objects = tuple(truth)
        if class_agnostic:
            classes, objects, results = without_classes(objects, results)
        elif bundle is not None:
            objects = tuple(relabel(image, bundle.manifest.class_map) for image in objects)
        metrics = evaluate_detections(objects, results, classes)
        measured.append(MeasuredDetector(name, detector, classes, objects, tuple(results), metrics))
    if folder is not None:
        data: dict[str, Any] = {"images": str(images), "annotations": str(annotations)}
        data |= {"smallest": f"{smallest:g}", "passes": "all" if passes is None else str(passes)}
        data |= {"classes": "all as one" if class_agnostic else "those of each detector"}
        write_detector_report(folder, measured, AnnotatedSet(paths, data | seen.record()))
    return measured


def _ignore_small(image: AnnotatedImage, smallest: float) -> AnnotatedImage:
    """Mark objects below a size as difficult."""
    objects = (
        replace(box, difficult=box.difficult or max(box.width, box.height) < smallest)
        for box in image.objects
    )
    return replace(image, objects=tuple(objects))

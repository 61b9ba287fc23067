"""Detect the galaxies of fields: the first stage alone, with optional annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..annotations import AnnotatedImage, ObjectBox, write_annotations
from ..annotations.formats.registry import format_named, writable_formats
from ..annotations.images import ImageFiles, image_stem
from ..annotations.source import check_writable
from ..detection.base import BaseDetector, galaxy_classes
from ..detection.load import open_detector
from ..errors import ConfigError
from ..files.names import printable
from ..files.output_folder import OutputFolder
from ..progress import Progress
from .batch import find_sources, process_fields
from .catalogue import Catalogue
from .catalogue_formats import CATALOGUE_FORMATS, DEFAULT_FORMATS, check_catalogue_formats
from .field_processing import FieldModels, FieldSettings
from .provenance import FieldRecord, RunRecord
from .run import RunResult, resolve_config, with_defaults_of
from .sinks import CatalogueSink

__all__ = ["detect"]


def detect(
    fields: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    model: BaseDetector | str | Path | None = None,
    score_threshold: float | None = None,
    bands: Sequence[str] = (),
    zeropoint: float | Mapping[str, float] | None = None,
    formats: Sequence[str] = (),
    annotations: Sequence[str] = (),
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> RunResult:
    """Detect the galaxies of fields, and objects of the other classes of the detector.

    Same as `galpipe.run`, without classification and crops.

    Parameters
    ----------
    fields : str, Path or iterable of them
        As in `galpipe.run`.
    output : str or Path
        Output folder.
    model : BaseDetector, str or Path, optional
        The detector, its name or path; by default the shipped one.
    score_threshold : float, optional
        Lowest score kept, 0 to 1; by default that of the detector.
    bands : sequence of str
        As in `galpipe.run`.
    zeropoint : float or mapping of str to float, optional
        As in `galpipe.run`.
    formats : sequence of str
        Formats of the catalogue, as in `galpipe.run`, by default "ecsv" and "csv".  An annotation
        format of another name, such as "voc", is added to `annotations`.
    annotations : sequence of str
        Formats in which the boxes are also written to ``annotations/``: "voc", "coco", "yolo",
        "createml", "csv", "tfrecord", "ds9", "labelme"; in pixels of the field.
    overwrite : bool
        Replace an earlier result.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    RunResult
        Catalogue without the classifier's columns, output folder, failures and record.

    Raises
    ------
    InputError, ConfigError, BundleError, OutputError, MissingExtraError
        As in `galpipe.run`.
    """
    tables, boxes = _split_formats(formats, annotations)
    settings = resolve_config(None, model, score_threshold=score_threshold, zeropoint=zeropoint)
    sources, failures = find_sources(fields, bands)
    detector = open_detector(model or settings.detector.model)
    settings = with_defaults_of(settings, detector)
    folder = OutputFolder(output, overwrite=overwrite)
    galaxies = galaxy_classes(detector.class_names)
    record = RunRecord(
        "detect",
        config=settings.model_dump(mode="json"),
        score_threshold=detector.score_threshold if score_threshold is None else score_threshold,
        models={"detector": detector.identity.as_dict()},
        galaxy_classes=list(galaxies),
        failures=failures,
    )
    several = detector.several_classes
    sink = CatalogueSink(folder, record, detected_classes=several, formats=tables)
    processing = FieldSettings(
        score_threshold, galaxies, settings.stretch, zeropoint=settings.zeropoint
    )
    models = FieldModels(detector, None)
    catalogue = process_fields(sources, models, processing, sink, progress=progress)
    if boxes:
        _write_annotations(catalogue, sink.record, boxes, folder.path / "annotations")
    return RunResult(catalogue, folder.path, tuple(sink.record.failures), sink.record)


def _split_formats(
    formats: Sequence[str], annotations: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """Return the formats of the catalogue and those of the annotations."""
    tables = [name for name in formats if name in CATALOGUE_FORMATS]
    others = [name for name in formats if name not in CATALOGUE_FORMATS]
    unknown = [name for name in others if name not in writable_formats()]
    if unknown:
        raise ConfigError(
            f"There is no format {', '.join(unknown)}; choose from {', '.join(CATALOGUE_FORMATS)} "
            f"for the catalogue, or {', '.join(writable_formats())} for annotations"
        )
    check_catalogue_formats(tables)
    check_writable(annotations)
    return tables or DEFAULT_FORMATS, list(dict.fromkeys([*annotations, *others]))


def _write_annotations(
    catalogue: Catalogue,
    record: RunRecord,
    formats: Iterable[str],
    folder: Path,
) -> None:
    images = _annotated_images(catalogue, record)
    classes = record.models["detector"]["class_names"]
    names = [image.filename for image in images]
    paths = [_image_path(done) for done in record.fields]
    files = ImageFiles(dict(zip(names, paths, strict=True)))
    for name in formats:
        path = folder / f"{name}{format_named(name).suffix}"
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

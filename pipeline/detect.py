"""Detect the galaxies of fields: the first stage alone, with optional annotations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..annotations.formats.registry import writable_formats
from ..annotations.source import check_writable
from ..detection.base import BaseDetector, galaxy_classes
from ..detection.load import open_detector
from ..errors import ConfigError
from ..models import ModelLike
from ..progress import Progress
from .catalogue_formats import CATALOGUE_FORMATS, DEFAULT_FORMATS, check_catalogue_formats
from .collect import RunResult
from .coverage import require_coverage
from .engines import open_engine
from .field_processing import FieldModels, FieldSettings
from .inputs import find_sources
from .many_fields import open_run, plan_of, process_fields, start_run
from .provenance import RunRecord
from .run import resolve_config, with_defaults_of

__all__ = ["detect"]


def detect(
    fields: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    model: BaseDetector | ModelLike | None = None,
    score_threshold: float | None = None,
    bands: Sequence[str] = (),
    zeropoint: float | Mapping[str, float] | None = None,
    formats: Sequence[str] = (),
    annotations: Sequence[str] = (),
    overlays: bool = True,
    resolve_overlaps: bool = False,
    coverage: bool = False,
    overwrite: bool = False,
    engine: str = "inline",
    workers: int | None = None,
    field_timeout: float | None = None,
    ray_address: str | None = None,
    progress: bool | Progress = False,
) -> RunResult:
    """Detect the galaxies of fields, and objects of the other classes of the detector.

    Same as `galpipe.run`, without classification and crops.

    Parameters
    ----------
    fields : str, Path or iterable of them
        As in `galpipe.run`.
    output : str or Path
        As in `galpipe.run`.
    model : BaseDetector, Bundle, str or Path, optional
        The detector, its bundle, name or path; by default the shipped one.
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
    overlays, resolve_overlaps, coverage : bool
        As in `galpipe.run`.
    overwrite : bool
        Replace an earlier result, finished or not.
    engine, workers, field_timeout, ray_address : optional
        As in `galpipe.run`.
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
    if coverage:
        require_coverage()
    settings = resolve_config(None, model, score_threshold=score_threshold, zeropoint=zeropoint)
    with open_engine(engine, workers, field_timeout, ray_address) as running:
        sources, failures = find_sources(fields, bands)
        detector = open_detector(model or settings.detector.model)
        settings = with_defaults_of(settings, detector)
        galaxies = galaxy_classes(detector.class_names)
        record = RunRecord(
            "detect",
            config=settings.model_dump(mode="json"),
            score_threshold=detector.score_threshold
            if score_threshold is None
            else score_threshold,
            models={"detector": detector.identity.as_dict()},
            galaxy_classes=list(galaxies),
        )
        processing = FieldSettings(
            score_threshold,
            galaxies,
            settings.stretch,
            overlay=overlays,
            crops=None,
            zeropoint=settings.zeropoint,
        )
        with open_run(output, overwrite=overwrite) as (folder, store):
            plan = plan_of(
                record,
                processing,
                bands,
                None,
                detector.several_classes,
                tables,
                boxes,
                overlaps=resolve_overlaps,
                coverage=coverage,
            )
            plan = start_run(folder, plan, sources, failures)
            del sources
            models = FieldModels(detector, None)
            return process_fields(folder.path, plan, models, processing, running, progress, store)


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

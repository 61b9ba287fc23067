"""Detect and classify the galaxies of fields: the whole pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from ..classification.classifier import Classifier, open_classifier
from ..configs import RunConfig, dump_config, load_config
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..errors import ConfigError
from ..files.output_folder import OutputFolder
from ..progress import Progress, open_progress
from .batch import find_sources, process_fields
from .catalogue import Catalogue
from .field_processing import FieldModels, FieldSettings, galaxies_among
from .provenance import Failure, RunRecord
from .sinks import CatalogueSink, RunSink
from .training import train_stages

__all__ = ["RunResult", "run"]


@dataclass(frozen=True, eq=False)
class RunResult:
    """Result of a run; also in the output folder.

    Attributes
    ----------
    catalogue : Catalogue
        One row per object: galaxies, and objects of the other classes of the detector.
    output : Path
        The output folder: ``catalogue.ecsv``, ``catalogue.csv``, ``overlays/``, ``crops/``,
        ``run.json``, ``config.yaml``.
    failures : tuple of Failure
        Inputs that could not be processed; empty if there are none.
    record : RunRecord
        Contents of ``run.json``.
    """

    catalogue: Catalogue
    output: Path
    failures: tuple[Failure, ...]
    record: RunRecord


def run(
    fields: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    config: RunConfig | str | Path | None = None,
    detector: BaseDetector | str | Path | None = None,
    classifier: Classifier | str | Path | None = None,
    score_threshold: float | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> RunResult:
    """Detect and classify the galaxies of fields.

    One field is in memory at a time.  A field that cannot be processed is recorded, and the others
    are processed.  When the run is interrupted, the results of the fields so far are written.

    All objects of a detector of several classes are in the catalogue, but only galaxies are
    classified: those of the classes ``classifier.classes`` of the configuration, by default those
    that `galpipe.detection.base.galaxy_classes` recognises by name.

    Parameters
    ----------
    fields : str, Path or iterable of them
        FITS files, pictures (JPEG, PNG, TIFF), folders of these, or three FITS bands as one text
        ``"r.fits,g.fits,b.fits"`` in the order red, green, blue.
    output : str or Path
        Output folder: new, empty, or with `overwrite` one of an earlier result.
    config : RunConfig, str or Path, optional
        Settings, or a YAML file of them.  A stage with a ``train`` section is trained and evaluated
        first; a training that was finished before in the same folder is used again.
    detector, classifier : BaseDetector and Classifier, str or Path, optional
        Models to use in place of those of `config`: an object, the name of a shipped model, or the
        path of a bundle; for the detector also that of an exported SavedModel or TFLite file.
    score_threshold : float, optional
        Lowest detection score kept, 0 to 1; by default that of `config`, else that of the
        detector.
    overwrite : bool
        Replace an earlier result.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to a display of your own.

    Returns
    -------
    RunResult
        Catalogue, output folder, failures and record.

    Raises
    ------
    InputError
        If there is no field at all.
    ConfigError, BundleError
        If the configuration or a model is missing or invalid.
    OutputError
        If the output folder is refused or cannot be written.
    MissingExtraError
        If training is asked for and its packages are not installed.

    Examples
    --------
    >>> import galpipe
    >>> field = f"{galpipe.__path__[0]}/pipeline/demonstration/demonstration.fits.fz"
    >>> result = galpipe.run(field, "result")
    >>> len(result.catalogue)
    26
    >>> (result.output / "catalogue.ecsv").is_file()
    True
    """
    settings = resolve_config(config, detector, classifier, score_threshold)
    sources, failures = find_sources(fields)
    # Models are opened before anything is written or trained: a wrong name shows at once.
    first = second = None
    if settings.detector.train is None:
        first = open_detector(detector or settings.detector.model)
        detected = first.class_names
    else:
        detected = settings.detector.train.class_names
    if settings.classifier.train is None:
        second = open_classifier(classifier or settings.classifier.model)
    galaxies = list(galaxies_among(detected, settings.classifier.classes))
    folder = OutputFolder(output, overwrite=overwrite)
    started = RunSink(folder, RunRecord("run", failures=failures, galaxy_classes=galaxies))
    trained = train_stages(
        started, settings.detector.train, settings.classifier.train, open_progress(progress)
    )
    first = first or open_detector(trained["detector"])
    second = second or open_classifier(trained["classifier"])
    settings = with_defaults_of(settings, first, second)
    folder.write_text("config.yaml", dump_config(settings))
    threshold = settings.detector.score_threshold
    record = replace(
        started.record,
        config=settings.model_dump(mode="json"),
        score_threshold=first.score_threshold if threshold is None else threshold,
        models={
            "detector": first.identity.as_dict(),
            "classifier": second.bundle.identity.as_dict(),
        },
    )
    sink = CatalogueSink(folder, record, second.class_names, first.several_classes)
    processing = FieldSettings(
        score_threshold=threshold,
        galaxy_classes=tuple(galaxies),
        stretch=settings.stretch,
        crop_margin=settings.classifier.crop_margin,
    )
    models = FieldModels(first, second)
    catalogue = process_fields(sources, models, processing, sink, progress=progress)
    return RunResult(catalogue, folder.path, tuple(sink.record.failures), sink.record)


def resolve_config(
    config: RunConfig | str | Path | None,
    detector: BaseDetector | str | Path | None = None,
    classifier: Classifier | str | Path | None = None,
    score_threshold: float | None = None,
) -> RunConfig:
    """Return the configuration with the arguments of the caller filled in.

    Parameters
    ----------
    config : RunConfig, str, Path or None
        Settings, a YAML file of them, or None for the defaults.
    detector, classifier : BaseDetector and Classifier, str or Path, optional
        Models that replace those of `config`, and their trainings.
    score_threshold : float, optional
        Threshold that replaces that of `config`.

    Raises
    ------
    ConfigError
        If a setting is invalid.
    """
    if config is None:
        config = RunConfig()
    settings = config if isinstance(config, RunConfig) else load_config(config, RunConfig)
    changes: dict[str, dict[str, object]] = {"detector": {}, "classifier": {}}
    if detector is not None:
        place = detector if isinstance(detector, str | Path) else detector.identity.path
        changes["detector"] = {"model": str(place), "train": None}
    if classifier is not None:
        place = classifier if isinstance(classifier, str | Path) else classifier.bundle.path
        changes["classifier"] = {"model": str(place), "train": None}
    if score_threshold is not None:
        changes["detector"]["score_threshold"] = score_threshold
    content = settings.model_dump()
    for stage, change in changes.items():
        content[stage] |= change
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"Not a valid setting: {faults}") from error


def with_defaults_of(
    settings: RunConfig, detector: BaseDetector, classifier: Classifier | None = None
) -> RunConfig:
    """Fill in the settings that default to those of the models: stretch and crop margin.

    Parameters
    ----------
    settings : RunConfig
        Settings, of which None stands for the default.
    detector : BaseDetector
        The detector that is used.
    classifier : Classifier, optional
        The classifier that is used, if any.
    """
    stage = settings.classifier
    if stage.crop_margin is None and classifier is not None:
        stage = stage.model_copy(update={"crop_margin": classifier.crop_margin})
    stretch = settings.stretch or detector.stretch
    return settings.model_copy(update={"stretch": stretch, "classifier": stage})

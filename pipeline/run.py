"""Detect and classify the galaxies of fields: the whole pipeline."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from ..classification.classifier import Classifier, open_classifier
from ..classification.priors import Prior
from ..configs import ClassifierStage, RunConfig, dump_config, load_config
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..errors import ConfigError
from ..files.output_folder import OutputFolder
from ..models import read_bundle
from ..models.training_folder import open_trainer, train_once
from ..progress import Progress, open_progress
from .batch import find_sources, process_fields
from .catalogue import Catalogue
from .catalogue_formats import DEFAULT_FORMATS, check_catalogue_formats
from .field_processing import FieldModels, FieldSettings, galaxies_among
from .provenance import Failure, RunRecord
from .sinks import CatalogueSink, RunSink

__all__ = ["RunResult", "run"]

logger = logging.getLogger("galpipe")


@dataclass(frozen=True, eq=False)
class RunResult:
    """Result of a run, which is also written to the output folder.

    Attributes
    ----------
    catalogue : Catalogue
        One row per object: galaxies, and objects of the other classes of the detector.
    output : Path
        The output folder: the catalogue in each format (``catalogue.ecsv``, ``catalogue.csv``),
        ``overlays/``, ``crops/``, ``run.json``, ``config.yaml``.
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
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
    score_threshold: float | None = None,
    bands: Sequence[str] = (),
    zeropoint: float | Mapping[str, float] | None = None,
    formats: Sequence[str] = DEFAULT_FORMATS,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> RunResult:
    """Detect and classify the galaxies of fields.

    One field is in memory at a time.  Fields that cannot be processed are recorded and skipped.  If
    the run is interrupted, the results so far are written.

    The catalogue contains all objects of a detector of several classes, but only galaxies are
    classified: objects of the classes ``classifier.classes`` of the configuration, by default those
    of `galpipe.detection.base.galaxy_classes`.

    Parameters
    ----------
    fields : str, Path or iterable of them
        FITS files, pictures (JPEG, PNG, WebP, TIFF), folders of these, or three FITS bands as a
        string ``"r.fits,g.fits,b.fits"`` in the order red, green, blue.  Every CCD of a mosaic
        camera is a field; ``"file.fits[CCD2]"`` is one of them.
    output : str or Path
        Output folder: new, empty or, with `overwrite`, with an earlier result.
    config : RunConfig, str or Path, optional
        Settings, or a YAML file of settings.  Stages with a ``train`` section are trained and
        evaluated first; finished trainings in the same folder are reused.
    detector, classifier : BaseDetector and Classifier, str or Path, optional
        Models that override those of `config`: an object, the name of a shipped model, or the path
        of a bundle; for the detector also of an exported SavedModel or TFLite file.
    prior : str, Path or mapping of str to float, optional
        Class frequencies of the galaxies, for which probabilities are re-weighted: ``"uniform"``,
        ``"survey"``, a file, or frequencies by class, as in
        `galpipe.classification.priors.resolve_prior`; by default those of `config`, else those of
        the training of the classifier.
    test_time_augmentation : bool, optional
        Predict the mean over the eight flips and quarter turns of a crop, which takes eight times
        as long; by default as in `config`.
    score_threshold : float, optional
        Lowest detection score kept, 0 to 1; by default that of `config`, else that of the
        detector.
    bands : sequence of str
        One band of each FITS file, or three in red, green, blue order, by filter, name of the HDU,
        or number; by default three are chosen by their wavelengths.
    zeropoint : float or mapping of str to float, optional
        Magnitude of one unit of flux, of all bands or by the name of the band in the catalogue; by
        default that of `config`, else that of the files.
    formats : sequence of str
        Formats of the catalogue: "ecsv", "csv", "fits", "votable", "parquet" and, one file for each
        field, "ds9".
    overwrite : bool
        Replace an earlier result.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    RunResult
        Catalogue, output folder, failures and record.

    Raises
    ------
    InputError
        If there is no field at all, or the prior cannot be read.
    ConfigError, BundleError
        If the configuration, a format, the prior or a model is missing or invalid.
    OutputError
        If the output folder contains other files, or cannot be written.
    MissingExtraError
        If the configuration includes a training, or a format is chosen, and the packages are not
        installed.

    Examples
    --------
    >>> import galpipe
    >>> field = f"{galpipe.__path__[0]}/pipeline/demonstration/demonstration.fits.fz"
    >>> result = galpipe.run(field, "result")
    >>> len(result.catalogue)
    25
    >>> (result.output / "catalogue.ecsv").is_file()
    True
    """
    check_catalogue_formats(formats)
    settings = resolve_config(
        config,
        detector,
        classifier,
        prior=prior,
        test_time_augmentation=test_time_augmentation,
        score_threshold=score_threshold,
        zeropoint=zeropoint,
    )
    sources, failures = find_sources(fields, bands)
    # Open models before writing or training anything, to report wrong names at once.
    first = second = None
    if settings.detector.train is None:
        first = open_detector(detector or settings.detector.model)
        detected = first.class_names
    else:
        detected = settings.detector.train.class_names
    if settings.classifier.train is None:
        second = _with_options(classifier or settings.classifier.model, settings.classifier)
    galaxies = list(galaxies_among(detected, settings.classifier.classes))
    folder = OutputFolder(output, overwrite=overwrite)
    started = RunSink(folder, RunRecord("run", failures=failures, galaxy_classes=galaxies))
    trained = _train_stages(started, settings, open_progress(progress))
    first = first or open_detector(trained["detector"])
    second = second or _with_options(trained["classifier"], settings.classifier)
    settings = with_defaults_of(settings, first, second)
    folder.write_text("config.yaml", dump_config(settings))
    threshold = settings.detector.score_threshold
    record = replace(
        started.record,
        config=settings.model_dump(mode="json"),
        score_threshold=first.score_threshold if threshold is None else threshold,
        models={
            "detector": first.identity.as_dict(),
            "classifier": second.as_dict(),
        },
    )
    sink = CatalogueSink(folder, record, second.class_names, first.several_classes, formats)
    processing = FieldSettings(
        score_threshold=threshold,
        galaxy_classes=tuple(galaxies),
        stretch=settings.stretch,
        crop_margin=settings.classifier.crop_margin,
        zeropoint=settings.zeropoint,
    )
    models = FieldModels(first, second)
    catalogue = process_fields(sources, models, processing, sink, progress=progress)
    return RunResult(catalogue, folder.path, tuple(sink.record.failures), sink.record)


def _train_stages(sink: RunSink, settings: RunConfig, progress: Progress) -> dict[str, Path]:
    """Train the stages that have a training, record their metrics, and return their bundles.

    Each training has a folder in ``models/``, named after its settings, so that an interrupted one
    is resumed and a finished one reused.
    """
    bundles: dict[str, Path] = {}
    stages = (("detector", settings.detector.train), ("classifier", settings.classifier.train))
    for stage, config in stages:
        if config is None:
            continue
        sink.update(status="training")
        bundle = train_once(open_trainer(stage), config, sink.folder.path / "models", progress)
        bundles[stage] = bundle
        sink.update(metrics=sink.record.metrics | {stage: read_bundle(bundle).metrics()})
        logger.info("%s: trained, in %s", stage, bundle)
    return bundles


def _with_options(model: Classifier | str | Path, stage: ClassifierStage) -> Classifier:
    """Open a classifier with the options of a configuration."""
    return open_classifier(model, stage.prior, stage.test_time_augmentation)


def resolve_config(
    config: RunConfig | str | Path | None,
    detector: BaseDetector | str | Path | None = None,
    classifier: Classifier | str | Path | None = None,
    *,
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
    score_threshold: float | None = None,
    zeropoint: float | Mapping[str, float] | None = None,
) -> RunConfig:
    """Return the configuration, with arguments that override its settings.

    Parameters
    ----------
    config : RunConfig, str, Path or None
        Settings, a YAML file of settings, or None for the defaults.
    detector, classifier : BaseDetector and Classifier, str or Path, optional
        Models that override those of `config` and their trainings.
    prior : str, Path or mapping of str to float, optional
        Overrides the prior of `config`.
    test_time_augmentation : bool, optional
        Overrides that of `config`.
    score_threshold : float, optional
        Overrides the threshold of `config`.
    zeropoint : float or mapping of str to float, optional
        Overrides the zero points of `config`.

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
    if prior is not None:
        changes["classifier"]["prior"] = prior
    if test_time_augmentation is not None:
        changes["classifier"]["test_time_augmentation"] = test_time_augmentation
    content = settings.model_dump()
    for stage, change in changes.items():
        content[stage] |= change
    if zeropoint is not None:
        content["zeropoint"] = zeropoint
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        raise ConfigError(f"Not a valid setting: {problems}") from error


def with_defaults_of(
    settings: RunConfig, detector: BaseDetector, classifier: Classifier | None = None
) -> RunConfig:
    """Fill in the defaults of the models, stretch and crop margin, and a prior read from a file.

    Parameters
    ----------
    settings : RunConfig
        None for defaults.
    detector : BaseDetector
    classifier : Classifier, optional
    """
    stage = settings.classifier
    if stage.crop_margin is None and classifier is not None:
        stage = stage.model_copy(update={"crop_margin": classifier.crop_margin})
    if isinstance(stage.prior, Path) and classifier is not None and classifier.priors is not None:
        frequencies = zip(classifier.class_names, classifier.priors.tolist(), strict=True)
        stage = stage.model_copy(update={"prior": dict(frequencies)})
    stretch = settings.stretch or detector.stretch
    return settings.model_copy(update={"stretch": stretch, "classifier": stage})

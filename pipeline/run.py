"""Detect and classify the galaxies of fields: the whole pipeline."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..classification.classifier import Classifier, open_classifier
from ..classification.priors import Prior
from ..configs import ClassifierStage, RunConfig, dump_config, load_config
from ..detection.base import BaseDetector
from ..detection.load import open_detector
from ..errors import ConfigError, OutputError
from ..files.output_folder import OutputFolder
from ..imaging import FieldSource
from ..models import ModelLike, read_bundle
from ..models.training_folder import check_earlier, check_training, open_trainer, train_once
from ..progress import Progress, open_progress, within
from .catalogue_formats import DEFAULT_FORMATS, check_catalogue_formats
from .collect import RunResult
from .coverage import require_coverage
from .engines import open_engine
from .field_processing import CropFormat, FieldModels, FieldSettings, galaxies_among
from .inputs import find_sources
from .many_fields import open_run, plan_of, process_fields, start_run
from .plan import read_plan
from .provenance import RunRecord
from .sinks import RunSink

__all__ = ["RunResult", "run"]

logger = logging.getLogger("galpipe")


def run(
    fields: Iterable[str | Path | FieldSource] | str | Path,
    output: str | Path,
    *,
    config: RunConfig | str | Path | Mapping[str, Any] | None = None,
    detector: BaseDetector | ModelLike | None = None,
    classifier: Classifier | ModelLike | None = None,
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
    score_threshold: float | None = None,
    bands: Sequence[str] = (),
    zeropoint: float | Mapping[str, float] | None = None,
    formats: Sequence[str] = DEFAULT_FORMATS,
    overlays: bool = True,
    crops: CropFormat | None = "png",
    resolve_overlaps: bool = False,
    coverage: bool = False,
    overwrite: bool = False,
    engine: str = "inline",
    workers: int | None = None,
    field_timeout: float | None = None,
    ray_address: str | None = None,
    progress: bool | Progress = False,
) -> RunResult:
    """Detect and classify the galaxies of fields.

    One field is in memory at a time.  Fields that cannot be processed are recorded and skipped.  If
    the run is interrupted, the results so far are written.  A run that was interrupted or killed is
    continued by the same call: fields that are done are not processed again.

    The catalogue contains all objects of a detector of several classes, but only galaxies are
    classified: objects of the classes ``classifier.classes`` of the configuration, by default those
    of `galpipe.detection.base.galaxy_classes`.

    Parameters
    ----------
    fields : str, Path or iterable of them or of FieldSource
        FITS files, pictures (JPEG, PNG, WebP, TIFF), folders of these, or three FITS bands as a
        string ``"r.fits,g.fits,b.fits"`` in the order red, green, blue.  Every CCD of a mosaic
        camera is a field; ``"file.fits[CCD2]"`` is one of them.
    output : str or Path
        Output folder, or the address of one in an object store, ``s3://bucket/folder``: new, empty,
        with an unfinished result of the same models and settings and among whose fields are no
        others, or, with `overwrite`, with any earlier result.
    config : RunConfig, str, Path or mapping, optional
        Settings, a YAML file of settings, or its content.  Stages with a ``train`` section are
        trained and evaluated first; finished trainings in the same folder are reused, if their data
        have not changed.
    detector, classifier : BaseDetector and Classifier, Bundle, str or Path, optional
        Models that override those of `config`: an object, the name of a shipped model, or a bundle
        or its path; for the detector also of an exported SavedModel or TFLite file.
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
    overlays : bool
        Draw a picture of each field with all boxes.
    crops : {"png", "fits"} or None
        Write a file for each galaxy: its picture, or its linear pixels in all bands with a WCS; or
        none.
    resolve_overlaps : bool
        Group the objects that several fields show, and mark one row of each as primary.
    coverage : bool
        Also write ``coverage.moc.fits``, the area of all fields.
    overwrite : bool
        Replace an earlier result, finished or not.
    engine : {"inline", "serial", "processes", "ray"}
        Process the fields in this process; in one other, where damaged files cannot crash this one;
        in several; or in several on a Ray cluster.  A script that uses other processes must call
        this function under ``if __name__ == "__main__":``.
    workers : int, optional
        Number of processes of the engines "processes" and "ray"; by default the number of cores, of
        the whole cluster.
    field_timeout : float, optional
        Seconds after which a field is given up, by default 600 and 10 more for each megapixel; not
        with the engine "inline".
    ray_address : str, optional
        Address of a running Ray cluster for the engine "ray", such as "auto"; by default, one is
        started on this machine.
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
    22
    >>> (result.output / "catalogue.ecsv").is_file()
    True
    """
    check_catalogue_formats(formats)
    if coverage:
        require_coverage()
    settings = resolve_config(
        config,
        detector,
        classifier,
        prior=prior,
        test_time_augmentation=test_time_augmentation,
        score_threshold=score_threshold,
        zeropoint=zeropoint,
    )
    with open_engine(engine, workers, field_timeout, ray_address) as running:
        sources, failures = find_sources(fields, bands)
        # Open models before writing or training anything, to report wrong names at once.
        first = second = None
        if settings.detector.train is None:
            first = open_detector(detector or settings.detector.model)
            detected = first.class_names
        else:
            detected = settings.detector.train.class_map.class_names
        if settings.classifier.train is None:
            second = _with_options(classifier or settings.classifier.model, settings.classifier)
        galaxies = galaxies_among(detected, settings.classifier.classes)
        with open_run(output, overwrite=overwrite) as (folder, store):
            record = RunRecord("run", galaxy_classes=list(galaxies))
            _refuse_other_training(folder.path, settings)
            if store is not None and (settings.detector.train or settings.classifier.train):
                raise ConfigError(
                    f"{output}: a training needs a local output folder. Train first, and give the "
                    "trained models."
                )
            display = open_progress(progress)
            trained, metrics = _train_stages(folder, record, settings, display, overwrite)
            first = first or open_detector(trained["detector"])
            second = second or _with_options(trained["classifier"], settings.classifier)
            if settings.stretch is None:
                _warn_of_another_stretch(first, second)
            settings = with_defaults_of(settings, first, second)
            threshold = settings.detector.score_threshold
            record = replace(
                record,
                config=settings.model_dump(mode="json"),
                score_threshold=first.score_threshold if threshold is None else threshold,
                models={
                    "detector": first.identity.as_dict(),
                    "classifier": second.as_dict(),
                },
                metrics=metrics,
            )
            processing = FieldSettings(
                score_threshold=threshold,
                galaxy_classes=galaxies,
                stretch=settings.stretch,
                crop_margin=settings.classifier.crop_margin,
                zeropoint=settings.zeropoint,
                overlay=overlays,
                crops=crops,
            )
            plan = plan_of(
                record,
                processing,
                bands,
                second.class_names,
                first.several_classes,
                formats,
                overlaps=resolve_overlaps,
                coverage=coverage,
            )
            plan = start_run(folder, plan, sources, failures)
            del sources
            folder.write_text("config.yaml", dump_config(settings))
            models = FieldModels(first, second)
            return process_fields(folder.path, plan, models, processing, running, progress, store)


def _refuse_other_training(folder: Path, settings: RunConfig) -> None:
    """Raise an error before a training whose run could not be continued."""
    earlier = read_plan(folder)
    if earlier is None:
        return
    config = settings.model_dump(mode="json")
    for stage in ("detector", "classifier"):
        if earlier.record.config.get(stage, {}).get("train") != config[stage]["train"]:
            raise OutputError(
                f"{folder}: holds a run that cannot be continued, since its {stage} was trained "
                "with other settings. Choose another output folder, or add --overwrite (in Python: "
                "overwrite=True) to replace it."
            )


def _warn_of_another_stretch(detector: BaseDetector, classifier: Classifier) -> None:
    if detector.stretch != classifier.stretch:
        logger.warning(
            "The classifier was trained with another stretch than the detector, whose stretch is "
            "used; set 'stretch' in the configuration to that of the classifier where it matters"
        )


def _train_stages(
    folder: OutputFolder,
    record: RunRecord,
    settings: RunConfig,
    progress: Progress,
    overwrite: bool,
) -> tuple[dict[str, Path], dict[str, dict[str, Any]]]:
    """Train the stages that have a training; return their bundles and metrics.

    Each training has a folder in ``models/``, named after its settings, so that an interrupted one
    is resumed and a finished one reused.  A training with other data is replaced if `overwrite`.
    """
    bundles: dict[str, Path] = {}
    metrics: dict[str, dict[str, Any]] = {}
    models = folder.path / "models"
    stages = (("detector", settings.detector.train), ("classifier", settings.classifier.train))
    trainings = {stage: config for stage, config in stages if config is not None}
    for stage, config in trainings.items():
        check_training(stage, config)
    other_data = {
        stage: check_earlier(stage, [config], models, overwrite=overwrite)[0]
        for stage, config in trainings.items()
    }
    for stage, config in trainings.items():
        if read_plan(folder.path) is None:
            RunSink(folder, replace(record, status="training", metrics=metrics)).write()
        shown = within(progress, stage)
        bundles[stage] = train_once(
            open_trainer(stage), config, models, shown, replace=other_data[stage]
        )
        metrics[stage] = read_bundle(bundles[stage]).metrics()
        logger.info("%s: trained, in %s", stage, bundles[stage])
    return bundles, metrics


def _with_options(model: Classifier | ModelLike, stage: ClassifierStage) -> Classifier:
    """Open a classifier with the options of a configuration."""
    return open_classifier(model, stage.prior, stage.test_time_augmentation)


def resolve_config(
    config: RunConfig | str | Path | Mapping[str, Any] | None,
    detector: BaseDetector | ModelLike | None = None,
    classifier: Classifier | ModelLike | None = None,
    *,
    prior: Prior | None = None,
    test_time_augmentation: bool | None = None,
    score_threshold: float | None = None,
    zeropoint: float | Mapping[str, float] | None = None,
) -> RunConfig:
    """Return the configuration, with arguments that override its settings.

    Parameters
    ----------
    config : RunConfig, str, Path, mapping or None
        Settings, a YAML file of settings or its content, or None for the defaults.
    detector, classifier : BaseDetector and Classifier, Bundle, str or Path, optional
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
    settings = RunConfig() if config is None else load_config(config, RunConfig)
    changes: dict[str, dict[str, object]] = {"detector": {}, "classifier": {}}
    if detector is not None:
        place = detector if isinstance(detector, str | Path) else detector.identity.path
        changes["detector"] = {"model": str(place), "train": None}
    if classifier is not None:
        place = classifier if isinstance(classifier, str | Path) else classifier.identity.path
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

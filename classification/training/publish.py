"""Calibrate and evaluate the bundle of a classifier, and write its card and metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ...configs import ClassifierTraining
from ...datasets.labels import Labels, find_ground_truth
from ...errors import BundleError, InputError
from ...models import Bundle, read_bundle
from ...progress import Progress, phase, silent
from ..classifier import Classifier
from .balance import class_frequencies, class_weights, sampling_weights
from .calibration import FittedCalibration, fit_calibration
from .card import model_card
from .export import LiteRTAgreement
from .measure import measure
from .measured_bundle import learning_curves_of, write_measured_bundle
from .sources import Sources, gather, read_labelled

__all__ = ["measure_bundle", "recalibrate", "training_priors"]

logger = logging.getLogger("galpipe")

_DIGITS = 6


def measure_bundle(
    folder: Path,
    config: ClassifierTraining,
    sources: Sources,
    weights: Mapping[str, float],
    agreement: Mapping[str, LiteRTAgreement],
    earlier: Sequence[Mapping[str, Any]] = (),
    progress: Progress = silent,
) -> Path:
    """Calibrate a bundle on the validation images, evaluate it, and update the bundle.

    Parameters
    ----------
    folder : Path
        The bundle.
    config : ClassifierTraining
        Configuration of its training.
    sources : Sources
        Images of the training.
    weights : mapping of str to float
        Weight of each trained member, also of those that are not in the bundle.
    agreement : mapping of str to LiteRTAgreement
        Agreement of the LiteRT file of each member with its network.
    earlier : sequence of mapping
        Lengths after which the training was ended and continued; see `earlier_lengths`.
    progress : Progress
        Receives the steps.

    Returns
    -------
    Path
        The bundle.
    """
    bundle = read_bundle(folder)
    priors = training_priors(sources, config)
    rounded = tuple(priors.round(_DIGITS).tolist())
    plain = bundle.manifest.model_copy(update={"priors": rounded, "calibration": None})
    with phase("calibration", progress):
        fitted = _calibrate(Classifier(replace(bundle, manifest=plain)), sources, config, priors)
    manifest = plain.model_copy(update={"calibration": fitted and fitted.calibration})
    calibrated = Classifier(replace(bundle, manifest=manifest))
    measured = measure(calibrated, sources, config, progress)
    metrics = {
        "measurements": [m.to_json() for m in measured],
        "weights": dict(weights),
        "calibration": fitted and fitted.to_json(),
    }
    curves = learning_curves_of(bundle)
    card = model_card(config, sources, measured, agreement, weights, fitted, earlier, curves)
    return write_measured_bundle(bundle, manifest, card, metrics, agreement, earlier)


def recalibrate(folder: Path, config: ClassifierTraining, progress: Progress = silent) -> Path:
    """Calibrate and evaluate a bundle again on the images of its training.

    Parameters
    ----------
    folder : Path
        The bundle, which is changed in place; its networks are not.
    config : ClassifierTraining
        Images and labels; everything else is read from the bundle.
    progress : Progress
        Receives the number of loaded images.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    BundleError
        If the bundle is not a classifier, predicts votes, or has no record of its training.
    InputError
        If the images cannot be read, or their split differs from that of the training, so that test
        images may have been trained on.
    """
    bundle = read_bundle(folder)
    if bundle.manifest.votes is not None:
        raise BundleError(f"{folder}: predicts votes, which need no calibration")
    training = _recorded_config(bundle, config)
    metrics = bundle.metrics()
    sources = gather(training, read_labelled(training), progress)
    recorded = bundle.manifest.data
    parts = (sources.validation, recorded.validation), (sources.test, recorded.test)
    if any({path.name for path in part.paths} != set(names) for part, names in parts):
        raise InputError(
            f"{folder}: the images of the configuration, or their split, differ from those of the "
            "training; name the images of the training, in the same order"
        )
    agreement = {
        name: LiteRTAgreement(**one) for name, one in metrics["litert_against_keras"].items()
    }
    earlier = metrics.get("continued_from", ())
    weights = metrics["weights"]
    return measure_bundle(folder, training, sources, weights, agreement, earlier, progress)


def training_priors(sources: Sources, config: ClassifierTraining) -> NDArray[np.float64]:
    """Return the class frequencies that the probabilities of a training assume.

    They are those of the images with a label of one class: of the sources of role ``train`` as in
    the data, or of all training images as they are drawn and weighted in the loss, by
    ``balance.frequencies``.

    Parameters
    ----------
    sources : Sources
        Images of the training.
    config : ClassifierTraining

    Returns
    -------
    ndarray of float64, shape (C,)
    """
    balance, labels = config.balance, sources.train.labels
    if balance.frequencies == "data":
        return class_frequencies(labels, np.ones(len(labels)))
    chances = sampling_weights(labels, balance.evenness)
    chances /= chances.sum()
    if len(sources.extra):
        extra = sampling_weights(sources.extra.labels, balance.evenness)
        share = config.extra_share
        chances = np.concatenate([(1 - share) * chances, share * extra / extra.sum()])
        labels = Labels.join([labels, sources.extra.labels])
    if balance.class_weights:
        chances *= class_weights(labels, chances)
    return class_frequencies(labels, chances)


def _calibrate(
    classifier: Classifier,
    sources: Sources,
    config: ClassifierTraining,
    priors: NDArray[np.float64],
) -> FittedCalibration | None:
    """Fit the calibration on the validation images whose label is one class, if there are any."""
    truth = find_ground_truth(sources.validation.labels, classifier.class_names)
    if truth.by_sets or not truth.evaluated.any():
        logger.warning("No validation image has a label of one class: nothing is calibrated")
        return None
    chosen = sources.validation.select(truth.evaluated)
    predicted = classifier.predict(chosen.crops(config.input_size, config.crop_margin))
    return fit_calibration(predicted, truth.class_ids, priors)


def _recorded_config(bundle: Bundle, config: ClassifierTraining) -> ClassifierTraining:
    manifest = bundle.manifest
    if manifest.task != "classifier":
        raise BundleError(f"{bundle.path}: is a {manifest.task}, not a classifier")
    try:
        return ClassifierTraining.model_validate(manifest.training | {"data": config.data})
    except ValidationError as error:
        raise BundleError(
            f"{bundle.path}: has no record of its training that this version of galpipe can read"
        ) from error

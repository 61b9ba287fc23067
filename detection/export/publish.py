"""Publish a trained network as a bundle: export, calibration, evaluation, model card."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...configs import DetectorTraining
from ...errors import require
from ...metrics.curves import PrecisionRecall
from ...metrics.learning_curves import LEARNING_CURVES_NAME, plot_learning_curves
from ...metrics.plots import DetectorCurve, plot_reliability
from ...metrics.records import read_detector_record
from ...models import DetectorHead, Manifest, Member, ScoreCalibration, read_bundle, write_bundle
from ...models.bundle import CARD_NAME, METRICS_NAME
from ...models.training_history import read_history
from ...models.training_images import TRAINING_IMAGES_NAME
from ...progress import Progress, phase, silent, within
from ..detector import Detector
from ..measure import search_by_kind
from ..refinement.fit import fit_refinement
from ..training.architectures import INPUT_SCALING
from ..training.dataset import TrainingSource, recorded_training
from .calibration import calibrated, calibration_errors, fit_calibration
from .card import describe_data, model_card, record_images, versions
from .litert_export import export_litert
from .parity import DetectorParity, QuantizationLoss, measure_parity, parity_tiles
from .windows import any_windows

__all__ = ["measure_bundle", "publish", "recalibrate"]

logger = logging.getLogger("galpipe")

_MODEL_FILE = "model.tflite"
_REFINEMENT_FILE = "refinement.json"
_OLD_REFINEMENT_FILE = "second_look.json"
_PICTURE_FILE = "reliability.png"
_UNMEASURED_THRESHOLD = 0.5
_THRESHOLDS = np.arange(0.05, 0.96, 0.01)


def publish(
    model: Any,
    config: DetectorTraining,
    sources: Sequence[TrainingSource],
    folder: Path,
    earlier: Sequence[Mapping[str, Any]] = (),
    progress: Progress = silent,
) -> Path:
    """Export, calibrate and evaluate a trained network, and write its bundle.

    Differences between the detections of the exported and the trained network are logged as a
    warning and noted in the model card.

    Parameters
    ----------
    model : RetinaNetModel
    config : DetectorTraining
    sources : sequence of TrainingSource
        Scores are calibrated and the threshold is chosen on the validation images; metrics are
        computed on the test images.
    folder : Path
        Folder of the bundle, within that of the training.
    earlier : sequence of mapping
        Lengths after which the training was ended and continued; see `earlier_lengths`.
    progress : Progress
        Receives the steps.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    OutputError
        If the bundle cannot be written.
    """
    per_cell = config.anchors.per_cell
    with phase("export", progress):
        exported = export_litert(model, config.input_size, per_cell)
        content, step = any_windows(exported, config.anchors)
        images = record_images(sources)
    classes = config.class_map
    manifest = Manifest(
        name=config.name,
        task="detector",
        class_names=classes.class_names,
        label_map=classes.names if classes.changes else None,
        input_size=config.input_size,
        members=(Member(name=config.architecture, file=_MODEL_FILE, scaling=INPUT_SCALING),),
        head=DetectorHead(
            anchors=config.anchors, score_threshold=_UNMEASURED_THRESHOLD, window_step=step
        ),
        pixel_scale_range=_pixel_scale_range(config),
        training=_portable(config),
        data=describe_data(sources),
        versions=versions(),
    )
    files = {_MODEL_FILE: content, TRAINING_IMAGES_NAME: images}
    if history := read_history(folder.parent):
        files[LEARNING_CURVES_NAME] = plot_learning_curves({config.name: history})
    bundle = read_bundle(write_bundle(folder, manifest, files, "", {}))
    detector = _complete(Detector(bundle), config, sources, progress)
    tiles = parity_tiles(sources, config.input_size)
    with phase("check of the exported network", progress):
        parity = measure_parity(model, detector, tiles, per_cell)
    if not parity.holds:
        logger.warning("%s: %s", folder, parity)
    return _measure(detector, config, sources, progress, parity, earlier=earlier)


def recalibrate(folder: Path, config: DetectorTraining, progress: Progress = silent) -> Path:
    """Refit the refinement and calibration of a detector, and evaluate it again.

    Replaces the refinement, calibration, score threshold, metrics, reliability plot and model card
    of the bundle; the network is unchanged.

    Parameters
    ----------
    folder : Path
        The bundle.
    config : DetectorTraining
        Paths of the images and annotations; everything else is read from the bundle.
    progress : Progress
        Receives the steps.

    Returns
    -------
    Path
        The bundle.

    Raises
    ------
    BundleError
        If the bundle is not a detector, altered, or without a record of its training.
    InputError
        If the images cannot be read, or their split differs from that of the training.
    OutputError
        If the bundle cannot be written.
    MissingExtraError
        If the training packages are not installed.
    """
    require("pycocotools", "train")
    require("matplotlib", "train")
    training, sources = recorded_training(read_bundle(folder), config)
    return measure_bundle(folder, training, sources, progress)


def measure_bundle(
    folder: Path,
    config: DetectorTraining,
    sources: Sequence[TrainingSource],
    progress: Progress = silent,
    *,
    fitted: bool = False,
) -> Path:
    """Fit the refinement and calibration of a bundle, evaluate it, and update the bundle.

    The refinement is trained on the training images.  Scores are calibrated on the validation
    images, and the threshold maximizes F1 there, averaged over kinds so that few frames count as
    much as many cutouts.

    Parameters
    ----------
    folder : Path
        The bundle.
    config : DetectorTraining
        Configuration of its training.
    sources : sequence of TrainingSource
        Training data.
    progress : Progress
        Receives the steps.
    fitted : bool
        Whether its refinement, calibration and threshold fit, so that it is evaluated only.

    Returns
    -------
    Path
        The bundle.
    """
    bundle = read_bundle(folder)
    if fitted:
        detector = Detector(bundle)
    else:
        plain = _with_head(bundle.manifest, calibration=ScoreCalibration(), refinement=None)
        detector = _complete(Detector(replace(bundle, manifest=plain)), config, sources, progress)
    known = read_detector_record(bundle)
    return _measure(
        detector,
        config,
        sources,
        progress,
        DetectorParity(**known.litert_parity) if known.litert_parity else None,
        QuantizationLoss.from_json(known.quantized) if known.quantized else None,
        bundle.metrics().get("continued_from", ()),
    )


def _complete(
    plain: Detector,
    config: DetectorTraining,
    sources: Sequence[TrainingSource],
    progress: Progress,
) -> Detector:
    """Fit the refinement, calibration and threshold of a detector."""
    found = search_by_kind(plain, sources, "validation", progress)
    refinement, validation = fit_refinement(plain, sources, found, config.seed, progress)
    with phase("calibration", progress):
        by_kind = [searched.metrics.matches for searched in validation.values()]
        calibration = fit_calibration(by_kind)
    curves = [PrecisionRecall.of(calibrated(matches, calibration)) for matches in by_kind]
    manifest = _with_head(
        plain.bundle.manifest, calibration=calibration, score_threshold=_best_threshold(curves)
    )
    detector = Detector(replace(plain.bundle, manifest=manifest))
    detector.refinement = refinement and replace(refinement, slope=calibration.slope)
    return detector


def _with_head(manifest: Manifest, **changes: Any) -> Manifest:
    if manifest.head is None:
        return manifest
    return manifest.model_copy(update={"head": manifest.head.model_copy(update=changes)})


def _best_threshold(curves: Sequence[PrecisionRecall]) -> float:
    if not curves:
        return _UNMEASURED_THRESHOLD
    f1 = [np.mean([curve.f1(threshold) for curve in curves]) for threshold in _THRESHOLDS]
    return round(float(_THRESHOLDS[int(np.argmax(f1))]), 2)


def _measure(
    detector: Detector,
    config: DetectorTraining,
    sources: Sequence[TrainingSource],
    progress: Progress,
    parity: DetectorParity | None,
    quantization: QuantizationLoss | None = None,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Evaluate a detector on the held-out images and write its bundle with the metrics."""
    shown = within(progress, "measurement")
    tested = search_by_kind(detector, sources, "test", shown)
    measured = {kind: searched.metrics for kind, searched in tested.items()}
    several = len(detector.class_names) > 1
    head = detector.head
    metrics: dict[str, Any] = {"continued_from": list(earlier)} if earlier else {}
    metrics |= {
        "score_threshold": head.score_threshold,
        "calibration": head.calibration.model_dump(),
    }
    if parity is not None:
        metrics["litert_parity"] = parity.to_json()
    if quantization is not None:
        metrics["quantised"] = quantization.to_json(measured)
    metrics["held_back"] = {
        kind: result.to_json()
        | result.at(head.score_threshold).to_json()
        | calibration_errors(result.matches, head.calibration)
        | ({"class_agnostic": tested[kind].class_agnostic.to_json()} if several else {})
        for kind, result in measured.items()
    }
    curves = [DetectorCurve(*figures, head.score_threshold) for figures in measured.items()]
    bundle = detector.bundle
    replaced = (CARD_NAME, METRICS_NAME, _PICTURE_FILE, _REFINEMENT_FILE, _OLD_REFINEMENT_FILE)
    files = {name: bundle.read(name) for name in bundle.manifest.files if name not in replaced}
    files[_PICTURE_FILE] = plot_reliability(curves)
    if detector.refinement is not None:
        files[_REFINEMENT_FILE] = detector.refinement.to_bytes()
        head = head.model_copy(update={"refinement": _REFINEMENT_FILE})
    manifest = bundle.manifest.model_copy(update={"head": head})
    learnt = LEARNING_CURVES_NAME if LEARNING_CURVES_NAME in files else None
    card = model_card(
        config, sources, measured, head, parity, quantization, _PICTURE_FILE, earlier, learnt
    )
    return write_bundle(bundle.path, manifest, files, card, metrics)


def _portable(config: DetectorTraining) -> dict[str, Any]:
    """Return the configuration with shortened, machine-independent paths."""
    settings = config.model_dump(mode="json")
    for source in settings["data"]:
        for name in ("images", "annotations"):
            source[name] = "/".join(Path(source[name]).parts[-2:])
    for name in ("backbone_weights", "start_from"):
        settings[name] = settings[name] and Path(settings[name]).name
    return settings


def _pixel_scale_range(config: DetectorTraining) -> tuple[float, float] | None:
    known = [data.pixel_scale for data in config.data if data.pixel_scale is not None]
    if not known:
        return None
    smallest, largest = config.scale_range
    return round(min(known) / largest, 3), round(max(known) / smallest, 3)

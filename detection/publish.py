"""From a trained network to a bundle: export, calibration, measurement, card."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..configs import DetectorTraining
from ..models import (
    Bundle,
    Detector,
    DetectorHead,
    Manifest,
    Member,
    ScoreCalibration,
    read_bundle,
    write_bundle,
)
from ..models.bundle import CARD_NAME, METRICS_NAME
from .calibration import calibrated, calibration_errors, fit_calibration
from .card import describe_data, model_card, versions
from .curve_pictures import MeasuredCurve, reliability_picture
from .curves import PrecisionRecall
from .dataset import Source
from .export import export_litert
from .measure import Searched, search_by_role
from .parity import Parity, measure_parity, parity_tiles
from .quantisation import Quantisation
from .tighten import find_second_look
from .zoo import INPUT_SCALING

__all__ = ["measure_bundle", "publish"]

logger = logging.getLogger("galpipe")

_MODEL_FILE = "model.tflite"
_SECOND_LOOK_FILE = "second_look.json"
_PICTURE_FILE = "reliability.png"
_UNMEASURED_THRESHOLD = 0.5
_THRESHOLDS = np.arange(0.05, 0.96, 0.01)


def publish(model: Any, config: DetectorTraining, sources: Sequence[Source], folder: Path) -> Path:
    """Write the bundle of a trained network, calibrated and measured.

    Where the exported network finds other boxes than the trained one, a warning is logged and the
    card says so.

    Parameters
    ----------
    model : RetinaNetModel
    config : DetectorTraining
    sources : sequence of Source
        The scores are calibrated and their threshold is chosen on the validation images, the
        figures are of the test images.
    folder : Path
        The bundle.

    Raises
    ------
    OutputError
        If the bundle cannot be written.
    """
    per_cell = config.anchors.num_scales * len(config.anchors.aspect_ratios)
    manifest = Manifest(
        name=config.name,
        task="detector",
        class_names=config.class_names,
        input_size=config.input_size,
        members=(Member(name=config.architecture, file=_MODEL_FILE, scaling=INPUT_SCALING),),
        head=DetectorHead(anchors=config.anchors, score_threshold=_UNMEASURED_THRESHOLD),
        pixel_scale_range=_pixel_scale_range(config),
        training=_portable(config),
        data=describe_data(sources),
        versions=versions(),
    )
    files = {_MODEL_FILE: export_litert(model, config.input_size, per_cell)}
    detector = Detector(read_bundle(write_bundle(folder, manifest, files, "", {})))
    validation = search_by_role(detector, sources, "validation")
    look = find_second_look(detector, sources, validation, config.seed)
    if look is not None:
        validation = {role: searched.tightened(look) for role, searched in validation.items()}
        files[_SECOND_LOOK_FILE] = look.to_bytes()
        manifest = _with_head(manifest, second_look=_SECOND_LOOK_FILE)
        detector = Detector(read_bundle(write_bundle(folder, manifest, files, "", {})))
    detector = _calibrated(detector, validation)
    tiles = parity_tiles(sources, config.input_size)
    parity = measure_parity(model, detector, tiles, per_cell)
    if not parity.holds:
        logger.warning("%s: %s", folder, parity)
    return _measure(detector, config, sources, parity)


def measure_bundle(folder: Path, config: DetectorTraining, sources: Sequence[Source]) -> Path:
    """Calibrate the scores of a bundle, choose their threshold, measure it, and write all into it.

    The threshold is the one with the best F1, averaged over the kinds of validation images, so
    that the many cutouts do not outvote the few frames.

    Parameters
    ----------
    folder : Path
        The bundle.
    config : DetectorTraining
        Of the training that made it.
    sources : sequence of Source
        The images of that training.

    Returns
    -------
    Path
        The bundle.
    """
    bundle = read_bundle(folder)
    plain = _of_manifest(bundle, _with_head(bundle.manifest, calibration=ScoreCalibration()))
    detector = _calibrated(plain, search_by_role(plain, sources, "validation"))
    known = bundle.metrics()
    parity, quantisation = known.get("litert_parity"), known.get("quantised")
    return _measure(
        detector,
        config,
        sources,
        parity and Parity(**parity),
        quantisation and Quantisation.from_json(quantisation),
    )


def _calibrated(plain: Detector, validation: Mapping[str, Searched]) -> Detector:
    """Return a detector with the calibration and the threshold that suit what it found so far."""
    kinds = [searched.metrics.matches for searched in validation.values()]
    calibration = fit_calibration(kinds)
    curves = [PrecisionRecall.of(calibrated(matches, calibration)) for matches in kinds]
    manifest = _with_head(
        plain.bundle.manifest, calibration=calibration, score_threshold=_best_threshold(curves)
    )
    return _of_manifest(plain.bundle, manifest)


def _with_head(manifest: Manifest, **changes: Any) -> Manifest:
    if manifest.head is None:
        return manifest
    return manifest.model_copy(update={"head": manifest.head.model_copy(update=changes)})


def _of_manifest(bundle: Bundle, manifest: Manifest) -> Detector:
    return Detector(replace(bundle, manifest=manifest))


def _best_threshold(curves: Sequence[PrecisionRecall]) -> float:
    if not curves:
        return _UNMEASURED_THRESHOLD
    f1 = [np.mean([curve.f1(threshold) for curve in curves]) for threshold in _THRESHOLDS]
    return round(float(_THRESHOLDS[int(np.argmax(f1))]), 2)


def _measure(
    detector: Detector,
    config: DetectorTraining,
    sources: Sequence[Source],
    parity: Parity | None = None,
    quantisation: Quantisation | None = None,
) -> Path:
    """Measure a detector on the images held back and write its bundle with the figures."""
    measured = {
        role: searched.metrics
        for role, searched in search_by_role(detector, sources, "test").items()
    }
    head = detector.head
    metrics: dict[str, Any] = {
        "score_threshold": head.score_threshold,
        "calibration": head.calibration.model_dump(),
    }
    if parity is not None:
        metrics["litert_parity"] = parity.to_json()
    if quantisation is not None:
        metrics["quantised"] = quantisation.to_json(measured)
    metrics["held_back"] = {
        role: result.to_json()
        | result.at(head.score_threshold).to_json()
        | calibration_errors(result.matches, head.calibration)
        for role, result in measured.items()
    }
    curves = [MeasuredCurve(*figures, head.score_threshold) for figures in measured.items()]
    bundle = detector.bundle
    written = (CARD_NAME, METRICS_NAME, _PICTURE_FILE)
    files = {name: bundle.read(name) for name in bundle.manifest.files if name not in written}
    files[_PICTURE_FILE] = reliability_picture(curves)
    card = model_card(config, sources, measured, head, parity, quantisation, _PICTURE_FILE)
    return write_bundle(bundle.path, bundle.manifest, files, card, metrics)


def _portable(config: DetectorTraining) -> dict[str, Any]:
    """Return the settings without the folders of the machine that they were used on."""
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

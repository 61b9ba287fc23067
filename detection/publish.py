"""From a trained network to a bundle: export, choice of the score threshold, measurement, card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..configs import DetectorTraining
from ..models import (
    Detector,
    DetectorHead,
    Manifest,
    Member,
    read_bundle,
    write_bundle,
)
from .card import describe_data, model_card, versions
from .curves import PrecisionRecall
from .dataset import Source
from .export import export_litert, largest_score_difference
from .measure import images_by_role, measure_images
from .views import view
from .zoo import INPUT_SCALING

__all__ = ["measure_bundle", "publish"]

_MODEL_FILE = "model.tflite"
# What the network and its LiteRT file may differ by: the price of 16-bit weights.
_LARGEST_DIFFERENCE = 0.01
_PARITY_TILES = 16
_UNMEASURED_THRESHOLD = 0.5
_THRESHOLDS = np.arange(0.05, 0.96, 0.01)


def publish(model: Any, config: DetectorTraining, sources: Sequence[Source], folder: Path) -> Path:
    """Write the bundle of a trained network, measured.

    Parameters
    ----------
    model : RetinaNetModel
    config : DetectorTraining
    sources : sequence of Source
        The score threshold is chosen on their validation images, the figures are of their test
        images.
    folder : Path
        The bundle.

    Raises
    ------
    RuntimeError
        If the exported file does not compute what the network does.
    OutputError
        If the bundle cannot be written.
    """
    per_cell = config.anchors.num_scales * len(config.anchors.aspect_ratios)
    content = export_litert(model, config.input_size, per_cell)
    parity = largest_score_difference(model, content, _tiles(config, sources), per_cell)
    if parity > _LARGEST_DIFFERENCE:
        raise RuntimeError(
            f"the exported network's scores differ by {parity:.4f} from the trained one's"
        )
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
    write_bundle(folder, manifest, {_MODEL_FILE: content}, "", {"litert_difference": parity})
    return measure_bundle(folder, config, sources)


def measure_bundle(folder: Path, config: DetectorTraining, sources: Sequence[Source]) -> Path:
    """Choose the score threshold of a bundle, measure it, and write both into it.

    The threshold is the one with the best F1, averaged over the kinds of validation images, so
    that the many cutouts do not outvote the few frames.
    """
    bundle = read_bundle(folder)
    detector = Detector(bundle)
    threshold = _best_threshold(
        [
            measure_images(detector, images).curve
            for images in images_by_role(sources, "validation").values()
        ]
    )
    measured = {
        role: measure_images(detector, images)
        for role, images in images_by_role(sources, "test").items()
    }
    parity = bundle.metrics()["litert_difference"]
    metrics: dict[str, Any] = {"score_threshold": threshold, "litert_difference": round(parity, 5)}
    for role, result in measured.items():
        metrics[role] = result.to_json() | result.at(threshold).to_json()
    head = DetectorHead(anchors=config.anchors, score_threshold=threshold)
    manifest = bundle.manifest.model_copy(update={"head": head})
    card = model_card(config, sources, measured, threshold, parity)
    return write_bundle(folder, manifest, {_MODEL_FILE: bundle.read(_MODEL_FILE)}, card, metrics)


def _best_threshold(curves: Sequence[PrecisionRecall]) -> float:
    if not curves:
        return _UNMEASURED_THRESHOLD
    f1 = [np.mean([curve.f1(threshold) for curve in curves]) for threshold in _THRESHOLDS]
    return round(float(_THRESHOLDS[int(np.argmax(f1))]), 2)


def _tiles(config: DetectorTraining, sources: Sequence[Source]) -> Any:
    """Return views of real images, some of each source, on which the export is checked."""
    size = config.input_size
    tiles = []
    for source in sources:
        images = source.validation or source.train
        for image in images[: _PARITY_TILES // len(sources) + 1]:
            side = min(image.rgb.shape[:2])
            tiles.append(view(image, (0, 0), (side, side), (size, size)).image)
    return np.stack(tiles)


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

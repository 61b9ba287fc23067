"""Model card of a detector, and record of its training data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path, PurePath
from typing import Any

from ..._version import __version__
from ...configs import ARCHITECTURES, DetectorTraining
from ...datasets.near_duplicates import sketch
from ...metrics.curves import Reliability, reliability
from ...metrics.detector_metrics import DetectionMetrics
from ...models import DetectorHead
from ...models.manifest import DataSource, TrainingData
from ...models.training_images import RecordedImage, format_images
from ..training.dataset import TrainingSource
from ..training.training_tiles import TrainingImage
from .parity import DetectorParity, QuantizationLoss

__all__ = ["describe_data", "model_card", "record_images", "versions"]

_TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
_SMALLEST_OBJECT = 12.0
"""Side in pixels below which objects are ignored in training tiles."""

_PACKAGES = ("tensorflow", "tf-keras", "tf-models-official", "numpy", "opencv-python-headless")


def versions() -> dict[str, str]:
    """Return the versions of galpipe and of the training packages."""
    return {"galpipe": __version__, **{name: version(name) for name in _PACKAGES}}


def describe_data(sources: Sequence[TrainingSource]) -> TrainingData:
    """Record the counts, checksum and split of each source.

    Parameters
    ----------
    sources : sequence of TrainingSource
    """
    return TrainingData(
        sources=tuple(
            DataSource(
                kind=source.data.kind,
                images=len(source.images),
                objects=source.objects,
                difficult=sum(int(image.difficult.sum()) for image in source.images),
                sha256=_checksum(source.images),
                split=source.split,
            )
            for source in sources
        )
    )


def record_images(sources: Sequence[TrainingSource]) -> bytes:
    """Return the record of the images of a training, for `TRAINING_IMAGES_NAME` in its bundle.

    Parameters
    ----------
    sources : sequence of TrainingSource
    """
    return format_images(
        RecordedImage(part, image.name, image.sha256, sketch(image.rgb))
        for source in sources
        for part in ("train", "validation", "test")
        for image in getattr(source, part)
    )


def _checksum(images: Sequence[TrainingImage]) -> str:
    digest = hashlib.sha256()
    for image in sorted(images, key=lambda image: image.name):
        digest.update(image.name.encode())
        for array in (image.rgb, image.boxes, image.class_ids, image.difficult):
            digest.update(array.tobytes())
    return digest.hexdigest()


def model_card(
    config: DetectorTraining,
    sources: Sequence[TrainingSource],
    measured: Mapping[str, DetectionMetrics],
    head: DetectorHead,
    parity: DetectorParity | None,
    quantization: QuantizationLoss | None,
    picture: str,
    earlier: Sequence[Mapping[str, Any]] = (),
    curves: str | None = None,
) -> str:
    """Return the model card in Markdown: network, data, measurements and limits.

    Parameters
    ----------
    config : DetectorTraining
    sources : sequence of TrainingSource
    measured : mapping of str to DetectionMetrics
        Metrics on the held-out images, by kind.
    head : DetectorHead
        Calibration and score threshold.
    parity : DetectorParity or None
        Agreement of the exported network with the trained one; None if unknown.
    quantization : QuantizationLoss or None
        Loss of precision by quantization; None for a float network.
    picture : str
        File name of the reliability plot.
    earlier : sequence of mapping
        Lengths after which the training was ended and continued; see `earlier_lengths`.
    curves : str or None
        File name of the learning curves, if any.

    Returns
    -------
    str
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        config=config,
        architecture=ARCHITECTURES[config.architecture].title,
        weights=_initial_weights(config),
        sources=sources,
        measured=measured,
        head=head,
        parity=parity,
        quantization=quantization,
        picture=picture,
        earlier=earlier,
        curves=curves,
        reliabilities={kind: _reliability(metrics) for kind, metrics in measured.items()},
        smallest=max(_SMALLEST_OBJECT, min(data.smallest for data in config.data)),
    )


def _initial_weights(config: DetectorTraining) -> str:
    if config.start_from is not None:
        return f"the {', '.join(config.start_parts)} of {PurePath(config.start_from).name}"
    known = {"imagenet": "Keras's ImageNet weights", "none": "random weights"}
    return known.get(
        str(config.backbone_weights), "the backbone weights given by file (ImageNet by default)"
    )


def _reliability(metrics: DetectionMetrics) -> dict[str, Any]:
    """Return the rows of the reliability table, and the calibration error."""
    result = reliability(metrics.matches)
    separator = ["---"] * len(Reliability.COLUMNS)
    return {"rows": [Reliability.COLUMNS, separator, *result.rows()], "error": result.error}

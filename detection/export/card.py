"""Model card of a detector, and record of its training data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import PurePath

from ..._version import __version__
from ...configs import ARCHITECTURES, DetectorTraining
from ...metrics.curves import Reliability, reliability
from ...metrics.detector_metrics import DetectionMetrics
from ...models import DetectorHead
from ...models.manifest import DataSource, TrainingData
from ..training.dataset import TrainingSource
from ..training.training_tiles import TrainingImage
from .parity import DetectorParity, QuantizationLoss

__all__ = ["describe_data", "model_card", "versions"]

_PACKAGES = ("tensorflow", "tf-keras", "tf-models-official", "numpy", "opencv-python-headless")


def versions() -> dict[str, str]:
    """Return the versions of galpipe and of the packages of training."""
    return {"galpipe": __version__, **{name: version(name) for name in _PACKAGES}}


def describe_data(sources: Sequence[TrainingSource]) -> TrainingData:
    """Return the counts, the checksum and the split of each source."""
    described = []
    for source in sources:
        images = [*source.train, *source.validation, *source.test]
        difficult = sum(int(image.difficult.sum()) for image in images)
        described.append(
            DataSource(
                role=source.data.role,
                images=len(images),
                objects=sum(len(image.boxes) for image in images) - difficult,
                difficult=difficult,
                sha256=_checksum(images),
                split=source.split,
            )
        )
    return TrainingData(sources=tuple(described))


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
) -> str:
    """Return the model card in Markdown: network, data, measurements and limits.

    Parameters
    ----------
    config : DetectorTraining
    sources : sequence of TrainingSource
    measured : mapping of str to DetectionMetrics
        By the role of the held-back images.
    head : DetectorHead
        With the calibration and the score threshold.
    parity : DetectorParity or None
        How far the exported network is from the trained one; None if that is not known.
    quantization : QuantizationLoss or None
        How the network came into integers; None if it is in floating point.
    picture : str
        Name of the file of the reliability plot.
    """
    slope, intercept = head.calibration.slope, head.calibration.intercept
    weights = {
        "imagenet": "Keras's ImageNet weights",
        "none": "random weights",
    }.get(str(config.backbone_weights), "the backbone weights given by file (ImageNet by default)")
    if config.start_from is not None:
        weights = f"the {', '.join(config.start_parts)} of {PurePath(config.start_from).name}"
    parts = [
        f"# {config.name}",
        f"Finds {', '.join(config.class_names)} in RGB images of {config.input_size} x "
        f"{config.input_size} pixels; galpipe searches a field of any size with it, tile by tile "
        "and at 1/2, 1/4 ... of its scale.",
        "## Network",
        f"{ARCHITECTURES[config.architecture].title}, trained as the RetinaNet task of TF-Vision "
        f"(tf-models-official) from {weights}: {config.steps} steps of {config.batch_size} tiles, "
        f"focal and Huber loss, {_kept(config)}. The file `model.tflite` holds the heads alone, "
        f"{_numbers(quantization)}.",
        *_quantization_lines(quantization, measured),
        *_refinement_lines(head),
        *_parity_lines(parity),
        "## Data",
        "\n".join(_source_line(source) for source in sources),
        "Divided by galaxy: no copy of a held-back image is among the others. "
        "The file names of each part are in `galpipe-model.json`. Boxes marked `difficult` "
        "neither train nor count. Training tiles are cut from the images at many scales, turned, "
        "mirrored and varied in stretch, colour and noise; objects of cutouts are also shrunk and "
        "pasted onto fields, where their isophote is their box.",
        "## Measured",
        "The bundle itself, searching the whole held-back images as `galpipe detect` does. "
        f"The score threshold {head.score_threshold:.2f} gives the best F1 on the validation "
        "images, averaged over their kinds.",
        *[
            f"### {role}\n\n{metrics.to_markdown()}\n"
            "At the score threshold: precision {:.3f}, recall {:.3f}.".format(
                *metrics.curve.at(head.score_threshold)
            )
            for role, metrics in measured.items()
        ],
        "## Scores",
        "A score is the probability that a box overlaps an object by an IoU of 0.5 or more. The "
        "logit x that network and refinement give becomes it by "
        f"1 / (1 + exp(-({slope:.4g} x {intercept:+.4g}))), fitted "
        "to the validation images, each kind of the same weight. On the images held back:",
        f"![Score against the share of true boxes]({picture})",
        *[_reliability_part(role, metrics) for role, metrics in measured.items()],
        "## Limits",
        f"Trained on objects of {_smallest(config):.0f} pixels and more of the images above, and "
        "on their look: on other surveys and stretches look at the overlays first. Near the "
        "smallest size galaxies and stars cannot be told apart with certainty.",
        "## Train it again",
        "With the data in place, and the settings of `galpipe-model.json` under `training`:",
        "```\ngalpipe train detector --config FILE -o OUT\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _kept(config: DetectorTraining) -> str:
    if config.validate_every is None:
        return "the running mean of the last weights kept"
    return "the running mean of the weights kept where it was best on validation images"


def _numbers(quantization: QuantizationLoss | None) -> str:
    return "its large weights in 16 bits" if quantization is None else "in integers of 8 bits"


def _quantization_lines(
    quantization: QuantizationLoss | None, measured: Mapping[str, DetectionMetrics]
) -> list[str]:
    if quantization is None:
        return []
    lines = [
        "| images held back | mAP@0.5, floating point | integers | AP@[.5:.95], floating point "
        "| integers |",
        "|---|---|---|---|---|",
    ]
    for role, before in quantization.float_network.items():
        if role in measured:
            after = measured[role]
            figures = (before["map50"], after.map50, before["ap"], after.ap)
            lines.append(f"| {role} | {' | '.join(f'{value:.3f}' for value in figures)} |")
    return [
        "Weights, activations, input and outputs are integers, for processors that have no "
        "floating point. TensorFlow Lite made them from the trained network, without training it "
        f"again, the range of each activation being that on {quantization.tiles} tiles of training "
        "images. Before and after:",
        "\n".join(lines),
    ]


def _refinement_lines(head: DetectorHead) -> list[str]:
    if head.refinement is None:
        return []
    return [
        f"A refinement (`{head.refinement}`) adjusts the boxes. Of the isophotes of the "
        "smoothed grey picture about a box, at ten levels of the noise, a network of some 1,300 "
        "weights chooses each edge; another, of 1,000, weighs the score by how the light in the "
        "box is spread, at most by a factor of 20 in the odds, for a star, a pair and a piece of a "
        "galaxy each look unlike a galaxy. They have learned from what the detector finds on its "
        "own training images; what of them made the validation images better is kept."
    ]


def _parity_lines(parity: DetectorParity | None) -> list[str]:
    if parity is None:
        return []
    text = str(parity)
    text = f"{text[0].upper()}{text[1:]}."
    return [text if parity.holds else f"**Warning: the file is not the trained network.** {text}"]


def _reliability_part(role: str, metrics: DetectionMetrics) -> str:
    judged = reliability(metrics.matches)
    lines = [Reliability.COLUMNS, ["---"] * len(Reliability.COLUMNS), *judged.rows()]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    error = "no boxes" if judged.error is None else f"{judged.error:.3f}"
    return f"### Scores of {role}\n\n{table}\n\nCalibration error, above 0.1: {error}."


def _source_line(source: TrainingSource) -> str:
    images = [*source.train, *source.validation, *source.test]
    objects = sum(int((~image.difficult).sum()) for image in images)
    return (
        f"- {source.data.role}: {len(images)} images with {objects} objects; "
        f"{len(source.train)} trained on, {len(source.validation)} for validation, "
        f"{len(source.test)} held back"
    )


def _smallest(config: DetectorTraining) -> float:
    return max(12.0, min(data.smallest for data in config.data))

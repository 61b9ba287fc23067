"""The model card of a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...configs import (
    AffineAugmentation,
    ClassifierMember,
    ClassifierTraining,
    CnnMember,
    KerasFileMember,
    Vgg16Member,
)
from ...metrics.classifier_metrics import comparison_table
from ...metrics.records import ENSEMBLE
from .dataset import class_names
from .export import Parity
from .measure import Measurement
from .pretrain import SMALL_SIZE
from .sources import Sources

__all__ = ["model_card"]

_PRESETS = {
    "galaxy10_cnn": ("configs/cnn.yaml -o OUT",),
    "galaxy10_ensemble": (
        "configs/vgg16_start.yaml -o vgg16_start",
        "configs/ensemble.yaml -o OUT",
    ),
}


def model_card(
    config: ClassifierTraining,
    sources: Sources,
    measured: Sequence[Measurement],
    parity: Mapping[str, Parity],
    weights: Mapping[str, float],
) -> str:
    """Return the card, Markdown: what the model is, its data, its measurements, its limits."""
    mean = " + ".join(f"{weight:g} x {name}" for name, weight in weights.items())
    found = " (weights found on the validation images)" if config.weights == "search" else ""
    parts = [
        f"# {config.name}",
        "Says what kind of galaxy the centre of a crop shows. "
        f"Input: RGB, {config.input_size} x {config.input_size}, the galaxy at the centre of a "
        f"square {config.crop_margin:g} times the longer side of its box. "
        f"Probabilities: {mean}{found}.",
        "## Networks",
        *[
            f"- **{name}**: {_network(member)}"
            for name, member in zip(weights, config.members, strict=True)
        ],
        "## Data",
        _data(config, sources),
        "## Measured",
        "The bundle itself, on galaxies that it was not trained on (divided by galaxy: no copy of "
        "a test image is among the training images of any source). Only images whose label leaves "
        "one class count; the means are over the classes that have images.",
        comparison_table({m.images.title: m.by_classifier for m in measured}).to_markdown(),
        *[_details(m) for m in measured if m.images.part != "validation"],
        "LiteRT file against the trained Keras network on "
        f"{next(iter(parity.values())).crops} crops:",
        "\n".join(
            f"- {name}: largest difference of a probability {p.largest_difference:.4f}, same class "
            f"for {100 * p.same_class:.1f} % of the crops"
            for name, p in parity.items()
        ),
        "## Train it again",
        "With the data in place, and the settings of `galpipe-model.json` under `training`:",
        "\n".join(
            [
                "```",
                *[
                    f"galpipe train classifier --config {rest}"
                    for rest in _PRESETS.get(config.name, ("FILE -o OUT",))
                ],
                "```",
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _network(member: ClassifierMember) -> str:
    if isinstance(member, CnnMember):
        return _cnn(member)
    if isinstance(member, KerasFileMember):
        return (
            f"from the file {member.path.name}, as it was; pictures of {member.input_size} pixels."
        )
    start = {
        "imagenet": "from ImageNet's weights",
        "none": "from random weights",
        "pretrain": (
            "not from ImageNet's weights but pre-trained on the galaxies of all training sources, "
            f"on views of {SMALL_SIZE} pixels, with batch normalisation, which was then folded "
            "into the convolutions"
        ),
    }.get(str(member.initial_weights), "from given weights")
    tuned = (
        "its convolutions as they start, the dense layers trained"
        if member.fine_tune_from == "top"
        else f"fine-tuned from {member.fine_tune_from} on"
    )
    return (
        f"VGG16 without its top, dense 64, softmax; {start}; {tuned}{_taught(member)}; "
        "weights as 8-bit integers."
    )


def _taught(member: CnnMember | Vgg16Member) -> str:
    if member.teacher is None:
        return ""
    return f"; taught by {member.teacher} on the images whose labels say less, or nothing"


def _cnn(member: CnnMember) -> str:
    kernels = "/".join(f"{side}x{side}" for side in member.kernel_sizes)
    norm = "batch normalisation, " if member.batch_norm else ""
    penalty = f"L1 {member.l1:g} and L2 {member.l2:g}, " if member.l1 or member.l2 else ""
    dropout = f"dropout {member.dropout:g}, " if member.dropout else ""
    return (
        f"{len(member.filters)} {kernels} convolutions of {', '.join(map(str, member.filters))}, "
        f"each with {norm}ReLU and 2x2 max pooling; {penalty}{dropout}dense {member.dense}, "
        f"softmax; from random weights{_taught(member)}."
    )


def _data(config: ClassifierTraining, sources: Sources) -> str:
    names = class_names(config)
    rows = [
        "| class | train | validation | test |",
        "|---|---|---|---|",
    ]
    parts = [part.labels for part in (sources.train, sources.validation, sources.test)]
    counts = [
        np.bincount(labels.class_ids[labels.single_class], minlength=len(names)) for labels in parts
    ]
    rows += [
        f"| {name} | " + " | ".join(str(count[i]) for count in counts) + " |"
        for i, name in enumerate(names)
    ]
    unsure = [int((~labels.single_class).sum()) for labels in parts]
    rows.append("| several possible | " + " | ".join(map(str, unsure)) + " |")
    text = (
        f"Trained with a loss over the set of classes that a label allows, on {len(sources.train)} "
        f"images of the main sources and {len(sources.extra)} whose labels say less. "
        f"{_views(config)}."
    )
    return text + "\n\n" + "\n".join(rows)


def _views(config: ClassifierTraining) -> str:
    how, balance = config.augmentation, config.balance
    if isinstance(how, AffineAugmentation):
        changes = [
            words
            for amount, words in (
                (how.rotation, f"turned by up to {how.rotation:g} degrees"),
                (
                    how.shift_x or how.shift_y,
                    f"shifted by up to {how.shift_x:g} and {how.shift_y:g} of width and height",
                ),
                (how.shear, f"sheared by up to {how.shear:g}"),
                (how.zoom, f"zoomed by up to {how.zoom:g}"),
                (how.symmetry == "mirror", "mirrored"),
                (how.symmetry == "square", "flipped and turned by quarters"),
                (how.noise, f"given noise of up to {how.noise:g} of the pixels' deviation"),
            )
            if amount
        ]
        said = ["Views are the crops of a run, " + (", ".join(changes) or "unchanged")]
    else:
        said = [
            "Views are turned, mirrored, scaled, shifted, recoloured, blurred and made noisy at "
            "random"
        ]
    if balance.evenness:
        said.append("rare classes are drawn more often")
    if balance.frequencies == "data":
        said.append("the probabilities are those of classes as frequent as in the data")
    if balance.class_weights:
        said.append("rare classes weigh more in the loss")
    if config.label_smoothing:
        said.append(f"labels are smoothed by {config.label_smoothing:g}")
    if config.mixup:
        said.append(f"views are blended in pairs (mixup, alpha {config.mixup:g})")
    return "; ".join(said)


def _details(measured: Measurement) -> str:
    name = ENSEMBLE if ENSEMBLE in measured.by_classifier else next(iter(measured.by_classifier))
    metrics = measured.by_classifier[name].to_markdown().strip()
    return f"### {measured.images.title}: {name}\n\n{metrics}"

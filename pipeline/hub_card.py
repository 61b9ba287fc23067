"""Model cards in the format of the Hugging Face Hub."""

from __future__ import annotations

from ..errors import require
from ..metrics.records import read_classifier_records, read_detector_record
from ..models import Bundle
from ..models.bundle import CARD_NAME

__all__ = ["hub_card"]

_TASKS = {
    "detector": ("object-detection", "Object Detection"),
    "classifier": ("image-classification", "Image Classification"),
}


def hub_card(bundle: Bundle, address: str, licence: str | None = None) -> str:
    """Return the card of a bundle with the metadata that the Hub reads: licence, tags, metrics.

    Parameters
    ----------
    bundle : Bundle
    address : str
        Address of the model on the Hub, for the command that fetches it.
    licence : str, optional
        Identifier of its licence on the Hub, such as ``cc-by-4.0``.

    Raises
    ------
    BundleError
        If the metrics or the card cannot be read.
    MissingExtraError
        If ``huggingface_hub`` is not installed.
    """
    hub = require("huggingface_hub", "hub")
    manifest = bundle.manifest
    tag, _ = _TASKS[manifest.task]
    results = [
        hub.EvalResult(
            task_type=tag,
            dataset_type="galaxies",
            dataset_name=images,
            dataset_split="test",
            metric_type=metric,
            metric_name=name,
            metric_value=round(value, 4),
        )
        for images, metric, name, value in _measures(bundle)
    ]
    data = hub.ModelCardData(
        license=licence,
        library_name="galpipe",
        pipeline_tag=tag,
        tags=["galpipe", "astronomy", "galaxies", "litert"],
        model_name=manifest.name,
        eval_results=results or None,
    )
    card = bundle.read(CARD_NAME).decode("utf-8", "replace") if CARD_NAME in manifest.files else ""
    use = f"## Use\n\n```\ngalpipe models pull {address} -o {manifest.name}\n```\n"
    return f"---\n{data.to_yaml()}\n---\n\n{card.rstrip()}\n\n{use}"


def _measures(bundle: Bundle) -> list[tuple[str, str, str, float]]:
    """Return set of images, kind, name and value of the measures on held-out images."""
    if bundle.manifest.task == "detector":
        return [
            (kind, metric, name, value)
            for kind, found in read_detector_record(bundle).held_out.items()
            for metric, name, value in (
                ("map", "mAP@0.5", found.map50),
                ("map", "AP@[.5:.95]", found.ap),
            )
        ]
    measures = []
    for record in read_classifier_records(bundle):
        # The ensemble comes last; of a single network, it is the network.
        found = list(record.metrics.values())[-1]
        measures.append((record.images.title, "accuracy", "accuracy", found.accuracy))
        if found.macro_f1 is not None:
            measures.append((record.images.title, "f1", "mean F1", found.macro_f1))
    return measures

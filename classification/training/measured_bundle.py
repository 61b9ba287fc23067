"""Add the card and the metrics to the bundle of a trained classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...metrics.learning_curves import LEARNING_CURVES_NAME
from ...models import Bundle, Manifest, write_bundle
from ...models.bundle import CARD_NAME, METRICS_NAME
from .export import LiteRTAgreement

__all__ = ["learning_curves_of", "write_measured_bundle"]


def learning_curves_of(bundle: Bundle) -> str | None:
    """Return the file name of the picture of the learning curves, if the bundle has it.

    Parameters
    ----------
    bundle : Bundle
        The bundle.
    """
    return LEARNING_CURVES_NAME if LEARNING_CURVES_NAME in bundle.manifest.files else None


def write_measured_bundle(
    bundle: Bundle,
    manifest: Manifest,
    card: str,
    metrics: Mapping[str, Any],
    agreement: Mapping[str, LiteRTAgreement],
    earlier: Sequence[Mapping[str, Any]],
) -> Path:
    """Write a bundle again with its card and metrics; its other files are kept.

    Parameters
    ----------
    bundle : Bundle
        The bundle as it was.
    manifest : Manifest
        Its new description.
    card : str
        Model card, in Markdown.
    metrics : mapping
        Measured metrics, for JSON.
    agreement : mapping of str to LiteRTAgreement
        Agreement of the LiteRT file of each member with its network.
    earlier : sequence of mapping
        Lengths after which the training was ended and continued; see `earlier_lengths`.

    Returns
    -------
    Path
        The bundle.
    """
    kept = [name for name in bundle.manifest.files if name not in (CARD_NAME, METRICS_NAME)]
    content: dict[str, Any] = {"continued_from": list(earlier)} if earlier else {}
    content |= metrics
    content["litert_against_keras"] = {name: asdict(one) for name, one in agreement.items()}
    files = {name: bundle.read(name) for name in kept}
    return write_bundle(bundle.path, manifest, files, card, content)

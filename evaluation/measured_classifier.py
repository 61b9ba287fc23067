"""What was measured of a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..metrics.classifier_metrics import ClassificationMetrics

__all__ = ["MeasuredClassifier"]


@dataclass(frozen=True)
class MeasuredClassifier:
    """What was measured of one model.

    Attributes
    ----------
    name : str
        The model.
    model : dict
        What identifies it.
    by_classifier : dict of str to ClassificationMetrics
        Of the model under its name, then of each member of an ensemble as ``NAME: MEMBER``.
    """

    name: str
    model: dict[str, Any]
    by_classifier: dict[str, ClassificationMetrics]

    @property
    def metrics(self) -> ClassificationMetrics:
        """What was measured of the model as it is used."""
        return self.by_classifier[self.name]

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers, texts, lists and dictionaries."""
        members = {
            title.removeprefix(f"{self.name}: "): metrics.to_json()
            for title, metrics in self.by_classifier.items()
            if title != self.name
        }
        return {"model": self.model, "metrics": self.metrics.to_json(), "members": members}

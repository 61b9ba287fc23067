"""What is known of a network that was put into integers, and what that cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...metrics.detector_metrics import DetectionMetrics

__all__ = ["Quantisation"]


@dataclass(frozen=True)
class Quantisation:
    """How a network in integers came about, and how good the one was that it was made from.

    Attributes
    ----------
    tiles : int
        Number of tiles on which the ranges of its activations were measured.
    float_network : mapping of str to mapping of str to float
        ``map50`` and ``ap`` of the network in floating point on the images held back, by role.
    """

    tiles: int
    float_network: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(cls, tiles: int, measured: Mapping[str, DetectionMetrics]) -> Quantisation:
        """Return the record for a float network that was measured on the images held back."""
        return cls(
            tiles,
            {
                role: {"map50": round(figures.map50, 4), "ap": round(figures.ap, 4)}
                for role, figures in measured.items()
            },
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Quantisation:
        """Read what :meth:`to_json` returned."""
        return cls(values["tiles"], values["float_network"])

    def lost(self, measured: Mapping[str, DetectionMetrics]) -> dict[str, dict[str, float]]:
        """Return how much lower the same figures of the network in integers are."""
        return {
            role: {
                "map50": round(figures["map50"] - measured[role].map50, 4),
                "ap": round(figures["ap"] - measured[role].ap, 4),
            }
            for role, figures in self.float_network.items()
            if role in measured
        }

    def to_json(self, measured: Mapping[str, DetectionMetrics]) -> dict[str, Any]:
        """Return the record as plain values, with what was lost."""
        return {
            "tiles": self.tiles,
            "float_network": self.float_network,
            "lost": self.lost(measured),
        }

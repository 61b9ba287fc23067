"""Why a classifier says what it says: heat maps, activations, what filters respond to."""

from __future__ import annotations

from .activation_maximization import filter_patterns
from .activations import activations, strongest
from .classifier import ExplainedClassifier, ExplainedMember, open_explained
from .gradcam import HeatMaps, ensemble_map, heat_maps
from .network import ExplainedNetwork

__all__ = [
    "ExplainedClassifier",
    "ExplainedMember",
    "ExplainedNetwork",
    "HeatMaps",
    "activations",
    "ensemble_map",
    "filter_patterns",
    "heat_maps",
    "open_explained",
    "strongest",
]

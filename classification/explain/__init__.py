"""Explain Keras classifiers: heat maps, activations of layers, activation maximization."""

from __future__ import annotations

from .activation_maximization import maximize_activations
from .classifier import ExplainedClassifier, ExplainedMember, open_explained
from .gradcam import HeatMaps, heat_maps
from .network import ExplainedNetwork

__all__ = [
    "ExplainedClassifier",
    "ExplainedMember",
    "ExplainedNetwork",
    "HeatMaps",
    "heat_maps",
    "maximize_activations",
    "open_explained",
]

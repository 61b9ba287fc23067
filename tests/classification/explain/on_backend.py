"""Explain the colour network on the backend of this process: ``on_backend.py OUT.npz``."""

from __future__ import annotations

import sys

import numpy as np
from networks import colour_network, explained, red_and_green

from galpipe.classification.explain import heat_maps, maximize_activations

network = explained(colour_network())
heat = heat_maps(network, red_and_green(), [0, 0])
patterns = maximize_activations(network, "convolution", [0, 1])
np.savez(sys.argv[1], gradcam=heat.gradcam, hirescam=heat.hirescam, patterns=patterns)

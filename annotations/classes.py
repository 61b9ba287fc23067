"""The class lists that ship with the package, in the order that gives each class its index."""

from __future__ import annotations

__all__ = ["GALAXY10_DECALS"]

GALAXY10_DECALS: tuple[str, ...] = (
    "Disturbed Galaxies",
    "Merging Galaxies",
    "Round Smooth Galaxies",
    "In-between Round Smooth Galaxies",
    "Cigar Shaped Smooth Galaxies",
    "Barred Spiral Galaxies",
    "Unbarred Tight Spiral Galaxies",
    "Unbarred Loose Spiral Galaxies",
    "Edge-on Galaxies without Bulge",
    "Edge-on Galaxies with Bulge",
)
"""The ten classes of the Galaxy10 DECaLS data set (H. Leung and J. Bovy, built on Galaxy Zoo)."""

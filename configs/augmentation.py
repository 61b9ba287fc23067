"""How the views that a classifier is trained on differ from the images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .section import Fraction, NonNegativeFloat, Section

__all__ = ["AffineAugmentation", "Augmentation", "SurveyAugmentation"]


class SurveyAugmentation(Section):
    """The same galaxy under another sky, survey, seeing and framing."""

    kind: Literal["survey"] = "survey"
    grey_sky: Fraction = 0.25
    """Share of the views under a grey sky, as the Legacy Survey shows it."""
    greyest_sky: Fraction = 0.15
    """How grey such a sky is at most, of white."""


class AffineAugmentation(Section):
    """The crop of a run, turned, shifted, sheared and zoomed; as it is where nothing is asked.

    What comes to lie beyond the image repeats its nearest pixel.
    """

    kind: Literal["affine"]
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest turn in degrees, either way; 180 is any."""
    shift_x: Fraction = 0.0
    """Largest shift, either way, as a share of the view."""
    shift_y: Fraction = 0.0
    shear: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest shift of x for each pixel of y, either way."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Width and height are each multiplied by 1 - zoom to 1 + zoom."""
    symmetry: Literal["none", "mirror", "square"] = "none"
    """``mirror`` swaps left and right half of the time; ``square`` draws from all eight flips and
    quarter turns."""
    noise: NonNegativeFloat = 0.0
    """Largest standard deviation of the Gaussian noise of a view, over that of the training images'
    pixels; each view has one between none and this."""


Augmentation = Annotated[SurveyAugmentation | AffineAugmentation, Field(discriminator="kind")]

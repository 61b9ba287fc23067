"""From fluxes to a colour picture."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limit

from .field import Field

__all__ = ["Stretch", "to_rgb"]

Positive = Annotated[float, Limit(gt=0, allow_inf_nan=False)]


class Stretch(BaseModel):
    """How a field becomes 8-bit colour. All levels are in units of the background noise.

    A picture stretched by noise looks the same whatever the flux unit of the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["auto", "lupton", "asinh", "identity"] = "auto"
    """``auto``: ``lupton`` for three FITS bands, ``asinh`` for one, ``identity`` for pictures."""
    linear: Positive = 20.0
    """Brightness up to which the picture is about linear (noise units)."""
    softening: Positive = 8.0
    """Q of Lupton et al. 2004: the larger, the more the bright parts are compressed."""
    black: Annotated[float, Limit(allow_inf_nan=False)] = -1.0
    """Brightness shown as black, relative to the sky (noise units)."""
    gains: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    """Factors on the red, green and blue band after they were divided by their noise."""


def to_rgb(field: Field, stretch: Stretch | None = None) -> NDArray[np.uint8]:
    """Return the field as a colour picture, shape (H, W, 3), uint8, rows as in the field."""
    raise NotImplementedError

"""Point spread function of a field, measured from its stars."""

from __future__ import annotations

from dataclasses import dataclass

from .field import Field
from .local_background import Background

__all__ = ["PSF", "measure_psf"]


@dataclass(frozen=True)
class PSF:
    """Point spread function of a field.

    Attributes
    ----------
    fwhm : float
        Full width at half maximum, pixels.
    stars : int
        Number of stars measured.
    """

    fwhm: float
    stars: int


def measure_psf(field: Field, background: Background) -> PSF | None:
    """Measure the point spread function of a field.

    Parameters
    ----------
    field : Field
        A linear field.
    background : Background
        Its sky.

    Returns
    -------
    PSF or None
        None if the field has too few stars.
    """
    return None

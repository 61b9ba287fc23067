"""Quality of a field, from measured numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .field import Field
from .local_background import Background
from .psf import PSF

__all__ = ["FieldQuality", "measure_quality"]


@dataclass(frozen=True)
class FieldQuality:
    """Measured quality of a field.

    Attributes
    ----------
    bad_fraction : float
        Share of the pixels without valid data.
    psf_fwhm : float or None
        Full width at half maximum of the stars, pixels; None if it could not be measured.
    psf_stars : int
        Number of stars that it was measured from.
    notes : tuple of str
        What is unlike the fields that the models know, for the user.
    """

    bad_fraction: float
    psf_fwhm: float | None = None
    psf_stars: int = 0
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, for the record."""
        content = asdict(self)
        del content["notes"]
        return content


def measure_quality(field: Field, background: Background | None, psf: PSF | None) -> FieldQuality:
    """Measure the quality of a field.

    Parameters
    ----------
    field : Field
        The field.
    background : Background or None
        Its sky; None for a finished picture.
    psf : PSF or None
        Its point spread function; None if unknown.

    Returns
    -------
    FieldQuality
    """
    fwhm, stars = (None, 0) if psf is None else (psf.fwhm, psf.stars)
    return FieldQuality(float(field.bad.mean()), fwhm, stars)

"""Quality of a field, from measured numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .field import Field
from .psf import PSF

__all__ = ["FieldQuality", "measure_quality", "middle_window", "quality_of_shares"]

_LARGEST = 4_000_000  # pixels measured; larger fields are sampled
_TYPICAL_FWHM = 3.0  # pixels, where it could not be measured
_SIGMA_TO_FWHM = 2.3548
_COVERED, _SOURCE = 3.0, 10.0  # of the noise: light, and the peak of a source above ...
_SURROUNDINGS = 2.0  # ... the image smoothed to this multiple of the FWHM
_NEGATIVE = -5.0  # of the noise
# Of six survey frames and simulated fields, ordinary ones have up to 60 sources and cover up to
# 0.19, a globular cluster has over 180 and covers 0.24, a nebula covers 0.5.
_CROWDED, _CROWDED_COVER = 120.0, 0.15
_DIFFUSE_COVER = 0.4
_MOST_NEGATIVE = 0.002
_MOST_SATURATED = 0.005
_MOST_BAD = 0.5


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
    saturated_fraction : float
        Share of the pixels that are saturated.
    covered_fraction : float or None
        Share of the pixels with light of three times the noise; None for a finished picture.
    source_density : float or None
        Number of sources in a square of a hundred times the FWHM; None for a finished picture.
    notes : tuple of str
        What is unlike the fields that the models know, for the user.
    """

    bad_fraction: float
    psf_fwhm: float | None = None
    psf_stars: int = 0
    saturated_fraction: float = 0.0
    covered_fraction: float | None = None
    source_density: float | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, for the record."""
        content = asdict(self)
        del content["notes"]
        return content


def measure_quality(
    field: Field, image: NDArray[np.float32] | None, psf: PSF | None, saturated: NDArray[np.bool_]
) -> FieldQuality:
    """Measure the quality of a field.

    Parameters
    ----------
    field : Field
        The field.
    image : ndarray of float32, shape (H, W), or None
        From `~galpipe.imaging.local_background.noise_scaled`; None for a finished picture.
    psf : PSF or None
        Its point spread function; None if unknown.
    saturated : ndarray of bool, shape (H, W)
        Its saturated pixels.

    Returns
    -------
    FieldQuality
    """
    middle = None if image is None else image[middle_window(image.shape)]
    bad, filled = float(field.bad.mean()), float(saturated.mean())
    return quality_of_shares(field.photographic, middle, psf, bad, filled)


def middle_window(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the part of a field on which light and sources are measured.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the field.
    """
    height, width = shape[:2]
    if height * width <= _LARGEST:
        return slice(0, height), slice(0, width)
    side = int(np.sqrt(_LARGEST))
    top, left = ((length - min(length, side)) // 2 for length in (height, width))
    return slice(top, min(top + side, height)), slice(left, min(left + side, width))


def quality_of_shares(
    photographic: bool,
    image: NDArray[np.float32] | None,
    psf: PSF | None,
    bad: float,
    filled: float,
) -> FieldQuality:
    """Return the quality of a field of which some numbers are known.

    Parameters
    ----------
    photographic : bool
        It is a scan of a photographic plate.
    image : ndarray of float32, or None
        The `middle_window` of the image in `measure_quality`.
    psf : PSF or None
        Its point spread function.
    bad, filled : float
        Share of the pixels that are bad, and saturated.

    Returns
    -------
    FieldQuality
    """
    if image is None:
        return FieldQuality(round(bad, 5))
    fwhm = _TYPICAL_FWHM if psf is None else psf.fwhm
    covered, density = _light(image, fwhm)
    negative = float(np.mean(image < _NEGATIVE))
    bright = float(np.mean(image > -_NEGATIVE))
    inverted = negative > max(_MOST_NEGATIVE, 2 * bright)
    notes = _notes(photographic, bad, filled, covered, density, inverted)
    return FieldQuality(
        round(bad, 5),
        None if psf is None else psf.fwhm,
        0 if psf is None else psf.stars,
        round(filled, 6),
        round(covered, 4),
        round(density, 1),
        tuple(notes),
    )


def _light(image: NDArray[np.float32], fwhm: float) -> tuple[float, float]:
    """Return the share of an image that is covered by light, and the density of its sources."""
    sigma = fwhm / _SIGMA_TO_FWHM
    smooth = cv2.GaussianBlur(image, (0, 0), sigma)
    # Of the light of a bright galaxy, the noise makes peaks too.
    above = image - cv2.GaussianBlur(image, (0, 0), _SURROUNDINGS * sigma)
    side = 2 * round(fwhm / 2) + 1
    highest = cv2.dilate(smooth, np.ones((side, side), dtype=np.uint8))
    peaks = np.count_nonzero((smooth == highest) & (above > _SOURCE))
    return float(np.mean(smooth > _COVERED)), float(peaks / image.size * (100 * fwhm) ** 2)


def _notes(
    photographic: bool,
    bad: float,
    saturated: float,
    covered: float,
    density: float,
    inverted: bool,
) -> Iterator[str]:
    if photographic:
        yield (
            "it is a scan of a photographic plate: its pixels are not proportional to flux, so "
            "fluxes and magnitudes are rough, and specks and scratches may be boxed"
        )
    if inverted:
        yield (
            "its sources are darker than its sky, as in a negative; invert the pixel values and "
            "run it again"
        )
    if covered > _CROWDED_COVER and density > _CROWDED:
        yield (
            f"it is crowded: stars cover {covered:.0%} of it; boxes may be blends of stars, and "
            "galaxies may be missing"
        )
    elif covered > _DIFFUSE_COVER:
        yield (
            f"diffuse light covers {covered:.0%} of it, as of a nebula or of a galaxy that fills "
            "the field; its sky level is uncertain, and parts of that light may be boxed"
        )
    if saturated > _MOST_SATURATED:
        yield f"{saturated:.1%} of its pixels are saturated; saturated stars may be boxed"
    if bad > _MOST_BAD:
        yield f"{bad:.0%} of its pixels have no valid data"

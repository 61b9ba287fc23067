"""Bad pixels by the mask and weight planes of a FITS file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bands import header_value

__all__ = ["masked_pixels", "weightless_pixels"]

# Bits of HST data quality planes that leave a pixel of use: 32 unstable or charge trail, 64 warm,
# 256 full well, 512 reference file or blob, 1024 charge trap (ACS and WFC3 Data Handbooks).
_HST_HARMLESS = 32 | 64 | 256 | 512 | 1024
# JWST and Roman: bit 0 is DO_NOT_USE; the others say why, or are for information.
_DO_NOT_USE = 1
# Names of planes that make a pixel bad: LSST and HSC (MP_*), Pan-STARRS (MSKNAM*).
_BAD_PLANES = frozenset(
    {"BAD", "SAT", "CR", "EDGE", "NO_DATA", "UNMASKEDNAN", "VIGNETTED", "STREAK"}
    | {"DETECTOR", "FLAT", "DARK", "BLANK", "CTE", "LOW", "SAT.MASK", "BURNTOOL"}
)
# A plane that marks more than this share marks something else, such as valid pixels.
_MOST = 0.95


def masked_pixels(
    planes: NDArray[Any], headers: Sequence[Any], *, whole: bool = True
) -> tuple[NDArray[np.bool_] | None, str]:
    """Return the bad pixels by a data quality or mask plane.

    Every pixel that is not 0 is bad, except where the convention of the plane is known: named
    planes (LSST, HSC, Pan-STARRS), HST, JWST and Roman.

    Parameters
    ----------
    planes : ndarray, shape (C, H, W)
        The pixels.
    headers : sequence of astropy.io.fits.Header
        That of the plane, then the primary header.
    whole : bool
        The pixels are all of the plane, not a window of it, which may be bad as a whole.

    Returns
    -------
    bad : ndarray of bool, shape (H, W), or None
        None if the plane cannot be a mask.
    reason : str
        The reason then.
    """
    with np.errstate(invalid="ignore"):
        if planes.dtype.kind not in "iub" and not np.array_equal(planes, np.round(planes)):
            return None, "its values are not integers"
    bits = _bad_bits(headers)
    marked = (
        planes != 0
        if bits is None
        else (np.clip(planes, -(2**62), 2**62).astype(np.int64) & bits) != 0
    )
    return _plausible(np.any(marked, axis=0), whole)


def weightless_pixels(
    planes: NDArray[Any], *, whole: bool = True
) -> tuple[NDArray[np.bool_] | None, str]:
    """Return the pixels without data by a plane of weights or inverse variances.

    Parameters
    ----------
    planes : ndarray, shape (C, H, W)
        The weights.
    whole : bool
        As in `masked_pixels`.

    Returns
    -------
    bad : ndarray of bool, shape (H, W), or None
        None if the plane cannot be one of weights.
    reason : str
        The reason then.
    """
    with np.errstate(invalid="ignore"):
        return _plausible(np.any(~(planes > 0), axis=0), whole)


def _plausible(bad: NDArray[np.bool_], whole: bool) -> tuple[NDArray[np.bool_] | None, str]:
    share = float(np.mean(bad))
    if whole and share > _MOST:
        return None, f"it marks {share:.0%} of the pixels as bad"
    return bad, ""


def _bad_bits(headers: Sequence[Any]) -> int | None:
    planes = _named_planes(headers[0])
    if planes:
        return sum(1 << bit for name, bit in planes.items() if name in _BAD_PLANES)
    telescope = str(header_value(headers, "TELESCOP", str) or "").strip().upper()
    if telescope in {"JWST", "ROMAN"}:
        return _DO_NOT_USE
    if telescope == "HST":
        return ~_HST_HARMLESS
    return None


def _named_planes(header: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of the bit of each plane that keywords name."""
    planes = {}
    for key in header:
        value = header_value([header], key, float)
        if key.startswith("MP_") and value is not None and 0 <= value < 63:
            planes[key.removeprefix("MP_")] = int(value)
        if key.startswith("MSKNAM"):
            mask = header_value([header], key.replace("NAM", "VAL"), float)
            if mask and 0 < mask < 2**62:
                name = header_value([header], key, str)
                planes[str(name)] = int(mask).bit_length() - 1
    return planes

"""Find near-duplicates: images of the same galaxy, cropped, rescaled or from another survey.

A bitwise perceptual hash fails here, since nearly every cutout shows a bright object on a dark
background: among 779 Galaxy Zoo 2 cutouts of different galaxies, an 8x8 DCT hash has 257 pairs
within 4 bits.  Galaxies differ in detail: knots, arms, and the stars around them.  The fingerprint
of an image is therefore a small logarithmic copy, band-pass filtered and stored as its 32x32
lowest-frequency DCT coefficients; two images are near-duplicates if their fingerprints correlate at
one of several zooms.

Copies that are darker or brighter by 40 %, cropped about the centre to 70 %, saved again as
low-quality JPEG, noisy or shrunk to 69 pixels are found; crops off the centre by more than 1 % of
the side, rotated and mirrored copies are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..imaging import read_field, to_rgb

__all__ = ["MIN_CORRELATION", "find_near_duplicates", "find_sketched", "sketch"]

MIN_CORRELATION = 0.72
"""Smallest correlation of the fingerprints of near-duplicates.

Among 8,310 cutouts of Galaxy Zoo 1 and 2, the Kaggle challenge and Legacy Survey, the 27 best pairs
(0.83 to 1.00) are near-duplicates by visual inspection and include all seven pairs with the same
SDSS identifier; pairs of different galaxies, mostly thin edge-on discs, reach 0.66.
"""

_SIDE = 64
_ZOOMS = (1.0, 1.06, 1.12, 1.19, 1.26, 1.34, 1.42)
_WORKING_SIDE = 96
_WAVES = 32
# Value of an 8-bit picture where the scale changes from linear to logarithmic: about the sky noise
# of an SDSS colour picture, so that noise does not dominate.
_SOFTENING = 8.0
_NOISE_BLUR = 0.7
_LIGHT_BLUR = 2.1
# Number of images compared at once with all others, which limits the memory.
_BLOCK = 1024

_SKETCH_BITS = 512
# Among 1,970 cutouts of four data sets, the sketches of the seven pairs of near-duplicates differ
# in at most 19 % of the bits, and those of other galaxies in at least 27 %.
_MAX_DIFFERING_BITS = 0.22

Fingerprint = NDArray[np.float32]


def find_near_duplicates(images: Iterable[str | Path | NDArray[np.uint8]]) -> list[tuple[int, int]]:
    """Return the pairs of images that are near-duplicates.

    Rotated and mirrored copies are not found: split images before augmenting them.

    Parameters
    ----------
    images : iterable of path or ndarray
        Files of any type that `read_field` reads, or grey pictures, uint8 (H, W).  They are read
        once, and only a reduced copy of each is kept in memory.

    Returns
    -------
    list of (int, int)
        Indices in `images`, the smaller first, sorted.

    Raises
    ------
    InputError
        If an image cannot be read.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> picture = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    >>> other = rng.integers(0, 255, (64, 64)).astype(np.uint8)
    >>> find_near_duplicates([picture, other, picture // 2])
    [(0, 2)]
    """
    small = [_small(_grey(image)) for image in images]
    whole = _stack(small, 1.0)
    pairs: set[tuple[int, int]] = set()
    for start in range(0, len(small), _BLOCK):
        for zoom in _ZOOMS:
            zoomed = _stack(small[start : start + _BLOCK], zoom)
            for row, column in np.argwhere(zoomed @ whole.T >= MIN_CORRELATION).tolist():
                if start + row != column:
                    pairs.add((min(start + row, column), max(start + row, column)))
    return sorted(pairs)


def sketch(image: NDArray[np.uint8]) -> bytes:
    """Return 512 bits of the fingerprint of an image, which a record of images can hold.

    The signs of random projections: the fraction of bits in which two sketches differ is the angle
    between the fingerprints over pi (Charikar 2002, "Similarity estimation techniques from
    rounding algorithms").

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3) or (H, W)
        RGB or grey; the largest centred square is used.

    Returns
    -------
    bytes
        Empty for an image without detail.
    """
    fingerprint = _fingerprint(_square(image), 1.0)
    if not fingerprint.any():
        return b""
    return np.packbits(fingerprint @ _projection() > 0).tobytes()


def find_sketched(
    images: Iterable[NDArray[np.uint8]], sketches: Sequence[bytes]
) -> NDArray[np.bool_]:
    """Return which images are near-duplicates of images of which only sketches are known.

    Other brightness, noise, compression and size are found, and images with a wider view than the
    known one, but not crops of a known image.

    Parameters
    ----------
    images : iterable of ndarray of uint8, shape (H, W, 3) or (H, W)
        N images, RGB or grey.
    sketches : sequence of bytes
        From `sketch`; empty ones match nothing.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    known = [one for one in sketches if len(one) == _SKETCH_BITS // 8]
    bits = np.unpackbits(np.frombuffer(b"".join(known), np.uint8)).reshape(-1, _SKETCH_BITS)
    signs = bits.astype(np.float32) * 2 - 1
    found = []
    for image in images:
        small = _square(image)
        zoomed = np.stack([_fingerprint(small, zoom) for zoom in _ZOOMS])
        mine = np.where(zoomed @ _projection() > 0, np.float32(1), np.float32(-1))
        agreement = (mine[zoomed.any(axis=1)] @ signs.T).max(initial=-np.inf)
        found.append(agreement >= _SKETCH_BITS * (1 - 2 * _MAX_DIFFERING_BITS))
    return np.array(found, bool)


def _square(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return _small(np.asarray(grey[top : top + side, left : left + side], np.uint8))


@cache
def _projection() -> NDArray[np.float32]:
    # The stream of RandomState is the same in every version of numpy.
    normal = np.random.RandomState(0).standard_normal((_WAVES * _WAVES, _SKETCH_BITS))
    return normal.astype(np.float32)


def _stack(small: Sequence[NDArray[np.uint8]], zoom: float) -> NDArray[np.float32]:
    return np.array([_fingerprint(picture, zoom) for picture in small], dtype=np.float32)


def _grey(image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
    if isinstance(image, np.ndarray):
        return image
    grey = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        grey = cv2.cvtColor(to_rgb(read_field(image)), cv2.COLOR_RGB2GRAY)
    return np.asarray(grey, dtype=np.uint8)


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    size = (_WORKING_SIDE, _WORKING_SIDE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _fingerprint(small: NDArray[np.uint8], zoom: float) -> Fingerprint:
    """Return a vector of unit length, or zeros for a picture without detail."""
    step = _WORKING_SIDE / zoom / _SIDE
    offset = (_WORKING_SIDE - _WORKING_SIDE / zoom) / 2 + step / 2 - 0.5
    affine = np.array([[step, 0, offset], [0, step, offset]])
    smoothed = cv2.GaussianBlur(small.astype(np.float32), (0, 0), step / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(smoothed, affine, (_SIDE, _SIDE), flags=flags)
    waves = cv2.dct(np.log1p(cut / _SOFTENING))[:_WAVES, :_WAVES]
    detail = (waves * _DETAIL).ravel()
    length = float(np.linalg.norm(detail))
    # A uniform picture leaves rounding errors, which must not become a fingerprint.
    return detail / length if length > 1e-3 else np.zeros_like(detail)


def _detail_filter() -> NDArray[np.float32]:
    """Return the DCT weights of the difference of two Gaussian blurs."""
    frequency = np.pi * np.arange(_WAVES) / _SIDE
    square = frequency[:, None] ** 2 + frequency[None, :] ** 2
    fine, coarse = (np.exp(-(blur**2) * square / 2) for blur in (_NOISE_BLUR, _LIGHT_BLUR))
    return (fine - coarse).astype(np.float32)


_DETAIL = _detail_filter()

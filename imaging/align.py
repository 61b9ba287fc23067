"""Align the bands of a field by their WCS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .fits import FitsImage

__all__ = ["align"]

_TOLERANCE = 0.25  # pixels; about 0.1 arcsec on SDSS
_GRID = 5
_REACH = 2  # pixels by which a Lanczos kernel exceeds a bilinear one


def align(
    paths: Sequence[Path], bands: Sequence[FitsImage]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], tuple[str, ...]]:
    """Stack bands of equal shape, resampled to the pixels of the first where needed.

    The bands of survey frames are often offset by a few pixels.  The affine map between two bands
    is fitted to their WCS on a grid of points; bands without a WCS are assumed to be aligned.

    Parameters
    ----------
    paths : sequence of Path
        Files of the bands, for messages.
    bands : sequence of FitsImage
        One band each, all of the same shape.

    Returns
    -------
    pixels : ndarray of float32, shape (H, W, N)
    bad : ndarray of bool, shape (H, W)
        Pixels at which a band has no data.
    notes : tuple of str
        A note if a band was resampled.

    Raises
    ------
    InputError
        If two bands show different parts of the sky.
    """
    height, width = bands[0].bad.shape
    planes, masks, largest = [bands[0].pixels[..., 0]], [bands[0].bad], 0.0
    for path, band in zip(paths[1:], bands[1:], strict=True):
        plane, mask = band.pixels[..., 0], band.bad
        if bands[0].wcs is not None and band.wcs is not None:
            matrix, shift = _affine(bands[0].wcs, band.wcs, height, width)
            if not shift < max(width, height) / 2:
                raise InputError(
                    f"{path} shows another part of the sky than {paths[0]}. Give three bands of "
                    "the same field."
                )
            if shift > _TOLERANCE:
                plane, mask = _warp(plane, mask, matrix)
                largest = max(largest, shift)
        planes.append(plane)
        masks.append(mask)
    notes = (f"bands up to {largest:.1f} pixels apart were aligned by their WCS",)
    return np.stack(planes, axis=2), np.any(masks, axis=0), notes if largest else ()


def _affine(target: Any, source: Any, height: int, width: int) -> tuple[NDArray[np.float64], float]:
    """Return the affine map from target to source pixels, (2, 3), and the largest shift."""
    x, y = np.meshgrid(np.linspace(0, width - 1, _GRID), np.linspace(0, height - 1, _GRID))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    mapped = np.stack(
        source.world_to_pixel(target.pixel_to_world(points[:, 0], points[:, 1])), axis=1
    )
    if not np.isfinite(mapped).all():
        return np.zeros((2, 3)), np.inf
    design = np.column_stack([points, np.ones(len(points))])
    solution, *_ = np.linalg.lstsq(design, mapped, rcond=None)
    return solution.T, float(np.hypot(*(mapped - points).T).max())


def _warp(
    plane: NDArray[np.float32], mask: NDArray[np.bool_], matrix: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    size = (plane.shape[1], plane.shape[0])
    # Lanczos interpolation keeps the noise of the band, which the stretch measures; a bilinear
    # kernel would remove up to half of it.
    moved = cv2.warpAffine(plane, matrix, size, flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP)
    # Pixels interpolated from bad ones or from beyond the edge are bad.
    invalid = cv2.warpAffine(
        mask.astype(np.float32),
        matrix,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=1.0,
    )
    reach = np.ones((2 * _REACH + 1, 2 * _REACH + 1))
    return np.asarray(moved, np.float32), np.asarray(cv2.dilate(invalid, reach) > 1e-3)

"""Lay the bands of a field on the pixels of the first by their WCS.

The package reproject does the same with more choices, and is what the tests compare with; it is not
used here because it brings dask and zarr into every installation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .field import Band
from .fits import FitsImage
from .sky import pixel_scale, pixels_of, sky_of

__all__ = ["align", "aligned_band", "coincide"]

_TOLERANCE = 0.25  # pixels by which bands may differ and count as aligned; 0.1 arcsec on SDSS
_GRID = 32  # pixels between the points that are mapped; SIP bends by some 0.01 pixels in between
_FEWEST = 17  # of them along a side
_LEAST_SHARE = 0.05  # of the first band that another one must cover
_WHOLE_SHARE = 0.75
_FINER = 1.5  # pixels of a band per pixel of the first, from which they are averaged
_GOOD_SHARE = 0.5  # of the pixels averaged into one
_REACH = 5  # pixels across the neighbourhood of a bad pixel that Lanczos interpolation spoils
_ROWS = 512  # rows resampled at once, to save memory
_EVERY = 16  # pixels are enough for the median
_SAMPLES = 100
_LONGEST = 32766  # OpenCV's limit
_FAR = -1e6
_LEAST_ANGLE = 0.5  # degrees that are worth a word
_LEAST_RESCALING = 0.01


@dataclass(frozen=True)
class _Map:
    """Positions of the pixels of the first band in another one.

    Attributes
    ----------
    x, y : ndarray of float64, shape (rows, columns)
        Positions in the other band (pixel centres at integers) of a coarse grid.
    columns, rows : ndarray of float64
        Positions of the grid in the first band.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    columns: NDArray[np.float64]
    rows: NDArray[np.float64]

    def stripes(self, height: int, width: int) -> Iterator[tuple[slice, Any, Any]]:
        """Yield the map of each pixel, some rows at a time."""
        places, across = np.arange(height), np.arange(width)
        x, y = (_between(axis.T, self.columns, across).T for axis in (self.x, self.y))
        for start in range(0, height, _ROWS):
            rows = slice(start, start + _ROWS)
            down_x, down_y = (
                _between(axis, self.rows, places[rows]).astype(np.float32) for axis in (x, y)
            )
            yield rows, down_x, down_y

    def inside(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return which of a hundred by a hundred positions lie in an image of a shape."""
        rows, columns = (np.linspace(0, ends[-1], _SAMPLES) for ends in (self.rows, self.columns))
        x, y = (
            _between(_between(axis.T, self.columns, columns).T, self.rows, rows)
            for axis in (self.x, self.y)
        )
        return (x > -0.5) & (x < shape[1] - 0.5) & (y > -0.5) & (y < shape[0] - 0.5)


def _between(
    values: NDArray[np.float64], points: NDArray[np.float64], places: NDArray[Any]
) -> NDArray[np.float64]:
    """Return rows of values, which are at points, interpolated linearly to places."""
    position = np.interp(places, points, np.arange(len(points)))
    low = np.minimum(position.astype(np.intp), len(points) - 2)
    share = (position - low)[:, np.newaxis]
    between: NDArray[np.float64] = values[low] * (1 - share) + values[low + 1] * share
    return between


def align(
    paths: Sequence[str | Path], bands: Sequence[FitsImage]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], tuple[str, ...]]:
    """Stack bands on the pixels of the first, resampled by their WCS where needed.

    Bands may be shifted, turned, mirrored, of another size or of another pixel scale.  A band
    whose pixels coincide with those of the first, also after a turn by a multiple of 90 degrees or
    a reflection, is copied.  Others are interpolated (Lanczos), finer ones averaged before.  Pixel
    values are fluxes per pixel: they are multiplied by the ratio of the pixel areas, so that the
    flux of an object stays.  Bands without a WCS are assumed to be aligned.

    Parameters
    ----------
    paths : sequence of str or Path
        Files or names of the bands, for messages.
    bands : sequence of FitsImage
        One band each.

    Returns
    -------
    pixels : ndarray of float32, shape (H, W, N)
    bad : ndarray of bool, shape (H, W)
        Pixels at which a band has no data.
    notes : tuple of str
        What was moved, and how much of the field all bands cover.

    Raises
    ------
    InputError
        If two bands show different parts of the sky, or differ in size and have no WCS.
    """
    first = bands[0]
    planes, masks, moves = [first.pixels[..., 0]], [first.bad], []
    covered = np.ones((_SAMPLES, _SAMPLES), bool)
    for path, band in zip(paths[1:], bands[1:], strict=True):
        if first.wcs is None or band.wcs is None:
            _check_size(paths[0], first, path, band)
            planes.append(band.pixels[..., 0])
            masks.append(band.bad)
            continue
        mapped = _map(first, band)
        inside = mapped.inside(band.bad.shape)
        share = inside.mean()
        if share < _LEAST_SHARE:
            raise InputError(
                f"{path} shows another part of the sky than {paths[0]}: it covers {share:.0%} of "
                "it. Give three bands of the same field."
            )
        covered &= inside
        plane, mask, move = _laid(first, band, mapped)
        planes.append(plane)
        masks.append(mask)
        if move:
            name = band.bands[0].name if len(set(paths)) == 1 else Path(path).name
            moves.append(f"{name or 'a band'} ({move})")
    notes = []
    if moves:
        notes.append(f"bands were laid on the first by their WCS: {', '.join(moves)}")
    if covered.mean() < _WHOLE_SHARE:
        notes.append(f"all bands cover only {covered.mean():.0%} of the field; the rest is empty")
    return np.stack(planes, axis=2), np.any(masks, axis=0), tuple(notes)


def coincide(first: FitsImage, band: FitsImage) -> bool:
    """Return whether the pixels of two bands show the same places, so that none has to be moved.

    Parameters
    ----------
    first, band : FitsImage
        The bands.
    """
    if first.bad.shape != band.bad.shape:
        return False
    if first.wcs is None or band.wcs is None:
        return True
    mapped = _map(first, band)
    moved = np.hypot(mapped.x - mapped.columns, mapped.y - mapped.rows[:, None])
    return bool(moved.max() <= _TOLERANCE)


def aligned_band(first: FitsImage, image: FitsImage) -> Band:
    """Return the properties of a band after `align`.

    Parameters
    ----------
    first, image : FitsImage
        The band whose pixels are used, and the one that was laid on them.

    Returns
    -------
    Band
        Gain and saturation are those of the multiplied pixel values; fluxes keep the zero point.
    """
    band, ratio = image.bands[0], _area_ratio(first, image)
    return replace(
        band,
        gain=None if band.gain is None else band.gain / ratio,
        saturation=None if band.saturation is None else band.saturation * ratio,
    )


def _area_ratio(first: FitsImage, band: FitsImage) -> float:
    """Return the area of the pixels that are used over that of the pixels of a band.

    The areas within an image are taken as equal, as a flat field makes them.  Areas that hardly
    differ are equal but for the errors of the WCS.
    """
    if first.wcs is None or band.wcs is None:
        return 1.0
    ratio = (pixel_scale(first.wcs) / pixel_scale(band.wcs)) ** 2
    return 1.0 if abs(ratio - 1) < _LEAST_RESCALING else ratio


def _check_size(path: str | Path, first: FitsImage, other: str | Path, band: FitsImage) -> None:
    if band.bad.shape != first.bad.shape:
        theirs, ours = (f"{b.bad.shape[1]} x {b.bad.shape[0]}" for b in (band, first))
        raise InputError(
            f"{other} is {theirs} pixels and {path} is {ours}, and not both have a WCS to lay one "
            "on the other by. Give three bands with a WCS, or on the same pixels."
        )


def _map(first: FitsImage, band: FitsImage) -> _Map:
    height, width = first.bad.shape
    columns, rows = (
        np.linspace(0, side - 1, max(_FEWEST, round(side / _GRID) + 1)) for side in (width, height)
    )
    x, y = np.meshgrid(columns, rows)
    x, y = pixels_of(band.wcs, *sky_of(first.wcs, x + 0.5, y + 0.5))
    return _Map(np.nan_to_num(x - 0.5, nan=_FAR), np.nan_to_num(y - 0.5, nan=_FAR), columns, rows)


def _laid(
    first: FitsImage, band: FitsImage, mapped: _Map
) -> tuple[NDArray[np.float32], NDArray[np.bool_], str]:
    """Return plane and bad pixels of a band on the pixels of the first, and what was done."""
    shape = first.bad.shape
    target = np.stack([*np.meshgrid(mapped.columns, mapped.rows)], axis=-1).reshape(-1, 2)
    source = np.stack([mapped.x, mapped.y], axis=-1).reshape(-1, 2)
    near = (source > -_GRID).all(axis=1) & (source < np.add(band.bad.shape[::-1], _GRID)).all(
        axis=1
    )
    target, source = target[near], source[near]
    design = np.column_stack([target, np.ones(len(target))])
    matrix = np.linalg.lstsq(design, source, rcond=None)[0].T[:, :2]
    turn = np.round(matrix)
    if (np.abs(turn).sum(axis=0) == 1).all() and (np.abs(turn).sum(axis=1) == 1).all():
        moved = source - target @ turn.T
        corner = np.round(np.median(moved, axis=0))
        if np.hypot(*(moved - corner).T).max() <= _TOLERANCE:
            if (turn == np.eye(2)).all() and not corner.any() and shape == band.bad.shape:
                return band.pixels[..., 0], band.bad, ""
            plane, mask = _copied(band, turn.astype(int), corner.astype(int), shape)
            return plane, mask, _movement(turn, np.hypot(*(source - target).T).max(), first, band)
    plane, mask = _resampled(band, mapped, shape, float(np.sqrt(abs(np.linalg.det(matrix)))))
    plane *= np.float32(_area_ratio(first, band))
    return plane, mask, _movement(matrix, np.hypot(*(source - target).T).max(), first, band)


def _movement(
    matrix: NDArray[np.floating[Any]], farthest: float, first: FitsImage, band: FitsImage
) -> str:
    """Describe the linear part of a map from the first to another band."""
    mirrored = np.linalg.det(matrix) < 0
    if mirrored:
        matrix = matrix @ np.diag([-1.0, 1.0])
    angle = np.rad2deg(np.arctan2(matrix[1, 0], matrix[0, 0]))
    if mirrored and abs(angle) > 90:
        angle -= np.copysign(180, angle)  # mirrored along the other axis
    scales = pixel_scale(band.wcs), pixel_scale(first.wcs)
    parts = [
        *(["mirrored"] if mirrored else []),
        *([f"turned by {abs(angle):.3g} degrees"] if abs(angle) > _LEAST_ANGLE else []),
        *(
            [f"from {scales[0]:.3g} to {scales[1]:.3g} arcsec a pixel"]
            if _area_ratio(first, band) != 1
            else []
        ),
    ]
    return ", ".join(parts) or f"shifted by up to {farthest:.1f} pixels"


def _copied(
    band: FitsImage, turn: NDArray[np.int_], corner: NDArray[np.int_], shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return plane and bad pixels of a band turned, mirrored and moved by whole pixels."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    # one of each two terms is 0, so each index has one dimension
    x = corner[0] + (turn[0, 0] * columns if turn[0, 0] else turn[0, 1] * rows)
    y = corner[1] + (turn[1, 1] * rows if turn[1, 1] else turn[1, 0] * columns)
    height, width = band.bad.shape
    outside = (x < 0) | (x >= width) | (y < 0) | (y >= height)
    places = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
    return band.pixels[..., 0][places], band.bad[places] | outside


def _resampled(
    band: FitsImage, mapped: _Map, shape: tuple[int, ...], finer: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return plane and bad pixels of a band interpolated at mapped positions.

    Parameters
    ----------
    finer : float
        Pixels of the band per pixel of the first, along a side.
    """
    plane, bad = band.pixels[..., 0], band.bad
    if finer > _FINER:
        plane, bad = _averaged(plane, bad, finer)
        down, across = np.divide(bad.shape, band.bad.shape)
        x, y = (mapped.x + 0.5) * across - 0.5, (mapped.y + 0.5) * down - 0.5
        mapped = replace(mapped, x=x, y=y)
    if max(*plane.shape, shape[1]) > _LONGEST:
        raise InputError(
            f"Bands of more than {_LONGEST} pixels along a side cannot be laid on one another. Cut "
            "them into smaller fields."
        )
    # Lanczos interpolation spreads the step around bad pixels; filled with the sky, it is small.
    sky = np.float32(0) if bad.all() else np.median(plane[~bad][::_EVERY])
    plane = np.where(bad, sky, plane)
    spoilt = cv2.dilate(
        bad.astype(np.uint8) * 255,
        np.ones((_REACH, _REACH), np.uint8),
        borderType=cv2.BORDER_CONSTANT,
        borderValue=255,
    )
    moved, mask = np.empty(shape, np.float32), np.empty(shape, bool)
    for rows, x, y in mapped.stripes(*shape):
        # Lanczos interpolation keeps the noise of the band, which the stretch measures; a bilinear
        # kernel would remove up to half of it.
        moved[rows] = cv2.remap(plane, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
        mask[rows] = cv2.remap(
            spoilt, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255
        )
    return moved, mask


def _averaged(
    plane: NDArray[np.float32], bad: NDArray[np.bool_], finer: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a band averaged to pixels `finer` times as wide, without its bad pixels."""
    size = tuple(max(1, round(side / finer)) for side in plane.shape[::-1])
    good = (~bad).astype(np.float32)
    share = cv2.resize(good, size, interpolation=cv2.INTER_AREA)
    total = cv2.resize(plane * good, size, interpolation=cv2.INTER_AREA)
    return np.divide(total, np.maximum(share, 1e-6)).astype(np.float32), share < _GOOD_SHARE

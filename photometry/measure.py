"""Measure fluxes and shapes of the objects in boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..imaging import Field
from ..imaging.field import Band
from ..imaging.local_background import Background, noise_scaled
from .apertures import Aperture, half_light_radius, kron_aperture, without_others
from .bands import band_units
from .objects import ObjectPixels, find_object
from .shapes import Shape, measure_shape, sky_jacobian

__all__ = ["Photometry", "measure_photometry"]

# A window reaches this many times half the box from its centre, and some pixels more.
_REACH, _MARGIN = 3.0, 8

# Share of the aperture covered by neighbours from which fluxes are doubtful, as in SExtractor.
_BLENDED = 0.1

_SHAPE_COLUMNS = (
    "semi_major",
    "semi_minor",
    "ellipticity",
    "theta",
    "position_angle",
    "kron_radius",
    "half_light_radius",
    "kron_radius_arcsec",
    "half_light_radius_arcsec",
)
_BAND_COLUMNS = ("flux", "flux_err", "mag", "mag_err", "snr", "peak", "sky")


@dataclass(frozen=True, eq=False)
class Photometry:
    """Fluxes and shapes of the objects of a field.

    Attributes
    ----------
    columns : dict of str to ndarray of float64, shape (N,)
        Columns of the catalogue; NaN where a value could not be measured.
    blended : ndarray of bool, shape (N,)
        Neighbours cover more than a tenth of the aperture.
    incomplete : ndarray of bool, shape (N,)
        Pixels of the aperture are bad, saturated or outside of the field, or the object is too
        faint for an aperture of its own.
    """

    columns: dict[str, NDArray[np.float64]]
    blended: NDArray[np.bool_]
    incomplete: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Target:
    """An object with its aperture, in a window of the field."""

    window: tuple[slice, slice]
    own: NDArray[np.bool_]
    masked: NDArray[np.bool_]
    aperture: Aperture
    shape: Shape | None
    half_light: float


def measure_photometry(
    field: Field,
    background: Background | None,
    boxes: NDArray[np.float64],
    psf_fwhm: float | None = None,
    others: NDArray[np.float64] | None = None,
) -> Photometry:
    """Measure fluxes and shapes of the objects of a field on its linear pixels.

    Each object is found in its box on the mean of the bands, weighted by their noise. Its shape is
    that of its light on this mean, and its Kron aperture is the same in all bands. Neighbours and
    bad pixels are replaced by the pixels on the opposite side of the object.

    Parameters
    ----------
    field : Field
        The field.
    background : Background or None
        Its sky; None for a finished picture, which has no photometry.
    boxes : ndarray of float64, shape (N, 4)
        Pixel edges, 0-based, half-open.
    psf_fwhm : float, optional
        Width of the stars, pixels.
    others : ndarray of float64, shape (M, 4), optional
        Boxes of other objects, which are not measured.

    Returns
    -------
    Photometry
        Columns as in `galpipe.pipeline.photometry_columns`.
    """
    count = len(boxes)
    suffixes = [f"_{name}" if name else "" for name in band_units(field)]
    names = [*_SHAPE_COLUMNS, *(name + suffix for suffix in suffixes for name in _BAND_COLUMNS)]
    columns = {name: np.full(count, np.nan) for name in names}
    blended, incomplete = np.zeros(count, bool), np.zeros(count, bool)
    if background is None or not field.linear or not count:
        return Photometry(columns, blended, incomplete)
    others = np.zeros((0, 4)) if others is None else others
    targets = _targets(field, background, boxes, psf_fwhm, others)
    centres = np.array([_centre(target) for target in targets]).T
    jacobians = sky_jacobian(field, *(centres + 0.5))
    for index, target in enumerate(targets):
        blended[index] = target.aperture.share(target.masked & ~_bad(field, target)) > _BLENDED
        incomplete[index] = target.shape is None or _lacks_pixels(field, target)
        for name, value in _shape_values(target, jacobians[index]).items():
            columns[name][index] = value
    for number, (suffix, band) in enumerate(zip(suffixes, field.bands, strict=True)):
        level, noise = background.level(number), background.noise(number)
        for index, target in enumerate(targets):
            window = target.window
            light = field.pixels[(*window, number)].astype(np.float32) - level[window]
            values = _band_values(light, np.ascontiguousarray(noise[window]), band, target)
            values["sky"] = float(level[_centre_pixel(target, field)])
            for name, value in values.items():
                columns[name + suffix][index] = value
    return Photometry(columns, blended, incomplete)


def _targets(
    field: Field,
    background: Background,
    boxes: NDArray[np.float64],
    psf_fwhm: float | None,
    others: NDArray[np.float64],
) -> Sequence[_Target]:
    image = _mean_of_bands(field, background)
    every = np.concatenate([boxes, others])
    centres, numbers = (every[:, :2] + every[:, 2:]) / 2, np.arange(len(every))
    targets = []
    for index, box in enumerate(boxes):
        window = _window(box, image.shape)
        corner = np.array([window[1].start, window[0].start])
        end = np.array([window[1].stop, window[0].stop])
        near = ((centres >= corner) & (centres < end)).all(axis=1) & (numbers != index)
        around = np.concatenate([box[np.newaxis], every[near]]) - np.tile(corner, 2)
        light, bad = image[window], field.bad[window]
        found = find_object(np.ascontiguousarray(light), bad.copy(), around, psf_fwhm)
        targets.append(_target(window, light, bad, found, around[0]))
    return targets


def _mean_of_bands(field: Field, background: Background) -> NDArray[np.float32]:
    """Return the mean of the bands in units of their noise, scaled to a noise of 1."""
    mean = noise_scaled(field, background)
    mean *= np.float32(np.sqrt(field.pixels.shape[2]))
    return np.nan_to_num(mean, copy=False)


def _target(
    window: tuple[slice, slice],
    light: NDArray[np.float32],
    bad: NDArray[np.bool_],
    found: ObjectPixels | None,
    box: NDArray[np.float64],
) -> _Target:
    shape = None if found is None else measure_shape(light, found.own)
    if found is None or shape is None:
        aperture = _ellipse_of(box)
        own = aperture.inside(light.shape)
        return _Target(window, own, bad, aperture, None, float("nan"))
    masked = found.others | bad
    clean = without_others(light, masked, shape.x, shape.y)
    aperture = kron_aperture(clean, shape)
    flux, _ = aperture.flux(clean, np.ones_like(clean), None)
    radius = half_light_radius(clean, aperture, flux)
    return _Target(window, found.own, masked, aperture, shape, radius)


def _ellipse_of(box: NDArray[np.float64]) -> Aperture:
    xmin, ymin, xmax, ymax = box.tolist()
    x, y = (xmin + xmax) / 2 - 0.5, (ymin + ymax) / 2 - 0.5
    across, down = (xmax - xmin) / 2, (ymax - ymin) / 2
    if across >= down:
        return Aperture(x, y, across, down, 0.0)
    return Aperture(x, y, down, across, np.pi / 2)


def _window(box: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[slice, slice]:
    half = (box[2:] - box[:2]).max() / 2 * _REACH + _MARGIN
    centre = (box[:2] + box[2:]) / 2
    limit = np.array(shape[::-1])
    # It holds a pixel, also of a box outside of the field.
    low = np.clip(np.floor(centre - half).astype(int), 0, limit - 1)
    high = np.clip(np.ceil(centre + half).astype(int), low + 1, limit)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _bad(field: Field, target: _Target) -> NDArray[np.bool_]:
    return field.bad[target.window]


def _lacks_pixels(field: Field, target: _Target) -> bool:
    """Return whether pixels of the aperture are bad, saturated or outside of the field."""
    aperture, (x, y) = target.aperture, _centre(target)
    across, down = aperture.extent()
    outside = min(x - across, y - down) < -0.5
    outside |= x + across > field.width - 0.5 or y + down > field.height - 0.5
    if outside or _bad(field, target)[aperture.inside(target.own.shape)].any():
        return True
    pixels = field.pixels[target.window][target.own]
    return any(
        band.saturation is not None and bool((pixels[:, number] >= band.saturation).any())
        for number, band in enumerate(field.bands)
    )


def _shape_values(target: _Target, jacobian: NDArray[np.float64]) -> dict[str, float]:
    shape, aperture = target.shape, target.aperture
    if shape is None:
        return {}
    values = {
        "semi_major": shape.a,
        "semi_minor": shape.b,
        "ellipticity": 1 - shape.b / shape.a,
        "theta": float(np.rad2deg(shape.theta)),
        "kron_radius": aperture.a,
        "half_light_radius": target.half_light,
    }
    if np.isfinite(jacobian).all():
        on_sky = Shape.of_moments(0, 0, jacobian @ shape.moments @ jacobian.T)
        scale = float(np.sqrt(abs(np.linalg.det(jacobian))))
        values |= {
            "position_angle": float(np.rad2deg(on_sky.theta) % 180),
            "kron_radius_arcsec": aperture.a / shape.a * on_sky.a,
            "half_light_radius_arcsec": target.half_light * scale,
        }
    return values


def _band_values(
    light: NDArray[np.float32], noise: NDArray[np.float32], band: Band, target: _Target
) -> dict[str, float]:
    aperture = target.aperture
    clean = without_others(light, target.masked, aperture.x, aperture.y)
    flux, error = aperture.flux(clean, noise, band.gain)
    own = light[target.own & ~target.masked]
    values = {
        "flux": flux,
        "flux_err": error,
        "snr": flux / error if error > 0 else float("nan"),
        "peak": float(own.max()) if own.size else float("nan"),
    }
    if band.zero_point is not None and flux > 0:
        values["mag"] = band.zero_point - 2.5 * float(np.log10(flux))
        values["mag_err"] = 2.5 / float(np.log(10)) * error / flux
    return values


def _centre(target: _Target) -> tuple[float, float]:
    """Return the centre of the aperture in the field; 0 is the centre of the first pixel."""
    rows, columns = target.window
    return target.aperture.x + columns.start, target.aperture.y + rows.start


def _centre_pixel(target: _Target, field: Field) -> tuple[int, int]:
    x, y = _centre(target)
    return min(max(round(y), 0), field.height - 1), min(max(round(x), 0), field.width - 1)

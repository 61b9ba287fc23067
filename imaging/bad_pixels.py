"""Find pixels without data that a file does not mark: fill values, dead columns, outliers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median

from .background import background, has_few_photons
from .field import Field
from .fits import FitsImage

__all__ = [
    "BadPixelRule",
    "contrast_notes",
    "find_bad_pixels",
    "mark_bad_pixels",
    "measure_rule",
]

Image = TypeVar("Image", Field, FitsImage)

_FILL, _ABSURD = "fill value", "absurd value"
_CHANCE = 1e-3  # of a false patch or run in a field of noise
_PATCHES = (5, 9, 15)  # pixels: sides of patches of one value
_LEAST_RUN = 24  # pixels of one value in a row or column
_MOST_EQUAL = 0.97  # of neighbouring pixels; with more there is no noise to tell fill values by
_MOST_VALUES = 8  # that fill one field
_HALO = 10.0  # of the noise: around a saturated star
_SMOOTH = 0.12  # ratio of curvature to slope in an image without noise
_UNIFORM = 0.2  # of the noise: scatter around a constant region of an image without noise
_OUTLIER = 200.0  # of the noise
_IMPOSSIBLE = 1e8  # of the noise: no star is that bright
_REACH = 4  # pixels: half the width of the widest defect that is told from a star
_ALIKE = 4.0  # the ratio of brightness within a defect
_SHARP = 0.02  # of an outlier: a star has more in the first pixel below half of its brightness
_QUIET = 3.0  # of the noise
_MOSTLY = 0.3  # of a row or column
_SPARSE = 16  # pixels between those compared first
_WORTH_A_NOTE = 5e-3  # of the pixels


@dataclass(frozen=True)
class BadPixelRule:
    """Rule that tells the bad pixels of a band from others, measured on a sample of it.

    Attributes
    ----------
    patch, run : int
        Side of the smallest patch of one value that is no chance, and length of the shortest run;
        0 if no value is known to be a fill value.
    halo : float
        Brightness around a region of one value from which it is a saturated star.
    uniform : float
        Scatter around a region up to which the image has no noise.
    level, noise : float
        Sky of the pixels that hold no fill value.
    few_photons : bool
        Each photon is a sharp peak.
    """

    patch: int
    run: int
    halo: float
    uniform: float
    level: float
    noise: float
    few_photons: bool


def measure_rule(band: NDArray[np.float32], bad: NDArray[np.bool_], size: int) -> BadPixelRule:
    """Measure the rule for a large band on a sample of it.

    Parameters
    ----------
    band : ndarray of float32, shape (h, w)
        The sample: windows of the band side by side.
    bad : ndarray of bool, shape (h, w)
        Pixels without data.
    size : int
        Number of pixels of the band.
    """
    with np.errstate(over="ignore"):
        neighbours = _equal_neighbours(band, bad)
        lengths = _least_lengths(*neighbours, bad, size)
        fill, contrast = np.zeros_like(bad), None
        if lengths is not None:
            candidates = _candidates(band, neighbours, lengths)
            others = bad if candidates is None else candidates[0] | candidates[1] | bad
            contrast = None if others.all() else _contrast(band, others)
            if contrast is not None:
                fill = _fill_values(band, bad)
        level, noise = background(band, bad | fill)
        few = has_few_photons(band, bad | fill)
    if lengths is None or contrast is None:
        return BadPixelRule(0, 0, 0.0, 0.0, level, noise, few)
    return BadPixelRule(*lengths, *contrast, level, noise, few)


def mark_bad_pixels(field: Image, rules: Sequence[BadPixelRule] | None = None) -> Image:
    """Mark fill values, dead columns and absurd values as bad pixels.

    A region or a line of one value is a fill value, whatever the value, unless it is the core of a
    saturated star, which has a halo, or the image has no noise.  An outlier is absurd if the light
    falls off from it within a pixel, more sharply than from any star, or if no star is so bright.

    Parameters
    ----------
    field : Field or FitsImage
        Linear pixels.
    rules : sequence of BadPixelRule, optional
        Those of the bands, for a window of a larger field; by default the field is all there is.

    Returns
    -------
    Field or FitsImage
        Marked pixels are 0 and counted in ``bad_counts``; a share of 0.5 % or more is noted.
    """
    with np.errstate(over="ignore"):
        return _marked(field, rules or (None,) * field.pixels.shape[2])


def contrast_notes(field: Field) -> tuple[str, ...]:
    """Return a note if all pixels of a field have one value.

    Parameters
    ----------
    field : Field
        Bad pixels do not count.
    """
    for step in (_SPARSE, 1):
        good = field.pixels[::step, ::step][~field.bad[::step, ::step]]
        if good.size and (good != good[0]).any():
            return ()
    value = ", ".join(f"{v:g}" for v in dict.fromkeys(good[0].tolist()))
    return (f"the image has no contrast: every pixel is {value}",)


@dataclass(frozen=True, eq=False)
class _Found:
    """Pixels of fill values, those of absurd values, and how often each fill value occurs."""

    filled: NDArray[np.bool_]
    absurd: NDArray[np.bool_]
    values: Counter[float]


def find_bad_pixels(
    pixels: NDArray[np.float32], bad: NDArray[np.bool_], rules: Sequence[BadPixelRule]
) -> dict[str, NDArray[np.bool_]]:
    """Find the pixels that `mark_bad_pixels` marks in a window of a larger field.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w, C)
        The window.
    bad : ndarray of bool, shape (h, w)
        Pixels without data.
    rules : sequence of BadPixelRule
        Those of the bands.

    Returns
    -------
    dict of str to ndarray of bool, shape (h, w)
        By their cause.
    """
    with np.errstate(over="ignore"):
        found = _find(pixels, bad, rules)
    return {_FILL: found.filled, _ABSURD: found.absurd}


def _find(
    pixels: NDArray[Any], bad: NDArray[np.bool_], rules: Sequence[BadPixelRule | None]
) -> _Found:
    filled: NDArray[np.bool_] = np.zeros_like(bad)
    absurd: NDArray[np.bool_] = np.zeros_like(bad)
    values: Counter[float] = Counter()
    for plane, rule in zip(np.moveaxis(pixels, 2, 0), rules, strict=True):
        band = np.ascontiguousarray(plane, dtype=np.float32)
        fill = _fill_values(band, bad, rule)
        values.update(Counter(band[fill & ~filled].tolist()))
        filled |= fill
        absurd |= _absurd_values(band, bad | fill, rule)
    return _Found(filled, absurd & ~filled, values)


def _marked(field: Image, rules: Sequence[BadPixelRule | None]) -> Image:
    found: _Found = _find(field.pixels, field.bad, rules)
    filled: NDArray[np.bool_] = found.filled
    absurd: NDArray[np.bool_] = found.absurd
    new = filled | absurd
    if not new.any() or (new | field.bad).all():
        return field
    pixels = field.pixels.copy()
    pixels[new] = 0
    counts = dict(field.bad_counts)
    for cause, mask in ((_FILL, filled), (_ABSURD, absurd)):
        if mask.any():
            counts[cause] = counts.get(cause, 0) + int(mask.sum())
    return replace(
        field,
        pixels=pixels,
        bad=field.bad | new,
        bad_counts=counts,
        notes=(*field.notes, *_notes(found.values, filled, absurd)),
    )


def _notes(
    values: Counter[float], filled: NDArray[np.bool_], absurd: NDArray[np.bool_]
) -> Iterator[str]:
    parts = []
    if filled.mean() >= _WORTH_A_NOTE:
        ((value, count),) = values.most_common(1)
        only = count > 0.9 * values.total()
        what = f"the fill value {value:g}" if only else "one constant value over a region or line"
        parts.append(f"{filled.mean():.1%} of the pixels hold {what}")
    if absurd.mean() >= _WORTH_A_NOTE:
        whose = "" if parts else " of the pixels"
        parts.append(f"{absurd.mean():.1%}{whose} hold values far beyond those around them")
    if parts:
        yield f"{' and '.join(parts)}; these pixels are left out"


def _fill_values(
    band: NDArray[np.float32], bad: NDArray[np.bool_], rule: BadPixelRule | None = None
) -> NDArray[np.bool_]:
    """Find regions and lines of one value."""
    nothing = np.zeros_like(bad)
    neighbours = _equal_neighbours(band, bad)
    if rule is None:
        lengths = _least_lengths(*neighbours, bad, band.size)
    else:
        lengths = (rule.patch, rule.run) if rule.patch else None
    candidates = None if lengths is None else _candidates(band, neighbours, lengths)
    if candidates is None:
        return nothing
    patches, lines, values = candidates
    others = patches | lines | bad
    if rule is not None:
        halo, uniform = rule.halo, rule.uniform
    elif others.all() or (contrast := _contrast(band, others)) is None:
        return nothing
    else:
        halo, uniform = contrast
    fill = nothing
    for mask in (lines, *(patches & (band == value) for value in values)):
        fill |= _without_stars(mask, band, others, halo, uniform)
    return fill


_Neighbours = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def _equal_neighbours(band: NDArray[np.float32], bad: NDArray[np.bool_]) -> _Neighbours:
    """Return which pixels equal the one to their left, and the one above."""
    across, down = np.zeros_like(bad), np.zeros_like(bad)
    across[:, 1:] = (band[:, 1:] == band[:, :-1]) & ~bad[:, 1:] & ~bad[:, :-1]
    down[1:] = (band[1:] == band[:-1]) & ~bad[1:] & ~bad[:-1]
    return across, down


def _least_lengths(
    across: NDArray[np.bool_], down: NDArray[np.bool_], bad: NDArray[np.bool_], size: int
) -> tuple[int, int] | None:
    """Return the side of the smallest patch and the shortest run that are no chance."""
    large = _opened(across & down, _PATCHES[-1], _PATCHES[-1])
    rest = ~large & ~bad
    equal = float(across[rest].mean()) if rest.any() else 1.0
    if equal > _MOST_EQUAL:
        return None
    improbable = math.log(_CHANCE / size) / math.log(max(equal, 1e-3))
    # The commonest value has at most the square root of that share.
    side = next((s for s in _PATCHES if s * s / 2 > improbable), None)
    return None if side is None else (side, max(_LEAST_RUN, math.ceil(2 * improbable)))


def _candidates(
    band: NDArray[np.float32], neighbours: _Neighbours, lengths: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]] | None:
    """Return patches and lines of one value, and the values of the patches; None without any."""
    (across, down), (side, run) = neighbours, lengths
    flat = across & down
    # A pixel is compared with those above and to the left: a patch lacks a row and a column.
    inner = _opened(flat, side - 1, side - 1)
    values = np.unique(band[inner])
    if len(values) > _MOST_VALUES:
        # The contours of an image without noise.
        return None
    patches = cv2.dilate(inner.astype(np.uint8), np.ones((2, 2)), anchor=(0, 0)).astype(bool)
    # At a slanting edge, the pixel at the corner is another.
    patches &= np.isin(band, values)
    rows = _opened(across, 1, run - 1)
    rows[:, :-1] |= rows[:, 1:]
    columns = _opened(down, run - 1, 1)
    columns[:-1] |= columns[1:]
    lines = (rows | columns) & ~patches
    return (patches, lines, values) if patches.any() or lines.any() else None


def _contrast(band: NDArray[np.float32], others: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Return the brightness of a halo, and the scatter without noise; None in an image without."""
    level, noise = background(band, others)
    curvature = np.abs(band[:, 1:-1] - (band[:, :-2] + band[:, 2:]) / 2)
    between = ~(others[:, 1:-1] | others[:, :-2] | others[:, 2:])
    roughness = float(np.median(curvature[between])) if between.any() else 0.0
    steps = np.abs(np.diff(band, axis=1))[~(others[:, 1:] | others[:, :-1])]
    if roughness <= _SMOOTH * (float(np.median(steps)) if steps.size else 0.0):
        return None
    quantum = float(steps[steps > 0].min(initial=np.inf))
    uniform = max(_UNIFORM * roughness, quantum if np.isfinite(quantum) else 0.0)
    return level + _HALO * noise, uniform


def _opened(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Keep the parts of a mask that hold a whole rectangle of this size."""
    kernel = np.ones((height, width), dtype=np.uint8)
    kept = cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    # The mirrored anchor restores what the erosion kept.
    anchor = width - 1 - width // 2, height - 1 - height // 2
    whole = cv2.dilate(kept, kernel, anchor=anchor, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(whole, dtype=bool)


def _without_stars(
    mask: NDArray[np.bool_],
    band: NDArray[np.float32],
    others: NDArray[np.bool_],
    bright: float,
    uniform: float,
) -> NDArray[np.bool_]:
    """Return the regions of a mask but those with a halo, or in an image without noise."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    regions: NDArray[np.int32] = np.asarray(labels, np.int32)
    grown = cv2.dilate(regions.astype(np.float32), np.ones((5, 5), dtype=np.uint8))
    around: NDArray[np.int32] = np.asarray(grown).astype(np.int32)
    ring = (around > 0) & ~others
    numbers = np.arange(count)
    inside = np.asarray(median(band, regions, numbers))
    kept = np.ones(count, dtype=bool)
    kept[0] = False
    if ring.any():
        surrounded = np.isin(numbers, around[ring])
        outside = np.full(count, -np.inf)
        scatter = np.full(count, np.inf)
        chosen = numbers[surrounded]
        outside[surrounded] = median(band[ring], around[ring], chosen)
        difference = np.abs(band[ring] - inside[around[ring]])
        scatter[surrounded] = median(difference, around[ring], chosen)
        kept &= ~((outside > bright) & (inside > bright)) & (scatter > uniform)
    left: NDArray[np.bool_] = kept[regions]
    return left


def _absurd_values(
    band: NDArray[np.float32], bad: NDArray[np.bool_], rule: BadPixelRule | None = None
) -> NDArray[np.bool_]:
    """Find values that no star can have, and outliers with sharp edges."""
    absurd = np.zeros_like(bad)
    level, noise = background(band, bad) if rule is None else (rule.level, rule.noise)
    far = (np.abs(band - np.float32(level)) > np.float32(_OUTLIER * noise)) & ~bad
    rows, columns = np.nonzero(far)
    if not len(rows):
        return absurd
    excess = band[rows, columns].astype(np.float64) - level
    size, sign = np.abs(excess), np.sign(excess)

    def is_sharp(down: int, right: int) -> NDArray[np.bool_]:
        """Return whether the first pixel below half of the outlier is no more than the sky."""
        sharp, open_ = np.zeros(len(rows), dtype=bool), np.ones(len(rows), dtype=bool)
        for step in range(1, _REACH + 1):
            y, x = rows + step * down, columns + step * right
            outside = (y < 0) | (y >= band.shape[0]) | (x < 0) | (x >= band.shape[1])
            y, x = np.clip(y, 0, band.shape[0] - 1), np.clip(x, 0, band.shape[1] - 1)
            outside |= bad[y, x]
            there = sign * (band[y, x].astype(np.float64) - level)
            dark = outside | (there < np.maximum(_SHARP * size, _QUIET * noise))
            sharp |= open_ & dark
            # Towards a star's centre it grows brighter.
            open_ &= ~dark & (there >= size / 2) & (there <= _ALIKE * size)
        return sharp

    across = is_sharp(0, 1) & is_sharp(0, -1)
    down = is_sharp(1, 0) & is_sharp(-1, 0)
    few = has_few_photons(band, bad) if rule is None else rule.few_photons
    sharp = (across | down) & (not few)
    absurd[rows, columns] = sharp | (size > _IMPOSSIBLE * noise)
    # A column divided by a flat near zero holds ordinary values too.
    absurd |= (absurd.mean(axis=0) > _MOSTLY) | (absurd.mean(axis=1) > _MOSTLY)[:, None]
    return absurd & ~bad

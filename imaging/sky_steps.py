"""Find the edges of amplifiers and CCDs in a band: steps of the sky level or of its noise."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, median_filter

__all__ = ["SkySection", "divide", "find_sections"]

_LINES = 512  # that enter the profiles of a section
_GROUPS = 8  # of these lines: a step is the same in all, or in all of the upper or lower half
_LEAST_LINES = 8  # of a group
_WINDOWS = (6, 12, 24)  # pixels on either side of a step
_SIDE = 24  # pixels: the least width of a section
_SIGNIFICANCE = 8.0  # of a step, in standard deviations, all groups together
_OF_A_GROUP = 2.5
_AGREEING = 0.75  # of the groups
_LEAST_STEP = 0.1  # of the noise
_QUANTILE, _NORMAL_QUANTILE = 0.8, 1.28  # of the absolute value of a normal deviate
_FAINT = (0.2, 0.6)  # quantiles of the pixels that a profile averages
_FAINT_TO_SIGMA = 1.92  # distance of the means of the two halves of that range, in inverse noise


class SkySection(NamedTuple):
    """Rectangle of a band that is read out alike: half-open ranges of rows and columns."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Index of the section in an array of the band."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def shared(self, other: SkySection) -> SkySection | None:
        """Return the part that two sections share; None if there is none.

        Parameters
        ----------
        other : SkySection
            The other one.
        """
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return SkySection(top, bottom, left, right) if top < bottom and left < right else None

    def moved(self, down: int, right: int) -> SkySection:
        """Return the section at another place.

        Parameters
        ----------
        down, right : int
            Number of rows and columns by which it moves.
        """
        return SkySection(
            self.top + down, self.bottom + down, self.left + right, self.right + right
        )

    def halves(self, axis: int, place: int) -> tuple[SkySection, SkySection]:
        """Cut the section in two.

        Parameters
        ----------
        axis : {0, 1}
            Cut between two rows (0) or two columns (1).
        place : int
            Number of rows or columns of the first part.
        """
        if axis == 0:
            cut = self.top + place
            return self._replace(bottom=cut), self._replace(top=cut)
        cut = self.left + place
        return self._replace(right=cut), self._replace(left=cut)


Lines = Callable[[SkySection, int], tuple[NDArray[np.float32], NDArray[np.bool_]]]
"""Returns pixels of a section and which are bad: rows of it (axis 1), or columns as rows (0)."""


def find_sections(band: NDArray[np.float32], bad: NDArray[np.bool_]) -> list[SkySection]:
    """Divide a band where its level or noise jumps from one row or column to the next.

    Profiles of the medians along the rows and columns show an amplifier's edge as a jump, whatever
    the stars and galaxies; a galaxy's own profile is smooth.  The band is cut at the strongest
    jump, and both parts are examined in the same way.

    Parameters
    ----------
    band : ndarray of float32, shape (H, W)
    bad : ndarray of bool, shape (H, W)
        Pixels without data.

    Returns
    -------
    list of SkySection
        They cover the band without overlap; one if it has no step.
    """

    def lines(section: SkySection, axis: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        pixels, missing = band[section.window], bad[section.window]
        return (pixels, missing) if axis else (pixels.T, missing.T)

    return divide(band.shape, lines)


def divide(shape: tuple[int, ...], lines: Lines) -> list[SkySection]:
    """Divide a band of which some rows and columns are known, as `find_sections` does.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the band.
    lines : callable
        Its known rows or columns within a section.

    Returns
    -------
    list of SkySection
        As from `find_sections`.
    """
    waiting, done = [SkySection(0, shape[0], 0, shape[1])], []
    while waiting:
        section = waiting.pop()
        best = max(
            (_strongest_step(*lines(section, axis), axis) for axis in (0, 1)), key=lambda s: s[0]
        )
        if best[0] > 0:
            waiting.extend(section.halves(best[1], best[2]))
        else:
            done.append(section)
    return sorted(done)


def _strongest_step(
    band: NDArray[np.float32], bad: NDArray[np.bool_], axis: int
) -> tuple[float, int, int]:
    """Return significance, axis and place of the strongest step; significance 0 without one."""
    nothing = (0.0, axis, 0)
    height, width = band.shape
    if width < 2 * _SIDE + 2 or height < _GROUPS * _LEAST_LINES:
        return nothing
    levels, noises, columns = _profiles(band, bad)
    if len(columns) < 2 * _SIDE + 2:
        return nothing
    noise = float(np.median(noises))
    # Sections need some width, also beside a gap of bad columns.
    possible = (columns >= _SIDE) & (columns <= width - _SIDE)
    best = nothing
    for profiles in (levels, noises):
        significance = np.where(possible, _significance(profiles, _LEAST_STEP * noise), 0)
        place = int(significance.argmax())
        if significance[place] > max(_SIGNIFICANCE, best[0]):
            best = (float(significance[place]), axis, int(columns[place]))
    return best


def _significance(profiles: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """Return the significance of a step before each column; 0 where it is no step."""
    jumps = np.stack([_jumps(profiles, window) for window in _WINDOWS])
    sizes = np.abs(jumps)
    # Stars and galaxies widen the distribution of the jumps, and thus the error.
    errors = np.quantile(sizes[1], _QUANTILE, axis=1, keepdims=True) / _NORMAL_QUANTILE
    # A sky of few photons has one value in most columns, and no noise.
    smallest = np.finfo(np.float32).eps * float(np.abs(profiles).max()) or 1.0
    scores = jumps[1] / np.maximum(errors, max(least / 10, smallest))
    # A step is as high in a narrow window as in a wide one; a slope or a galaxy is not.
    one_sign = np.abs(jumps.sum(axis=0)) >= 0.99 * sizes.sum(axis=0)
    clear = one_sign & (sizes.min(axis=0) > 0.4 * sizes.max(axis=0))
    clear &= (np.abs(scores) > _OF_A_GROUP) & (sizes[1] > least)
    significance = np.zeros(profiles.shape[1])
    half = _GROUPS // 2
    for groups in (slice(None), slice(half), slice(half, None)):
        typical = np.median(jumps[1, groups], axis=0)
        alike = clear[groups] & (np.abs(jumps[1, groups] - typical) < 0.5 * np.abs(typical))
        total = np.sqrt(np.sum(np.where(alike, scores[groups] ** 2, 0), axis=0))
        total[alike.mean(axis=0) < _AGREEING] = 0
        significance = np.maximum(significance, total)
    return significance


def _profiles(
    band: NDArray[np.float32], bad: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return level and noise of groups of rows, column by column, and the columns with data.

    Both are measured on the fainter pixels of a column.
    """
    levels, noises = [], []
    for ends in itertools.pairwise(np.linspace(0, len(band), _GROUPS + 1).astype(int)):
        step = max(1, (ends[1] - ends[0]) * _GROUPS // _LINES)
        rows = slice(*ends, step)
        values = np.sort(np.where(bad[rows], np.float32(np.nan), band[rows]), axis=0)
        count = np.count_nonzero(np.isfinite(values), axis=0)
        sums = np.cumsum(np.nan_to_num(values), axis=0, dtype=np.float64)
        sums = np.concatenate([np.zeros((1, sums.shape[1])), sums])
        places = [(count * part).astype(int) for part in np.linspace(*_FAINT, 3)]
        at = [np.take_along_axis(sums, place[None], axis=0)[0] for place in places]
        enough = count >= len(values) / 4
        darker, brighter = (
            np.where(enough, (at[n + 1] - at[n]) / np.maximum(places[n + 1] - places[n], 1), np.nan)
            for n in (0, 1)
        )
        levels.append((darker + brighter) / 2)
        noises.append((brighter - darker) * _FAINT_TO_SIGMA)
    level, noise = np.array(levels), np.array(noises)
    columns = np.flatnonzero(np.isfinite(level).any(axis=0))
    level, noise = level[:, columns], noise[:, columns]
    for profile in (*level, *noise):
        known = np.isfinite(profile)
        if known.any():
            profile[~known] = np.interp(
                np.flatnonzero(~known), np.flatnonzero(known), profile[known]
            )
        else:
            profile[:] = 0
    return level, noise, columns


def _jumps(profiles: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the jump before each column: of the level on a common slope, by least squares."""
    place = np.arange(-window, window) + 0.5
    design = np.column_stack([np.ones(2 * window), place, place > 0])
    weights = np.linalg.pinv(design)[2]
    # A median of five columns removes single bad columns and keeps steps.
    clean = median_filter(profiles, size=(1, 5), mode="nearest")
    jumps: NDArray[np.float64] = correlate1d(clean, weights, axis=1, mode="nearest")
    return jumps

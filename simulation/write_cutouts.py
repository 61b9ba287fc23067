"""Write cutouts of drawn galaxies of known class, to train a classifier on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotations import GALAXY10_DECALS
from ..files.atomic import atomic_path
from ..progress import Progress, track
from .blank_sky import BlankSky
from .cutouts import CutoutScene, draw_scene
from .pasting import add_light
from .surveys import SURVEYS, Survey
from .write import claim, write_truth
from .write_frames import AnnotatedFolder

__all__ = ["CutoutSettings", "draw_cutout", "simulate_cutouts"]

Image = NDArray[np.float32]
Picture = NDArray[np.uint8]

_COLUMNS = ["filename", "label", "survey", "diameter", "seeing", "scale"]
# Consecutive cutouts that share a frame as background, so that each frame is read a few times.
_PER_FRAME = 40


@dataclass(frozen=True)
class CutoutSettings:
    """Numbers and kinds of cutouts.

    Attributes
    ----------
    count : int
        Number of cutouts.
    side : int
        Width and height, pixels.
    seed : int
        The same seed gives the same files.
    frequencies : tuple of float
        Relative frequency of each class of `GALAXY10_DECALS`.
    surveys : tuple of str
        Names in `SURVEYS`; each cutout is drawn as by one of them at random.

    Raises
    ------
    ValueError
        If a number is out of range or a survey unknown.
    """

    count: int = 1000
    side: int = 160
    seed: int = 1
    frequencies: tuple[float, ...] = (1.0,) * len(GALAXY10_DECALS)
    surveys: tuple[str, ...] = tuple(SURVEYS)

    def __post_init__(self) -> None:
        if self.count < 1 or self.side < 32 or self.seed < 0:
            raise ValueError("count, side and seed must be at least 1, 32 and 0")
        if len(self.frequencies) != len(GALAXY10_DECALS):
            raise ValueError(f"{len(GALAXY10_DECALS)} classes need as many frequencies")
        if not all(0 <= one < math.inf for one in self.frequencies) or not sum(self.frequencies):
            raise ValueError("frequencies must be numbers of at least 0, not all 0")
        if not self.surveys or not set(self.surveys) <= set(SURVEYS):
            raise ValueError(f"the surveys are {', '.join(SURVEYS)}")

    def draw_classes(self) -> NDArray[np.int64]:
        """Return the class of each cutout in random order; the numbers are not random."""
        shares = np.array(self.frequencies) / sum(self.frequencies)
        ends = np.rint(np.cumsum(shares) * self.count).astype(int)
        numbers = np.diff(ends, prepend=0)
        classes = np.repeat(np.arange(len(numbers)), numbers)
        return np.random.default_rng(self.seed).permutation(classes)


def simulate_cutouts(
    output: str | Path,
    settings: CutoutSettings | None = None,
    *,
    background: AnnotatedFolder | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> pd.DataFrame:
    """Draw cutouts of single galaxies of the Galaxy10 DECaLS classes and write them.

    Writes ``images/cutout_00001.jpg`` and so on and, at the end, ``truth.csv``: a table of labels
    for training, with file name, label (class name), survey, diameter (approximate longest extent
    on an SDSS frame, arcsec), seeing (FWHM, arcsec) and scale (arcsec per pixel).

    Parameters
    ----------
    output : str or Path
        A new or empty folder, or with `overwrite` one of an earlier simulation.
    settings : CutoutSettings, optional
        Numbers, classes and surveys.
    background : AnnotatedFolder, optional
        Frames whose blank patches replace the drawn sky, noise, stars and neighbours.  They should
        be of the survey as which the galaxies are drawn.
    overwrite : bool
        Replace an earlier simulation.
    progress : bool or Progress
        Show a progress bar on the terminal, or report to this display.

    Returns
    -------
    DataFrame
        The truth, as written.

    Raises
    ------
    InputError
        If a frame or annotation cannot be read, or the frames have no blank patches.
    OutputError
        If the folder holds something else, or cannot be written.
    """
    settings = settings or CutoutSettings()
    folder = Path(output)
    sky = None if background is None else BlankSky(background)
    claim(folder, overwrite=overwrite)
    rows: list[dict[str, Any]] = []
    classes = settings.draw_classes()
    for index in track(range(settings.count), "drawing", progress):
        rng = np.random.default_rng([settings.seed, index])
        survey = settings.surveys[rng.integers(len(settings.surveys))]
        class_id = int(classes[index])
        rgb, scene = _drawn(class_id, SURVEYS[survey], settings.side, rng, sky, index)
        name = f"cutout_{index + 1:05d}.jpg"
        with atomic_path(folder / "images" / name) as temporary:
            temporary.write_bytes(SURVEYS[survey].compressed(rgb, rng))
        rows.append(
            {
                "filename": name,
                "label": GALAXY10_DECALS[class_id],
                "survey": survey,
                "diameter": round(scene.diameter, 2),
                "seeing": round(scene.seeing, 2),
                "scale": round(scene.scale * len(scene.light) / settings.side, 4),
            }
        )
    return write_truth(folder, pd.DataFrame(rows, columns=_COLUMNS))


def draw_cutout(class_id: int, survey: str, side: int, rng: np.random.Generator) -> Picture:
    """Draw the cutout of a galaxy of a class as a survey shows it.

    Parameters
    ----------
    class_id : int
        Index into `GALAXY10_DECALS`.
    survey : str
        Name in `SURVEYS`.
    side : int
        Width and height, pixels.
    rng : Generator

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)
        RGB, before JPEG compression.
    """
    return _drawn(class_id, SURVEYS[survey], side, rng, None, 0)[0]


def _drawn(
    class_id: int,
    survey: Survey,
    side: int,
    rng: np.random.Generator,
    sky: BlankSky | None,
    index: int,
) -> tuple[Picture, CutoutScene]:
    scene = draw_scene(class_id, survey, side, rng, alone=sky is not None)
    if sky is None:
        exposure = survey.observed(scene.light, scene.scale, rng)
        return _resized(survey.stretched(exposure, rng), side), scene
    levels = survey.stretched(survey.in_bands(scene.light), rng) - np.float32(survey.sky)
    width = round(len(scene.light) * scene.scale / survey.pixel_scale)
    patch = _resized(sky.patch(width, index // _PER_FRAME, rng), len(levels))
    return _resized(add_light(patch, levels, rng), side), scene


def _resized(picture: Image | Picture, side: int) -> Picture:
    """Return a picture at another size: averaged, or interpolated as by cutout services."""
    resized: NDArray[np.number[Any]] = picture
    if len(picture) != side:
        way = cv2.INTER_CUBIC if len(picture) < side else cv2.INTER_AREA
        resized = np.asarray(cv2.resize(picture, (side, side), interpolation=way))
    return np.asarray(np.clip(np.rint(resized), 0, 255), np.uint8)

"""Write real frames with pasted galaxies, their annotations and a table of the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from ..annotations import AnnotatedImage, read_annotated_images
from ..annotations.source import check_writable
from ..errors import BundleError, InputError
from ..files.atomic import write_png
from ..imaging import read_field, to_rgb
from ..models import find_bundle
from ..progress import Progress, track
from .galaxy_light import GalaxyLight, cut_galaxies
from .pasting import PastedFrame, paste_galaxies
from .write import claim, write_boxes, write_truth

__all__ = ["AnnotatedFolder", "FrameSettings", "held_out_names", "simulate_frames"]

_EDGES = ["xmin", "ymin", "xmax", "ymax"]
_COLUMNS = ["frame", "field", "cutout", "scale", "gain", "label", *_EDGES]


@dataclass(frozen=True)
class AnnotatedFolder:
    """Folders of annotated images.

    Attributes
    ----------
    images, annotations : str or Path
        Folder of the images, and file or folder of their annotations in any format.
    """

    images: str | Path
    annotations: str | Path


@dataclass(frozen=True)
class FrameSettings:
    """Numbers and sizes of pasted galaxies.

    Attributes
    ----------
    frames : int
        Number of frames.
    galaxies : int
        Number of galaxies pasted onto each frame; fewer if there is no room.
    smallest, largest : float
        Longer sides of their boxes, pixels; evenly distributed in the logarithm.
    seed : int
        The same seed gives the same files.

    Raises
    ------
    ValueError
        If `smallest` is not above 0, or above `largest`.
    """

    frames: int = 12
    galaxies: int = 40
    smallest: float = 12.0
    largest: float = 200.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.largest:
            raise ValueError(f"no size is between {self.smallest} and {self.largest} pixels")

    def draw_sides(self, rng: np.random.Generator) -> list[float]:
        """Draw the longer sides of the boxes of one frame, pixels.

        Parameters
        ----------
        rng : Generator
        """
        low, high = math.log(self.smallest), math.log(self.largest)
        sides: list[float] = np.exp(rng.uniform(low, high, self.galaxies)).tolist()
        return sides


def simulate_frames(
    output: str | Path,
    cutouts: AnnotatedFolder,
    fields: AnnotatedFolder,
    settings: FrameSettings | None = None,
    *,
    held_out_by: str | Path | None = None,
    annotation_format: str = "voc",
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> pd.DataFrame:
    """Paste annotated galaxies onto annotated fields, in many sizes, and write the frames.

    Writes ``images/frame_0001.png`` and so on and, at the end, ``annotations/`` (the boxes of the
    field and of the pasted galaxies) and ``truth.csv`` with one row per pasted galaxy: frame,
    field, cutout, scale (frame pixels per cutout pixel), gain (factor on the surface brightness),
    label and box.

    Parameters
    ----------
    output : str or Path
        A new or empty folder, or with `overwrite` one of an earlier simulation.
    cutouts : AnnotatedFolder
        Images of galaxies; those clear of their neighbours are extracted.
    fields : AnnotatedFolder
        Images onto which they are pasted, used in turn.
    settings : FrameSettings, optional
        Numbers and sizes.
    held_out_by : str or Path, optional
        Detector whose held-out images alone are used, see `held_out_names`.
    annotation_format : str
        Name of the format of ``annotations/``.
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
        If an image or annotation cannot be read, no image is held out, or no galaxy can be cut out.
    BundleError
        If `held_out_by` does not list held-out images.
    ConfigError
        If the annotation format cannot be written.
    OutputError
        If the folder holds something else, or cannot be written.
    """
    settings = settings or FrameSettings()
    folder = Path(output)
    check_writable([annotation_format])
    allowed = None if held_out_by is None else held_out_names(held_out_by)
    scenes = _images(fields, allowed)
    sources = _images(cutouts, allowed)
    claim(folder, overwrite=overwrite)
    lights: list[GalaxyLight] = []
    for path, annotated in track(sources, "cutting out", progress):
        lights += cut_galaxies(path.name, to_rgb(read_field(path)), annotated)
    if not lights:
        raise InputError(
            f"{cutouts.annotations}: no galaxy is clear of its neighbours and of the edges of its "
            "image. Give cutouts with more sky around the galaxy."
        )
    rows: list[dict[str, Any]] = []
    annotated_frames: list[AnnotatedImage] = []
    for index in track(range(settings.frames), "pasting", progress):
        path, annotated = scenes[index % len(scenes)]
        rng = np.random.default_rng([settings.seed, index])
        sides = settings.draw_sides(rng)
        made = paste_galaxies(to_rgb(read_field(path)), annotated, lights, sides, rng)
        name = f"frame_{index + 1:04d}"
        annotated_frames.append(_write(folder, name, made))
        rows += _rows(name, path.name, made)
    write_boxes(folder, annotated_frames, annotation_format)
    return write_truth(folder, pd.DataFrame(rows, columns=_COLUMNS))


def held_out_names(record: str | Path) -> frozenset[str]:
    """Return the file names of the held-out images of a training.

    Parameters
    ----------
    record : str or Path
        Name of a shipped detector, its bundle, or a text file with one name per line, as written by
        ``galpipe annotations split``.

    Raises
    ------
    BundleError
        If there is no such bundle, or it does not list held-out images.
    InputError
        If the text file cannot be read.
    """
    path = Path(record)
    if path.suffix == ".txt" and path.is_file():
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read as a list of file names: {error}.") from error
        names = [line.strip() for line in lines]
    else:
        names = sorted(find_bundle(record).manifest.data.held_out)
    found = frozenset(PurePosixPath(name).name for name in names if name)
    if not found:
        raise BundleError(
            f"{record}: lists no held-out images of its training. Give another model, "
            "or a text file (.txt) of file names, one a line"
        )
    return found


def _images(
    annotated: AnnotatedFolder, allowed: frozenset[str] | None
) -> list[tuple[Path, AnnotatedImage]]:
    pairs = read_annotated_images(annotated.annotations, annotated.images)
    kept = [(path, image) for path, image in pairs if allowed is None or path.name in allowed]
    if not kept:
        raise InputError(
            f"{annotated.images}: none of its {len(pairs)} annotated images was held out of the "
            "training. Give images that the detector has not seen."
        )
    return kept


def _write(folder: Path, name: str, made: PastedFrame) -> AnnotatedImage:
    height, width = made.rgb.shape[:2]
    write_png(folder / "images" / f"{name}.png", made.rgb)
    return AnnotatedImage(f"{name}.png", width, height, objects=made.objects)


def _rows(frame: str, field: str, made: PastedFrame) -> list[dict[str, Any]]:
    return [
        {
            "frame": frame,
            "field": field,
            "cutout": one.source,
            "scale": round(one.scale, 4),
            "gain": round(one.gain, 3),
            "label": one.box.label,
            **dict(zip(_EDGES, one.box.edges, strict=True)),
        }
        for one in made.pasted
    ]

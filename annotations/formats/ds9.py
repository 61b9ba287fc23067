"""DS9 region files, one per image.

In DS9 the centre of the first pixel is at 1, so its positions are pixel-edge coordinates plus 0.5.
As in the catalogue, y follows the rows of the array as read.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, OutputError
from ...files.safe_readers import read_text
from ...imaging import FITS_SUFFIXES, Field, read_field
from ..annotation import AnnotatedImage, ObjectBox
from ..collection import Collection
from .ds9_regions import SKY_FRAMES, Region, ShapeKind, parse_regions
from .format import AnnotationFormat, ReadOptions, WriteOptions, none_left
from .image_files import (
    annotation_files,
    any_annotation_file,
    files_by_stem,
    mirrored_stem,
    named_by_file,
)
from .numbers import check_pixel, format_number, write_lines

if TYPE_CHECKING:
    from astropy.time import Time

__all__ = ["FORMAT", "read_ds9", "write_ds9"]

_SUFFIX = ".reg"
_MAX_BYTES = 16 * 2**20
_HEADER = ("# Region file format: DS9 version 4.1\n", "global color=green\n", "image\n")
_FLAGS = ("difficult", "truncated")

# Decimals of a pixel: removes rounding errors of half widths and rotated boxes.
_DECIMALS = 9

# Keywords that offset the physical pixels from those of the array, and their defaults.
_PHYSICAL = {"LTV1": 0, "LTV2": 0, "LTM1_1": 1, "LTM2_2": 1, "LTM1_2": 0, "LTM2_1": 0}


def read_ds9(path: Path, options: ReadOptions) -> Iterator[tuple[Path, AnnotatedImage]]:
    """Read DS9 regions as boxes.

    Boxes, ellipses, circles and polygons become their upright bounding boxes, rings the bounding
    box of the outer shape.  Coordinates are image coordinates, physical ones if identical to them
    (also where the file names no system, as DS9 and CIAO do), or sky coordinates (fk5, icrs, fk4,
    galactic, ecliptic; degrees or sexagesimal, sizes also in arcminutes and arcseconds), which need
    the image and its WCS.  Ecliptic coordinates are those of the mean ecliptic and equinox of the
    image's date of observation, or of J2000 without it, as in DS9.

    The class is the text of the region, or else its first tag; a ``global`` line sets the default
    text and tags of the regions after it.  The tags ``difficult`` and ``truncated`` set these
    flags; an excluded region (``-circle(...)``) is difficult, too.

    Parameters
    ----------
    path : Path
        A region file, or a folder of them, each with the stem of its image.
    options : ReadOptions
        `images` supply full names, sizes and WCS.  The setting ``class_name`` is the class of
        regions without text and tags, by default "object".

    Yields
    ------
    (Path, AnnotatedImage)
        Region file and image, sorted by the file's name.

    Raises
    ------
    InputError
        If there is no region file.  Unreadable files, and regions that are malformed or have no
        extent, are passed to `options.on_error`.
    """
    for file in annotation_files(path, _is_region_file, f"{_SUFFIX} file"):
        try:
            yield file, _read_file(file, mirrored_stem(file, path), options)
        except InputError as error:
            options.on_error(error)


def write_ds9(folder: Path, images: Collection, options: WriteOptions) -> None:
    """Write DS9 regions: boxes in image coordinates with their class as text.

    Difficult and truncated objects are tagged as such.  Coordinates are exact to 1e-9 pixel.

    Parameters
    ----------
    folder : Path
        Folder for ``<image stem>.reg``, also of images without objects.
    images : Collection
        The annotations.
    options : WriteOptions
        Not used.

    Raises
    ------
    InputError
        If an image's name is not a file name.
    OutputError
        If two images have the same stem, a class cannot be represented in a region file, or a file
        cannot be written.
    """
    files = files_by_stem(folder, images.names, _SUFFIX)
    for file, image in zip(files, images, strict=True):
        write_lines(file, [*_HEADER, *map(_line, image.objects)])


def _read_file(file: Path, stem: str, options: ReadOptions) -> AnnotatedImage:
    refused = 0

    def report(error: ValueError) -> None:
        nonlocal refused
        refused += 1
        options.on_error(InputError(f"{file}, {error}. Correct or delete that region."))

    regions = list(parse_regions(read_text(file, _MAX_BYTES), report))
    image = None if options.images is None else options.images.find(stem)
    default = str(options.settings.get("class_name", "object"))
    objects: list[ObjectBox] = []
    for region, points in zip(regions, _points_on_image(regions, str(file), image), strict=True):
        try:
            objects.append(_object(region, _edges(region.kind, points), default))
        except ValueError as error:
            report(ValueError(f"line {region.line}: {error}"))
    if refused and not objects:
        raise none_left(file, stem, refused)
    annotated = AnnotatedImage(stem, 0, 0, objects=tuple(objects))
    return named_by_file(annotated, options.images, stem)


def _points_on_image(
    regions: Sequence[Region], name: str, image: Path | None
) -> list[NDArray[np.float64]]:
    """Return the points of each region in pixel-edge coordinates of the array, shape (N, 2).

    Sky positions outside the projection of the image are not finite.
    """
    if not regions:
        return []
    ends = np.cumsum([len(region.points) for region in regions])
    frames = np.repeat([region.frame for region in regions], np.diff(ends, prepend=0))
    points = np.array([point for region in regions for point in region.points], dtype=np.float64)
    field = None
    for frame in sorted(set(frames)):
        chosen = frames == frame
        if frame in SKY_FRAMES:
            field = _read_field(name, image) if field is None else field
            equinox = _ecliptic_equinox(field) if frame == "ecliptic" else None
            ra, dec = _icrs(name, SKY_FRAMES[frame], points[chosen], equinox)
            points[chosen] = np.stack(field.pixel(ra, dec), axis=1)
        else:
            if frame == "physical":
                _check_physical(name, image)
            points[chosen] -= 0.5
    return np.split(points, ends[:-1])


def _read_field(name: str, image: Path | None) -> Field:
    if image is None:
        raise InputError(
            f"{name} has regions on the sky, but there is no image of that name to place them on. "
            "Give its folder with --images."
        )
    field = read_field(image)
    if field.wcs is None:
        raise InputError(
            f"{name} has regions on the sky, but {image} has no WCS. Save the regions in image "
            "coordinates."
        )
    return field


def _ecliptic_equinox(field: Field) -> Time:
    """Return the equinox of ecliptic coordinates: the date of observation, or else J2000.

    Source: ``FitsImage::setAstSkyFrame`` of SAOImage DS9.
    """
    from astropy.time import Time

    date = field.wcs.wcs.mjdobs if field.wcs is not None else math.nan
    return Time(date, format="mjd") if math.isfinite(date) else Time("J2000")


def _icrs(
    name: str, frame: str, points: NDArray[np.float64], equinox: Time | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from astropy.coordinates import SkyCoord

    try:
        places = SkyCoord(points[:, 0], points[:, 1], unit="deg", frame=frame, equinox=equinox).icrs
    except ValueError as error:
        raise InputError(f"{name} has regions that are not on the sky ({error}).") from error
    return places.ra.deg, places.dec.deg


def _check_physical(name: str, image: Path | None) -> None:
    """Raise an error if physical coordinates differ from image coordinates."""
    if image is None or not image.name.lower().endswith(FITS_SUFFIXES):
        return
    from astropy.io import fits

    try:
        with warnings.catch_warnings(), fits.open(image, mode="readonly") as hdus:
            warnings.simplefilter("ignore")
            offset = any(
                hdu.header.get(key, value) != value
                for hdu in hdus
                for key, value in _PHYSICAL.items()
            )
    except Exception as error:  # a damaged file reaches astropy's readers at any point
        raise InputError(f"Cannot read the header of {image}. Copy it again.") from error
    if offset:
        raise InputError(
            f"{name} uses physical coordinates, which differ from the pixels of {image.name}. Save "
            "the regions in image coordinates."
        )


def _edges(kind: ShapeKind, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return xmin, ymin, xmax, ymax of the upright box around a region."""
    if kind == "edges":
        return points.ravel()
    if kind == "polygon":
        return np.concatenate([points.min(axis=0), points.max(axis=0)])
    centre, arms = points[0], points[1:] - points[0]
    # Half extent: the sum of the arms for a box, their norm for an ellipse.
    reach = np.abs(arms).sum(axis=0) if kind == "box" else np.hypot(*arms)
    return np.concatenate([centre - reach, centre + reach])


def _object(region: Region, edges: NDArray[np.float64], default: str) -> ObjectBox:
    xmin, ymin, xmax, ymax = (check_pixel(round(edge, _DECIMALS)) for edge in edges.tolist())
    groups = [tag for tag in region.tags if tag.strip() and tag not in _FLAGS]
    label = region.text if region.text.strip() else next(iter(groups), default)
    difficult = region.excluded or "difficult" in region.tags
    return ObjectBox(label, xmin, ymin, xmax, ymax, difficult, "truncated" in region.tags)


def _line(box: ObjectBox) -> str:
    centre = (box.xmin + box.xmax) / 2 + 0.5, (box.ymin + box.ymax) / 2 + 0.5
    numbers = ",".join(map(format_number, (*centre, box.width, box.height, 0)))
    tags = "".join(f" tag={{{flag}}}" for flag in _FLAGS if getattr(box, flag))
    return f"box({numbers}) # text={_enclosed(box.label)}{tags}\n"


def _enclosed(text: str) -> str:
    for opening, closing in ("{}", '""', "''"):
        if not {opening, closing, "\n"} & set(text):
            return f"{opening}{text}{closing}"
    raise OutputError(
        f"The class {text[:40]!r} cannot be written to a region file: it has a line break, or "
        "braces and both kinds of quotes. Rename it."
    )


def _is_region_file(path: Path) -> bool:
    return path.suffix.lower() == _SUFFIX and not path.name.startswith(".") and path.is_file()


def _recognises(path: Path) -> bool:
    return any_annotation_file(path, _is_region_file) is not None


FORMAT = AnnotationFormat(
    name="ds9",
    title="DS9 regions",
    supports=frozenset({"empty", "difficult", "truncated"}),
    recognises=_recognises,
    read=read_ds9,
    write=write_ds9,
    refuses_empty_boxes=True,
)

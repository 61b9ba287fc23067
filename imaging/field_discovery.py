"""Sources of fields: a file, or three of bands, and the names of the fields."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from ..files.names import safe_name
from ..files.remote import is_address
from .fits import FITS_SUFFIXES
from .picture import PICTURE_SUFFIXES

__all__ = [
    "FieldSource",
    "field_name",
    "field_source",
    "file_stem",
    "has_field_suffix",
    "name_with_images",
    "split_bands",
    "split_selection",
]

_SUFFIXES = tuple(sorted((*FITS_SUFFIXES, *PICTURE_SUFFIXES), key=len, reverse=True))
_BANDS = 3
_SELECTED = re.compile(r"(.+)\[([^\[\]]+)\]", re.DOTALL)
_COMMA = re.compile(r",(?![^\[\]]*\])")  # not within brackets


@dataclass(frozen=True, slots=True)
class FieldSource:
    """File of one field, or its three files of bands in red, green, blue order.

    Attributes
    ----------
    identifier : str
        Short name of the field: that of the file, or the part that the names of the bands share.
    paths : tuple of Path
        One or three files; of an address, the part after ``://``.
    images : tuple of str
        Selected images of each FITS file, such as ``SCI,2``; empty strings, or none at all, for the
        default.
    bands : tuple of str
        Selected bands of a FITS file that holds several: one, or red, green, blue.
    notes : tuple of str
        Notes for the user on the choice of the images.
    urls : tuple of str
        Address of each file, empty for a local one; none at all if all are local.
    versions : tuple of str
        What changes with the content of each address.
    stem : str
        Beginning of the names of sources without sky coordinates; empty for the name of the files.
    """

    identifier: str
    paths: tuple[Path, ...]
    images: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    stem: str = ""

    @property
    def places(self) -> tuple[str, ...]:
        """Paths or addresses, as a user gives them."""
        urls = self.urls or ("",) * len(self.paths)
        return tuple(url or str(path) for url, path in zip(urls, self.paths, strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Return the source in types supported by JSON."""
        return asdict(self) | {"paths": [str(path) for path in self.paths]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> FieldSource:
        """Return the source of which `as_dict` returned the content.

        Parameters
        ----------
        content : mapping
            The content, also after it was written to JSON.
        """
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content.items()
        }
        return cls(**given | {"paths": tuple(map(Path, content["paths"]))})

    def __str__(self) -> str:
        """Return the source as a user gives it: ``r.fits,g.fits,b.fits``, ``file.fits[SCI,2]``."""
        keys = self.images or ("",) * len(self.paths)
        parts = (
            f"{place}[{key}]" if key else place
            for place, key in zip(self.places, keys, strict=True)
        )
        return ",".join(parts)


def field_source(source: str | Path | Sequence[str | Path]) -> FieldSource:
    """Parse the source of a field, without checking that it exists.

    Parameters
    ----------
    source : str, Path or sequence of paths
        A file, or three files in red, green, blue order, also written ``"red,green,blue"``; files
        or addresses.  Images
        of a FITS file are selected by their name, name and version or number: ``file.fits[SCI,2]``,
        ``file.fits[3]``; three of them as red, green, blue: ``file.fits[z,r,g]``.

    Raises
    ------
    InputError
        If there is another number of files than one or three.

    Examples
    --------
    >>> field_source("frame-i-12.fits,frame-r-12.fits,frame-g-12.fits").identifier
    'frame-12'
    """
    given: list[str | Path] = [source] if isinstance(source, str | Path) else list(source)
    # Path.exists raises an error if a name is too long for the file system.
    if isinstance(source, str | Path) and "," in str(source) and not os.path.exists(source):
        bands = split_bands(str(source))
        # A comma may also belong to the query of an address.
        if not is_address(source) or all(map(is_address, bands)):
            given = [*bands]
    parts = [split_selection(path) for path in given]
    files, keys = tuple(_path_of(place) for place, _ in parts), tuple(key for _, key in parts)
    urls = tuple(place if is_address(place) else "" for place, _ in parts)
    if len(files) not in (1, _BANDS) or not all(str(path) for path in given):
        raise InputError(
            f"'{','.join(map(str, given))}' names {len(files)} files. Give three bands as "
            "'red.fits,green.fits,blue.fits', or separate fields by spaces."
        )
    name = field_name(files, keys)
    return FieldSource(name, files, keys if any(keys) else (), urls=urls if any(urls) else ())


def field_name(paths: Sequence[Path], images: Sequence[str] = ()) -> str:
    """Return the name of a field, by its files and images alone.

    Parameters
    ----------
    paths : sequence of Path
        One or three files.
    images : sequence of str
        Selected images of each.

    Examples
    --------
    >>> field_name([Path("mosaic.fits")], ["CCD2"])
    'mosaic-CCD2'
    """
    name = file_stem(paths[0]) if len(paths) == 1 else _common_stem(tuple(paths))
    return name_with_images(name, images)


def name_with_images(name: str, images: Sequence[str]) -> str:
    """Append the names of images to a name.

    Parameters
    ----------
    name : str
        Name of a file.
    images : sequence of str
        Selected images.

    Examples
    --------
    >>> name_with_images("flt", ["SCI,2"])
    'flt-SCI-2'
    """
    keys = dict.fromkeys(key.replace(",", "-") for key in images if key)
    return safe_name("-".join([name, *keys]), default="field")


def split_bands(text: str) -> list[str]:
    """Split ``red.fits,green.fits,blue.fits`` at its commas outside of brackets.

    Parameters
    ----------
    text : str
        One file or several.

    Examples
    --------
    >>> split_bands("r.fits[SCI,1], g.fits")
    ['r.fits[SCI,1]', 'g.fits']
    """
    return [part.strip() for part in _COMMA.split(text)]


def split_selection(given: str | Path) -> tuple[str, str]:
    """Split ``file.fits[SCI,2]``, unless a file is really called so.

    Parameters
    ----------
    given : str or Path
        A file or an address, with or without selected images.

    Returns
    -------
    place : str
        The file or address.
    images : str
        The selected images; empty if there are none.
    """
    match = _SELECTED.fullmatch(str(given))
    if match is None or os.path.exists(given):
        return str(given), ""
    return match[1], match[2].strip()


def has_field_suffix(name: str) -> bool:
    """Return whether a file may be a field, by its name.

    Parameters
    ----------
    name : str
        Name of the file.
    """
    return name.lower().endswith(_SUFFIXES)


def _path_of(place: str) -> Path:
    """Return the path, or of an address the part that names the file."""
    if not is_address(place):
        return Path(place)
    parts = urlsplit(place)
    return Path(parts.netloc + parts.path)


def file_stem(path: Path) -> str:
    """Return the name of a file without its suffix, such as ``.fits.gz``.

    Parameters
    ----------
    path : Path
        The file.
    """
    for suffix in _SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def _common_stem(paths: tuple[Path, ...]) -> str:
    stems = [file_stem(path) for path in paths]
    if len(set(stems)) == 1:
        return stems[0]
    start = _shared_start(stems)
    end = _shared_start([stem[len(start) :][::-1] for stem in stems])[::-1]
    # 'frame-i-002583' and 'frame-r-002583' share 'frame-' and '-002583'
    shared = re.sub(r"([-_.])[-_.]+", r"\1", start + end).strip("-_.")
    return shared if len(shared) > _BANDS else "_".join(stems)


def _shared_start(names: list[str]) -> str:
    letters = takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False))
    return "".join(column[0] for column in letters)

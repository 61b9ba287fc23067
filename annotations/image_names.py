"""File names of images."""

from __future__ import annotations

from ..errors import InputError

__all__ = ["IMAGE_SUFFIXES", "image_stem", "image_suffix"]

IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".tif",
    ".tiff",
    ".bmp",
    ".webp",
    ".fits",
    ".fit",
    ".fts",
    ".fits.gz",
    ".fit.gz",
    ".fts.gz",
    ".fits.bz2",
    ".fit.bz2",
    ".fts.bz2",
    ".fits.fz",
    ".fit.fz",
    ".fts.fz",
)

_SUFFIXES = frozenset(IMAGE_SUFFIXES)
_PACKED = frozenset({".gz", ".bz2", ".fz"})


def image_suffix(name: str) -> str:
    """Return the image extension at the end of a name, as written; empty if it has none.

    Parameters
    ----------
    name : str
        A file name.

    Examples
    --------
    >>> image_suffix("ngc.6976.FITS.gz")
    '.FITS.gz'
    """
    dot = name.rfind(".")
    if name[dot:].lower() in _PACKED:
        dot = name.rfind(".", 0, dot)
    suffix = name[dot:] if dot >= 0 else ""
    return suffix if suffix.lower() in _SUFFIXES else ""


def image_stem(name: str) -> str:
    """Return the base name of an image without its image extension; other dots are kept.

    Parameters
    ----------
    name : str
        Name in an annotation, with folders in the notation of any system.

    Raises
    ------
    InputError
        If the stem is empty or not a file name.

    Examples
    --------
    >>> image_stem("sky/ngc.6976.fits.gz")
    'ngc.6976'
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem = last.removesuffix(image_suffix(last))
    if stem in ("", ".", "..") or "\x00" in stem:
        raise InputError(f"Image name {name!r} names no file. Give the image a plain file name.")
    return stem

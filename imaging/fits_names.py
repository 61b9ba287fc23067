"""Name the images of a FITS file, in selections by the user and in messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .fits_hdus import ImageHdu

__all__ = ["joint_key", "key_of", "label", "listed"]

_NAMED = 6  # names in a message


def key_of(images: Sequence[ImageHdu], image: ImageHdu) -> str:
    """Return the shortest selection of an image: its name, name and version, or number.

    Parameters
    ----------
    images : sequence of ImageHdu
        The images of the file.
    image : ImageHdu
        One of them.
    """
    same = [other for other in images if other.name.upper() == image.name.upper()]
    plain = image.name and not image.name.isdigit() and not set(image.name) & set(",[]")
    if not plain:
        return str(image.number)
    if len(same) == 1:
        return image.name
    if sum(other.version == image.version for other in same) == 1:
        return f"{image.name},{image.version}"
    return str(image.number)


def joint_key(images: Sequence[ImageHdu], chosen: Sequence[ImageHdu]) -> str:
    """Return the selection of one or three images.

    Parameters
    ----------
    images : sequence of ImageHdu
        The images of the file.
    chosen : sequence of ImageHdu
        One or three of them.
    """
    keys = [key_of(images, image) for image in chosen]
    if len(set(keys)) == 1:
        return keys[0]
    # A comma also separates a name from its version.
    return ",".join(
        str(image.number) if "," in key else key for key, image in zip(keys, chosen, strict=True)
    )


def label(key: str) -> str:
    """Return a selection as words: ``HDU 2`` for the number 2.

    Parameters
    ----------
    key : str
        The selection.
    """
    return f"HDU {key}" if key[:1].isdigit() else key


def listed(names: Iterable[str]) -> str:
    """Join names for a message: the first few of many.

    Parameters
    ----------
    names : iterable of str
        The names.

    Examples
    --------
    >>> listed(["SCI", "ERR", "DQ"])
    'SCI, ERR and DQ'
    """
    names = list(names)
    more = len(names) - _NAMED
    shown = names if more <= 1 else [*names[:_NAMED], f"{more} others"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))

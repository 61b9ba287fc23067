"""Choose the images of a FITS file that make up a field, or its several fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from .fits_hdus import ImageHdu, Role, sky_distance
from .fits_names import joint_key, key_of, label, listed

__all__ = ["FieldImages", "FileImages", "Plane", "choose_images"]

_COLOURS = 3
# Bands of one place: their middles are closer than this share of the shorter side.
_SAME_PLACE = 0.25
# Red, green and blue as the shipped models know them: SDSS and the Legacy Surveys.
_KNOWN_TRIPLES = (("i", "r", "g"), ("z", "r", "g"))


@dataclass(frozen=True, eq=False)
class Plane:
    """One band of a field: a plane of an image.

    Attributes
    ----------
    image : ImageHdu
        The image.
    index : int
        Number of the plane, from 0.
    """

    image: ImageHdu
    index: int = 0

    @property
    def band(self) -> str:
        """Filter; empty if unknown."""
        return self.image.bands[self.index]

    @property
    def wavelength(self) -> float | None:
        """Wavelength in nm."""
        return self.image.wavelengths[self.index]


@dataclass(frozen=True, eq=False)
class FieldImages:
    """The images of one field.

    Attributes
    ----------
    planes : tuple of Plane
        One, or red, green and blue.
    auxiliary : dict of int to list of ImageHdu
        Mask and weight planes by the number of the image that they belong to.
    key : str
        The images as a user names them in ``file.fits[KEY]``.
    """

    planes: tuple[Plane, ...]
    auxiliary: dict[int, list[ImageHdu]]
    key: str


@dataclass(frozen=True, eq=False)
class FileImages:
    """The fields of a file.

    Attributes
    ----------
    fields : tuple of FieldImages
        At least one.
    note : str
        The images of the file that belong to no field; empty if there are none.
    whole : bool
        Whether a field is chosen by default: the file has no other, and nothing was selected.
    """

    fields: tuple[FieldImages, ...]
    note: str
    whole: bool


def choose_images(
    name: str, images: Sequence[ImageHdu], key: str = "", bands: Sequence[str] = ()
) -> FileImages:
    """Choose the images of the fields of a file.

    Images of different places, such as the CCDs of a mosaic camera, are fields of their own. Images
    of one place in different filters are the bands of one field: three are chosen, red first.

    Parameters
    ----------
    name : str
        File, for messages.
    images : sequence of ImageHdu
        The images of the file.
    key : str
        Images that the user selected: ``SCI``, ``SCI,2``, ``3`` (number of the HDU), or three of
        them in red, green, blue order.
    bands : sequence of str
        One or three bands that the user selected, by filter, name of the HDU, or number of the HDU
        or of the plane (from 1).

    Returns
    -------
    FileImages

    Raises
    ------
    InputError
        If there is no such image or band, or none that can be read; the message lists the images.
    """
    science = [image for image in images if image.role == "science"]
    chosen = _selected(name, images, key) if key else science
    if not chosen:
        raise _no_image(name, images)
    places = [chosen] if key else _places(science)
    if bands:
        groups = _groups_of_bands(name, places, chosen, bands)
    else:
        groups = [group for place in places if (group := _planes(place, ordered=bool(key)))]
    if not groups:
        raise _no_bands(name, chosen[0])
    auxiliary = _auxiliary(science, images)
    fields = tuple(
        FieldImages(tuple(group), auxiliary, joint_key(images, [plane.image for plane in group]))
        for group in groups
    )
    whole = not key and not bands and len(fields) == 1
    note = "" if key or bands else _note(images, groups, auxiliary)
    return FileImages(fields, note, whole)


def _selected(name: str, images: Sequence[ImageHdu], key: str) -> list[ImageHdu]:
    parts = [part.strip() for part in key.split(",")]
    wanted: list[tuple[str, int | None]]
    if len(parts) == 2 and parts[1].isdigit():
        wanted = [(parts[0], int(parts[1]))]
    else:
        wanted = [(part, None) for part in parts]
    if len(wanted) not in (1, _COLOURS):
        raise InputError(
            f"'{name}[{key}]' names {len(wanted)} images. Give one, or three in red, green, blue "
            f"order. {_there_are(name, images)}"
        )
    return [_find(name, images, *part) for part in wanted]


def _find(name: str, images: Sequence[ImageHdu], text: str, version: int | None) -> ImageHdu:
    for image in images:
        if version is None and text.isdigit() and image.number == int(text):
            return image
    for image in images:
        if image.name and image.name.upper() == text.upper() and version in (None, image.version):
            return image
    wanted = text if version is None else f"{text},{version}"
    raise InputError(f"{name} has no image '{wanted}'. {_there_are(name, images)}")


def _there_are(name: str, images: Sequence[ImageHdu]) -> str:
    keys = [key_of(images, image) for image in images]
    return f"It has the images {listed(keys)}: give one as '{name}[{keys[0]}]'." if keys else ""


def _no_image(name: str, images: Sequence[ImageHdu]) -> InputError:
    if not images:
        return InputError(
            f"{name} is a FITS file without an image. Give one that holds an image; if it should, "
            "copy or download it again."
        )
    return InputError(
        f"{name} holds no image of the sky, only masks, weights or errors by their names. "
        f"{_there_are(name, images)}"
    )


def _places(science: Sequence[ImageHdu]) -> list[list[ImageHdu]]:
    """Group the images that show one place in different bands."""
    places: list[list[ImageHdu]] = []
    for image in science:
        for place in places:
            if all(_bands_of_one_place(image, other) for other in place):
                place.append(image)
                break
        else:
            places.append([image])
    return places


def _bands_of_one_place(one: ImageHdu, two: ImageHdu) -> bool:
    if one.planes > 1 or two.planes > 1:
        return False
    names = {one.bands[0], two.bands[0]}
    if "" in names or len(names) == 1:
        return False
    if one.place is None or two.place is None:
        # Only filters tell; names such as 'left' and 'right' do not.
        return one.shape == two.shape and None not in one.wavelengths + two.wavelengths
    return sky_distance(one.place, two.place) < _SAME_PLACE * min(one.place[2], two.place[2])


def _planes(place: Sequence[ImageHdu], *, ordered: bool) -> list[Plane]:
    """Return the bands of the images of one place; none if their colours are unknown."""
    planes = [Plane(image, index) for image in place for index in range(image.planes)]
    if len(planes) == 1 or (ordered and len(place) > 1 and len(planes) == len(place)):
        return planes
    if all(plane.band for plane in planes):
        return _three(planes)
    return planes if len(planes) == _COLOURS else []


def _no_bands(name: str, image: ImageHdu) -> InputError:
    return InputError(
        f"{name} holds an image of shape {image.width} x {image.height} x {image.planes}, and no "
        "names of its bands. Give one band, a cube of three planes (red, green, blue), or three "
        "files 'r.fits,g.fits,b.fits'; or choose planes by their numbers: --bands 3,2,1."
    )


def _three(planes: Sequence[Plane]) -> list[Plane]:
    """Choose three bands, red first; the reddest of two."""
    if len({plane.band for plane in planes}) < len(planes):
        planes = list({plane.band: plane for plane in reversed(planes)}.values())[::-1]
    lengths = {plane.band: plane.wavelength or 0.0 for plane in planes}
    if not all(lengths.values()):
        # As a cube of red, green and blue.
        return list(planes[:_COLOURS]) if len(planes) >= _COLOURS else list(planes[:1])
    planes = sorted(planes, key=lambda plane: -lengths[plane.band])
    if len(planes) < _COLOURS:
        return planes[:1]
    by_name = {plane.band.lower(): plane for plane in planes}
    # Bands of one survey: the Legacy Surveys have no u.
    triples = _KNOWN_TRIPLES if "u" in by_name or "z" not in by_name else _KNOWN_TRIPLES[::-1]
    for triple in triples:
        if all(band in by_name for band in triple):
            return [by_name[band] for band in triple]
    # The ends and the band nearest to the middle between them in ratio.
    red, *between, blue = planes
    middle = np.sqrt(lengths[red.band] * lengths[blue.band])
    green = min(between, key=lambda plane: abs(np.log(lengths[plane.band] / middle)))
    return [red, green, blue]


def _groups_of_bands(
    name: str, places: Sequence[list[ImageHdu]], chosen: Sequence[ImageHdu], bands: Sequence[str]
) -> list[list[Plane]]:
    groups = [group for place in places if (group := _matching(place, bands))]
    if not groups and (group := _matching(chosen, bands)):
        # Bands that nothing but the user's word brings together.
        groups = [group]
    if groups:
        return groups
    there = dict.fromkeys(
        plane for image in chosen for plane in (image.bands if any(image.bands) else [image.name])
    )
    names = listed([band for band in there if band]) or "no names of bands"
    raise InputError(
        f"{name} has no bands {', '.join(bands)}: it has {names}. Give one of these, or three; "
        "bands without a name by the number of the HDU, or of the plane of a cube from 1."
    )


def _matching(place: Sequence[ImageHdu], bands: Sequence[str]) -> list[Plane]:
    """Return the planes of the bands; an empty list unless there is one for each."""
    planes = [Plane(image, index) for image in place for index in range(image.planes)]
    cube = len(place) == 1 and len(planes) > 1
    found = []
    for band in bands:
        names = [
            {plane.band: plane for plane in reversed(planes)},
            {plane.band.lower(): plane for plane in reversed(planes)},
            {} if cube else {plane.image.name.lower(): plane for plane in reversed(planes)},
            {str(plane.index + 1 if cube else plane.image.number): plane for plane in planes},
        ]
        match = next(
            (known[text] for known in names for text in (band, band.lower()) if text in known), None
        )
        if match is None:
            return []
        found.append(match)
    return found


def _auxiliary(
    science: Sequence[ImageHdu], images: Sequence[ImageHdu]
) -> dict[int, list[ImageHdu]]:
    """Assign mask and weight planes to images, by their names, or by their order."""
    owned: dict[int, list[ImageHdu]] = {image.number: [] for image in science}
    roles: tuple[Role, ...] = ("mask", "weight")
    for role in roles:
        planes = [image for image in images if image.role == role and image not in science]
        lonely = []
        for plane in planes:
            named = [
                image
                for image in science
                if (image.words, image.version) == (plane.words, plane.version)
                and image.shape == plane.shape
            ]
            if len(named) == 1:
                owned[named[0].number].append(plane)
            else:
                lonely.append(plane)
        in_order = len(lonely) == len(planes) == len(science)
        for place, plane in enumerate(lonely):
            same = [image for image in science if image.shape == plane.shape]
            before = [image for image in same if image.number < plane.number]
            owners = [science[place]] if in_order else (before[-1:] or same[:1])
            for owner in owners:
                if owner.shape == plane.shape:
                    owned[owner.number].append(plane)
    return owned


def _note(
    images: Sequence[ImageHdu],
    groups: Sequence[Sequence[Plane]],
    auxiliary: dict[int, list[ImageHdu]],
) -> str:
    """Return a note on the images that are not used."""
    used = {plane.image for group in groups for plane in group}
    helping = {plane for image in used for plane in auxiliary.get(image.number, ())}
    unused = [
        f"band {image.bands[0]}"
        if image.role == "science" and image.bands[0] and not image.name
        else label(key_of(images, image))
        for image in images
        if image not in used | helping and image.role != "silent"
    ]
    taken = {(plane.image, plane.index) for group in groups for plane in group}
    unused += [
        f"band {image.bands[index] or index + 1}"
        for image in images
        if image in used
        for index in range(image.planes)
        if (image, index) not in taken
    ]
    if not unused:
        return ""
    verb = "was" if len(unused) == 1 else "were"
    two = any(
        len(group) == 1 and image not in used and _bands_of_one_place(group[0].image, image)
        for group in groups
        for image in images
        if image.role == "science"
    )
    two |= any(len(group) == 1 and group[0].image.planes == 2 for group in groups)
    reason = ": colour needs three bands" if two else ""
    return f"{listed(unused)} in the file {verb} not used{reason}"

"""Split annotated images into training, validation and test sets, and write the lists."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..annotations.source import AnnotationSource
from ..errors import InputError
from ..files.output_folder import OutputFolder
from ..files.versions import record_of_versions
from .duplicate_groups import SAME_POSITION, group_galaxies
from .identifiers import Identities, read_identifiers
from .sky_groups import overlapping_fields, same_position
from .split import Indices, folds_by_galaxy, object_strata, split_by_galaxy

__all__ = ["RECORD_NAME", "DatasetSplit", "SplitSettings", "write_split"]

RECORD_NAME = "split.json"

_OURS = tuple(
    f"{folder}{side}.txt" for folder in ("", "fold*/") for side in ("train", "validation", "test")
)


@dataclass(frozen=True)
class SplitSettings:
    """Settings of a split of annotated images.

    Attributes
    ----------
    test, validation : float
        Fractions of the images in the test and validation sets.
    folds : int or None
        Number of folds for cross-validation, in place of `test` and `validation`.
    seed : int
        Seed of the random order of the galaxies.
    identifiers : str, Path or None
        Table of the objects on the images; see `read_identifiers`.
    radius : float
        Maximum separation in arcseconds of positions in that table of the same galaxy.
    near_duplicates : bool
        Compare the pixels of the images; see `find_near_duplicates`.
    """

    test: float = 0.2
    validation: float = 0.1
    folds: int | None = None
    seed: int = 0
    identifiers: str | Path | None = None
    radius: float = SAME_POSITION
    near_duplicates: bool = True


@dataclass(frozen=True)
class DatasetSplit:
    """A split of annotated images.

    Attributes
    ----------
    sides : mapping of str to mapping
        Counts of each list (``train``, ``fold0/test``); see `write_split`.
    galaxies : mapping of str to tuple of str
        Names of the images of each galaxy that has several, by the name of the galaxy.
    """

    sides: Mapping[str, Mapping[str, Any]]
    galaxies: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class _Images:
    """Distinct annotated images, sorted by name."""

    paths: list[Path]
    names: list[str]
    labels: list[list[str]]
    difficult: list[int]


def write_split(
    source: AnnotationSource,
    output: str | Path,
    settings: SplitSettings | None = None,
    *,
    overwrite: bool = False,
) -> DatasetSplit:
    """Split annotated images by galaxy, and write the lists.

    Parameters
    ----------
    source : AnnotationSource
        The annotations.
    output : str or Path
        Folder for ``train.txt``, ``validation.txt`` and ``test.txt``, or ``fold0/train.txt``,
        ``fold0/test.txt`` and so on: sorted names of images, relative to the folder of images, one
        per line.  ``split.json`` records the settings, the galaxies with several images, and for
        each list the number of ``images``, ``objects`` and ``difficult`` objects and of the
        objects of each class.
    settings : SplitSettings, optional
        Fractions, folds, seed, and matching of images of the same galaxy.
    overwrite : bool
        Replace an earlier split in `output`.

    Raises
    ------
    InputError
        If the annotations, the table or an image cannot be read, or there are fewer galaxies than
        sides.
    OutputError
        If the folder holds other files, or cannot be written.
    """
    settings = settings or SplitSettings()
    images = _read(source)
    galaxies = _galaxies(images, settings)
    folds = settings.folds
    needed = folds or 1 + (settings.test > 0) + (settings.validation > 0)
    if len(set(galaxies)) < needed:
        raise InputError(
            f"{source.path}: its {len(galaxies)} images show {len(set(galaxies))} galaxies, too "
            f"few for {needed} sides. Annotate more, or ask for fewer sides."
        )
    strata = object_strata(images.labels)
    if folds is None:
        sides = _hold_out(galaxies, strata, settings)
    else:
        sides = {
            f"fold{number}/{side}": indices
            for number, pair in enumerate(folds_by_galaxy(galaxies, folds, settings.seed, strata))
            for side, indices in zip(("train", "test"), pair, strict=True)
        }
    split = DatasetSplit(
        {name: _counts(images, indices) for name, indices in sides.items()},
        _several(images.names, galaxies),
    )
    folder = OutputFolder(output, overwrite=overwrite, record=RECORD_NAME, ours=_OURS)
    for name, indices in sides.items():
        folder.write_text(f"{name}.txt", "".join(f"{images.names[i]}\n" for i in indices))
    folder.write_json(RECORD_NAME, _record(source, settings, split))
    return split


def _record(
    source: AnnotationSource, settings: SplitSettings, split: DatasetSplit
) -> dict[str, Any]:
    identifiers = settings.identifiers
    shares: dict[str, Any] = {"test": settings.test, "validation": settings.validation}
    return {
        "made_by": "galpipe",
        **record_of_versions(),
        "status": "complete",
        "settings": {
            "annotations": str(source.path),
            "format": source.form.name,
            "seed": settings.seed,
            **({"folds": settings.folds} if settings.folds else shares),
            "identifiers": None if identifiers is None else str(identifiers),
            "near_duplicates": settings.near_duplicates,
        },
        "sides": split.sides,
        "galaxies": split.galaxies,
    }


def _read(source: AnnotationSource) -> _Images:
    """Read the annotations; those of the same image are merged."""
    found: dict[str, tuple[Path, list[str], int]] = {}
    for path, annotated in source.located():
        name = path.relative_to(source.images.folder).as_posix() if source.images else path.name
        if not _is_line(name):
            source.failures.append(
                InputError(f"The name {name!r} cannot be written to a list. Rename the image.")
            )
            continue
        _, labels, difficult = found.get(name, (path, [], 0))
        counting = [box.label for box in annotated.objects if not box.difficult]
        difficult += len(annotated.objects) - len(counting)
        found[name] = path, labels + counting, difficult
    if not found:
        raise InputError(f"{source.path} holds no annotation whose image exists.")
    names = sorted(found)
    return _Images(
        [found[name][0] for name in names],
        names,
        [found[name][1] for name in names],
        [found[name][2] for name in names],
    )


def _is_line(name: str) -> bool:
    """Return whether a name of the file system is one line of UTF-8."""
    try:
        return name.encode("utf-8").decode().splitlines() == [name]
    except UnicodeEncodeError:
        return False


def _galaxies(images: _Images, settings: SplitSettings) -> list[str]:
    """Return the name of the galaxy on each image."""
    known = Identities.from_names(images.names)
    if settings.identifiers is not None:
        known = read_identifiers(settings.identifiers, images.names)
    pairs = same_position(known.ra, known.dec, settings.radius) + overlapping_fields(images.paths)
    return group_galaxies(
        images.paths, known.identifiers, near_duplicates=settings.near_duplicates, pairs=pairs
    )


def _hold_out(
    galaxies: Sequence[str], strata: Sequence[tuple[str, int]], settings: SplitSettings
) -> dict[str, Indices]:
    rest, test = split_by_galaxy(galaxies, settings.test, settings.seed, strata)
    train, validation = split_by_galaxy(
        [galaxies[i] for i in rest],
        min(round(settings.validation * len(galaxies)), len(rest)),
        settings.seed,
        [strata[i] for i in rest],
    )
    sides = {"train": rest[train]}
    if settings.validation:
        sides["validation"] = rest[validation]
    if settings.test:
        sides["test"] = test
    return sides


def _counts(images: _Images, indices: Indices) -> dict[str, Any]:
    classes = Counter(label for index in indices for label in images.labels[index])
    return {
        "images": len(indices),
        "objects": classes.total(),
        "difficult": sum(images.difficult[index] for index in indices),
        "classes": dict(sorted(classes.items())),
    }


def _several(names: Sequence[str], galaxies: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of the images of each galaxy that has several."""
    members: dict[str, list[str]] = defaultdict(list)
    for name, galaxy in zip(names, galaxies, strict=True):
        members[galaxy].append(name)
    return {galaxy: tuple(found) for galaxy, found in sorted(members.items()) if len(found) > 1}

"""Divide annotated images into training, validation and test sets, and write the lists."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._version import __version__
from ..annotations.source import AnnotationSource
from ..errors import InputError
from ..files.output_folder import OutputFolder
from .identifiers import Identities, read_identifiers
from .sky_groups import overlapping_fields, same_position
from .split import Indices, folds_by_galaxy, group_galaxies, split_by_galaxy
from .strata import strata

__all__ = ["RECORD_NAME", "Division", "divide"]

RECORD_NAME = "split.json"

_OURS = tuple(
    f"{folder}{side}.txt" for folder in ("", "fold*/") for side in ("train", "validation", "test")
)


@dataclass(frozen=True, eq=False)
class _Images:
    """Annotated images, each once, in the order of their names."""

    paths: list[Path]
    names: list[str]
    labels: list[list[str]]
    difficult: list[int]


@dataclass(frozen=True)
class Division:
    """A division of images.

    Attributes
    ----------
    sides : mapping of str to mapping
        By the name of the list (``train``, ``fold0/test``): its counts, see `divide`.
    galaxies : mapping of str to tuple of str
        The images of each galaxy that has several, by the galaxy's name.
    """

    sides: Mapping[str, Mapping[str, Any]]
    galaxies: Mapping[str, tuple[str, ...]]


def divide(
    source: AnnotationSource,
    output: str | Path,
    *,
    test: float = 0.2,
    validation: float = 0.1,
    folds: int | None = None,
    seed: int = 0,
    identifiers: str | Path | None = None,
    radius: float = 5.0,
    twins: bool = True,
    overwrite: bool = False,
) -> Division:
    """Divide annotated images so that no galaxy falls on two sides, and write the lists.

    Parameters
    ----------
    source : AnnotationSource
        The annotations.
    output : path
        Folder for ``train.txt``, ``validation.txt`` and ``test.txt``, or ``fold0/train.txt``,
        ``fold0/test.txt`` and so on: names in the folder of images, sorted, one a line; and for
        ``split.json``, which holds the settings, the galaxies with several images, and of each list
        the numbers of ``images``, ``objects`` and ``difficult`` objects and the objects by class.
    test, validation : float
        Shares of the images.
    folds : int, optional
        Cross-validation in place of both.
    seed : int
        Another seed gives another division.
    identifiers : path, optional
        Table of what the images show; see `read_identifiers`.
    radius : float
        Positions of that table so many arcseconds apart are one galaxy.
    twins : bool
        Whether to compare the pixels.
    overwrite : bool
        Replace an earlier division in `output`.

    Raises
    ------
    InputError
        If the annotations, the table or an image cannot be read, or there are fewer galaxies than
        sides.
    OutputError
        If the folder holds something else, or cannot be written.
    """
    images = _read(source)
    known = Identities.from_names(images.names)
    if identifiers is not None:
        known = read_identifiers(identifiers, images.names)
    pairs = same_position(known.ra, known.dec, radius) + overlapping_fields(images.paths)
    galaxies = group_galaxies(images.paths, known.identifiers, twins=twins, pairs=pairs)
    needed = folds or 1 + (test > 0) + (validation > 0)
    if len(set(galaxies)) < needed:
        raise InputError(
            f"{source.path}: its {len(galaxies)} images show {len(set(galaxies))} galaxies, too "
            f"few for {needed} sides. Annotate more, or ask for fewer sides."
        )
    kinds = strata(images.labels)
    if folds is None:
        sides = _hold_out(galaxies, kinds, test, validation, seed)
    else:
        sides = {
            f"fold{number}/{side}": indices
            for number, pair in enumerate(folds_by_galaxy(galaxies, folds, seed, kinds))
            for side, indices in zip(("train", "test"), pair, strict=True)
        }
    division = Division(
        {name: _counts(images, indices) for name, indices in sides.items()},
        _several(images.names, galaxies),
    )
    folder = OutputFolder(output, overwrite=overwrite, record=RECORD_NAME, ours=_OURS)
    for name, indices in sides.items():
        folder.write_text(f"{name}.txt", "".join(f"{images.names[i]}\n" for i in indices))
    shares = {"folds": folds} if folds else {"test": test, "validation": validation}
    settings = {"annotations": str(source.path), "format": source.form.name, "seed": seed, **shares}
    settings |= {"identifiers": None if identifiers is None else str(identifiers), "twins": twins}
    record = {"made_by": "galpipe", "version": __version__, "status": "complete"}
    result = {"settings": settings, "sides": division.sides, "galaxies": division.galaxies}
    folder.write_json(RECORD_NAME, record | result)
    return division


def _read(source: AnnotationSource) -> _Images:
    """Read the annotations; several of one image are taken together."""
    found: dict[str, tuple[Path, list[str], int]] = {}
    for path, annotated in source.located():
        name = path.relative_to(source.images.folder).as_posix() if source.images else path.name
        if not _is_line(name):
            source.failures.append(
                InputError(f"The name {name!r} cannot stand in a list. Rename the image.")
            )
            continue
        _, labels, difficult = found.get(name, (path, [], 0))
        counting = [box.label for box in annotated.objects if not box.difficult]
        difficult += len(annotated.objects) - len(counting)
        found[name] = path, labels + counting, difficult
    if not found:
        raise InputError(f"{source.path} holds no annotation whose image is there.")
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


def _hold_out(
    galaxies: Sequence[str],
    kinds: Sequence[tuple[str, int]],
    test: float,
    validation: float,
    seed: int,
) -> dict[str, Indices]:
    rest, held = split_by_galaxy(galaxies, test, seed, kinds)
    train, chosen = split_by_galaxy(
        [galaxies[i] for i in rest],
        min(round(validation * len(galaxies)), len(rest)),
        seed,
        [kinds[i] for i in rest],
    )
    sides = {"train": rest[train], "validation": rest[chosen], "test": held}
    shares = {"train": 1.0, "validation": validation, "test": test}
    return {name: indices for name, indices in sides.items() if shares[name]}


def _counts(images: _Images, indices: Indices) -> dict[str, Any]:
    classes = Counter(label for index in indices for label in images.labels[index])
    return {
        "images": len(indices),
        "objects": classes.total(),
        "difficult": sum(images.difficult[index] for index in indices),
        "classes": dict(sorted(classes.items())),
    }


def _several(names: Sequence[str], galaxies: Sequence[str]) -> dict[str, tuple[str, ...]]:
    members: dict[str, list[str]] = defaultdict(list)
    for name, galaxy in zip(names, galaxies, strict=True):
        members[galaxy].append(name)
    return {galaxy: tuple(found) for galaxy, found in sorted(members.items()) if len(found) > 1}

"""Division of the images of a detector's training into training, validation and test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...configs import DetectorData, DetectorTraining, Split
from ...datasets.given_division import DividedSource, find_shared_galaxies
from ...datasets.split import folds_by_galaxy, split_by_galaxy
from ...errors import ConfigError

__all__ = ["SourceDivision", "divide_sources"]


@dataclass(frozen=True)
class SourceDivision:
    """Indices of the images of one source in each part.

    Attributes
    ----------
    train, validation, test : list of int
    note : str
        Sentence about images that are in several parts, or not used; empty if there are none.
    """

    train: list[int]
    validation: list[int]
    test: list[int]
    note: str = ""


def divide_sources(
    config: DetectorTraining, names: Sequence[list[str]], galaxies: Sequence[list[str]]
) -> list[SourceDivision]:
    """Divide the images of each source: by its role, and those of role ``train`` by galaxy.

    A galaxy that is held out in one source is excluded from the other parts of all sources.

    Parameters
    ----------
    config : DetectorTraining
    names, galaxies : sequence of list of str
        Names of the images of each source, and of the galaxies on them.

    Returns
    -------
    list of SourceDivision
        In the order of the sources.

    Raises
    ------
    ConfigError
        If a source is too small to split.
    """
    split = config.division
    shared = find_shared_galaxies(
        [
            DividedSource(data.role, *pair)
            if data.role != "test" or split.fold is None
            else DividedSource("test", [], [])
            for data, *pair in zip(config.data, names, galaxies, strict=True)
        ],
        split=split.divides or any(data.held_out for data in config.data),
    )
    # Images of role train that are not left out.
    rows = [
        [row for row in range(len(source)) if row not in out.left_out] * (data.role == "train")
        for data, source, out in zip(config.data, galaxies, shared, strict=True)
    ]
    tests = _test_parts(config, split, galaxies, rows)
    held_out = {galaxies[source][row] for source, test in enumerate(tests) for row in test}
    divided = []
    for number, data in enumerate(config.data):
        every, note = list(range(len(galaxies[number]))), shared[number].note
        if data.role == "validation":
            divided.append(SourceDivision([], every, [], note))
        elif data.role == "test" and split.fold is None:
            divided.append(SourceDivision([], [], every, note))
        elif data.role == "test":
            unused = f"{len(every)} images of role test are not used in a cross-validation"
            divided.append(SourceDivision([], [], [], unused))
        else:
            rest = [row for row in rows[number] if galaxies[number][row] not in held_out]
            train, validation = split_by_galaxy(
                [galaxies[number][row] for row in rest],
                split.validation_fraction or 0,
                split.seed + 1,
            )
            divided.append(
                SourceDivision(
                    [rest[index] for index in train],
                    [rest[index] for index in validation],
                    tests[number],
                    note,
                )
            )
    return divided


def _test_parts(
    config: DetectorTraining,
    split: Split,
    galaxies: Sequence[list[str]],
    rows: Sequence[list[int]],
) -> list[list[int]]:
    """Return the images of each source that are held out for the test, among the given ones."""
    chosen = [(source, row) for source, listed in enumerate(rows) for row in listed]
    if split.fold is None:
        return [
            _test_part(data, split, names, listed)
            for data, names, listed in zip(config.data, galaxies, rows, strict=True)
        ]
    # Stratified by source, so that each is represented in every fold.
    try:
        folds = folds_by_galaxy(
            [galaxies[source][row] for source, row in chosen],
            split.folds or 0,
            split.seed,
            stratify=[source for source, _ in chosen],
        )
    except ValueError as error:
        raise ConfigError(f"{config.data[0].annotations}: {error}; use fewer folds") from error
    tests: list[list[int]] = [[] for _ in galaxies]
    for position in folds[split.fold][1].tolist():
        source, row = chosen[position]
        tests[source].append(row)
    return tests


def _test_part(
    data: DetectorData, split: Split, galaxies: Sequence[str], rows: Sequence[int]
) -> list[int]:
    if not rows:
        return []
    held_out = (split.test_fraction or 0) if data.held_out is None else data.held_out
    if held_out >= len(rows):
        raise ConfigError(
            f"{data.annotations}: {len(rows)} annotated images leave none to train on when "
            f"{held_out} are held out for the test"
        )
    _, test = split_by_galaxy([galaxies[row] for row in rows], held_out, split.seed)
    return [rows[index] for index in test]

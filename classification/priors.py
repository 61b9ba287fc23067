"""Class frequencies: those that probabilities assume, and re-weighting for those of a survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ConfigError, InputError
from .class_names import class_slug

__all__ = ["SURVEY_FREQUENCIES", "Prior", "adjust_to_priors", "prior_ratio", "resolve_prior"]

Prior: TypeAlias = str | Path | Mapping[str, float]
"""``"uniform"``, ``"survey"``, a file, or the frequency of each class by its name."""

SURVEY_FREQUENCIES: Mapping[str, float] = {
    "Disturbed Galaxies": 0.01,
    "Merging Galaxies": 0.02,
    "Round Smooth Galaxies": 0.275,
    "In-between Round Smooth Galaxies": 0.395,
    "Cigar Shaped Smooth Galaxies": 0.10,
    "Barred Spiral Galaxies": 0.045,
    "Unbarred Tight Spiral Galaxies": 0.06,
    "Unbarred Loose Spiral Galaxies": 0.07,
    "Edge-on Galaxies without Bulge": 0.007,
    "Edge-on Galaxies with Bulge": 0.018,
}
"""Approximate frequencies of the classes of Galaxy10 DECaLS in a magnitude-limited survey.

Smooth, edge-on, barred and unbarred galaxies: the classes of the 154,525 galaxies of Galaxy Zoo 2
(r < 17; Willett et al. 2013, MNRAS 435, 2835) that have one of them in the table of
``galaxy-datasets`` (Walmsley et al. 2022).  Edge-on galaxies with and without a bulge, and tight
spirals against all others, are divided as in Galaxy10 SDSS, whose galaxies are of the same survey
(1,551 and 589; 1,121 and 1,425).  Merging: 1 to 3 % (Darg et al. 2010, MNRAS 401, 1043).
Disturbed: assumed half as frequent as merging."""

_YAML = (".yaml", ".yml")
_CLASS_COLUMNS = ("class_name", "class", "label")
_FREQUENCY = "frequency"


def prior_ratio(new: ArrayLike, old: ArrayLike) -> NDArray[np.float64]:
    """Return the factors of class probabilities for other class frequencies.

    Parameters
    ----------
    new, old : array_like, shape (C,)
        Frequencies of the classes, not below 0.

    Returns
    -------
    ndarray of float64, shape (C,)
        ``new / old``; 1 where the old frequency is 0, which says nothing about the class.
    """
    target, assumed = np.asarray(new, np.float64), np.asarray(old, np.float64)
    return np.divide(target, assumed, out=np.ones_like(target), where=assumed > 0)


def adjust_to_priors(
    probabilities: NDArray[Any], new: ArrayLike, old: ArrayLike
) -> NDArray[np.float64]:
    """Convert probabilities to other class frequencies by Bayes's rule.

    Each probability is multiplied by the ratio of the new to the old frequency of its class, and
    the sum is normalised (Saerens, Latinne & Decaestecker 2002, Neural Computation 14, 21,
    equation 2.4).

    Parameters
    ----------
    probabilities : ndarray, shape (N, C)
        Probabilities that assume the frequencies `old`.
    new, old : array_like, shape (C,)
        Frequencies of the classes.

    Returns
    -------
    ndarray of float64, shape (N, C)

    Examples
    --------
    >>> adjust_to_priors(np.array([[0.5, 0.5]]), new=[0.9, 0.1], old=[0.5, 0.5])
    array([[0.9, 0.1]])
    """
    # A galaxy whose only possible classes have the frequency 0 keeps finite probabilities.
    tiny = np.finfo(np.float64).tiny
    weighted = np.maximum(probabilities * prior_ratio(new, old), tiny)
    return np.asarray(weighted / weighted.sum(axis=1, keepdims=True))


def resolve_prior(prior: Prior, class_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the class frequencies that a prior stands for.

    Parameters
    ----------
    prior : str, Path or mapping of str to float
        ``"uniform"`` for equal frequencies; ``"survey"`` for `SURVEY_FREQUENCIES`; frequencies by
        class, which need not sum to 1; or a file of them: YAML (``class: frequency``), a table with
        the columns ``class`` and ``frequency``, or a table with a row for each galaxy and its class
        in ``class_name``, ``class`` or ``label``, such as a catalogue.  Galaxies are counted, with
        one added to each class, so that a class without galaxies stays possible.
    class_names : sequence of str
        The C classes.

    Returns
    -------
    ndarray of float64, shape (C,)
        Summing to 1.

    Raises
    ------
    ConfigError
        If there is no such file, or the frequencies of a survey are not known for these classes.
    InputError
        If the file cannot be read, frequencies are not numbers, or a class is missing or unknown.
    """
    if isinstance(prior, Mapping):
        return _normalised(list(prior), list(prior.values()), class_names, "the prior")
    if prior == "uniform":
        return np.full(len(class_names), 1 / len(class_names))
    if prior == "survey":
        if set(class_names) != set(SURVEY_FREQUENCIES):
            raise ConfigError(
                "the frequencies of a survey are known for the classes of Galaxy10 DECaLS, not for "
                f"{', '.join(class_names)}; give a file of class frequencies instead"
            )
        return _normalised(
            list(SURVEY_FREQUENCIES), list(SURVEY_FREQUENCIES.values()), class_names, "survey"
        )
    path = Path(prior)
    if not path.is_file():
        raise ConfigError(
            f"{path}: no such file; a prior is 'uniform', 'survey' or a file of class frequencies"
        )
    read = _read_mapping if path.suffix.lower() in _YAML else _read_table
    return read(path, class_names)


def _read_mapping(path: Path, class_names: Sequence[str]) -> NDArray[np.float64]:
    # Imported here because a run without such a file does not need it.
    from ..files.safe_readers import read_yaml

    content = read_yaml(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: must have a line 'class: frequency' for each class")
    return _normalised(
        [str(name) for name in content], list(content.values()), class_names, str(path)
    )


def _read_table(path: Path, class_names: Sequence[str]) -> NDArray[np.float64]:
    from ..files.tables import read_columns

    known = (*_CLASS_COLUMNS, _FREQUENCY)
    columns = read_columns(path, lambda names: [name for name in names if name in known])
    column = next((name for name in _CLASS_COLUMNS if name in columns.names), None)
    if column is None:
        raise InputError(
            f"{path}: has no column {', '.join(_CLASS_COLUMNS[:-1])} or {_CLASS_COLUMNS[-1]}; give "
            "a table of classes and frequencies, or a catalogue"
        )
    names = [name.strip() for name in columns.texts(column)]
    if _FREQUENCY in columns.names:
        return _normalised(names, list(columns.texts(_FREQUENCY)), class_names, str(path))
    # Objects that are not galaxies have no class.
    galaxies = [name for name in names if name]
    if not galaxies:
        raise InputError(f"{path}: names no class of any galaxy")
    counts = np.bincount(_indices(galaxies, class_names, str(path)), minlength=len(class_names)) + 1
    return np.asarray(counts / counts.sum())


def _normalised(
    names: Sequence[str], frequencies: Sequence[Any], class_names: Sequence[str], source: str
) -> NDArray[np.float64]:
    """Return the frequencies in the order of the classes, divided by their sum."""
    values = np.full(len(class_names), np.nan)
    for index, given in zip(_indices(names, class_names, source), frequencies, strict=True):
        if not np.isnan(values[index]):
            raise InputError(f"{source}: names {class_names[index]!r} twice; give it one frequency")
        try:
            values[index] = float(given)
        except (TypeError, ValueError):
            values[index] = -1
        if not 0 <= values[index] < np.inf:
            raise InputError(
                f"{source}: the frequency of {class_names[index]!r} is {given!r}; give a number "
                "that is not below 0"
            )
    missing = [name for name, value in zip(class_names, values, strict=True) if np.isnan(value)]
    if missing:
        raise InputError(f"{source}: gives no frequency of {', '.join(missing)}; add it")
    if not values.any():
        raise InputError(f"{source}: all frequencies are 0; at least one must be larger")
    return np.asarray(values / values.sum())


def _indices(names: Sequence[str], class_names: Sequence[str], source: str) -> list[int]:
    """Return the indices of classes by name, in any spelling of case and blanks, or by number."""
    known = {class_slug(name): index for index, name in enumerate(class_names)}
    known |= {str(index): index for index in range(len(class_names))} | known
    unknown = [name for name in names if class_slug(name) not in known]
    if unknown:
        raise InputError(
            f"{source}: {unknown[0][:60]!r} is not a class of the model; its classes are "
            f"{', '.join(class_names)}"
        )
    return [known[class_slug(name)] for name in names]

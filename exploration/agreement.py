"""Compare clusters with labels, and with properties that have nothing to do with shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.galaxy10 import Galaxy10File
from ..datasets.image_archive import is_archive
from ..datasets.image_reader import is_data_file
from ..errors import InputError
from ..files.spreadsheet import from_cell
from ..files.tables import read_columns
from .pictures import Picture

__all__ = ["Agreement", "read_cluster_labels", "with_labels", "with_numbers"]

_GALAXY = ("id", "source_id", "filename", "file", "image")
_LABEL = ("label", "class_name", "class")
_QUANTILES = 10


@dataclass(frozen=True)
class Agreement:
    """Agreement of clusters with labels or with a property.

    Attributes
    ----------
    name : str
        The property.
    galaxies : int
        Number of galaxies for which it is known.
    nmi : float
        Normalised mutual information: 0 if clusters and property are independent, 1 if each
        determines the other.  Numbers are divided at their deciles.
    purity : float or None
        Share of the galaxies with the most frequent label of their cluster; None for numbers.
    largest : float or None
        Share of the most frequent label, the purity of a single cluster; None for numbers.
    variance : float or None
        Share of the variance of numbers that is between the clusters; None for labels.
    """

    name: str
    galaxies: int
    nmi: float
    purity: float | None = None
    largest: float | None = None
    variance: float | None = None


def with_labels(name: str, numbers: NDArray[np.int64], labels: Sequence[str]) -> Agreement:
    """Compare clusters with labels.

    Parameters
    ----------
    name : str
        Name of the labels.
    numbers : ndarray of int64, shape (N,)
        Cluster of each galaxy.
    labels : sequence of str
        Label of each galaxy; empty where it is unknown.
    """
    from sklearn.metrics import normalized_mutual_info_score

    known = [
        (number, label) for number, label in zip(numbers.tolist(), labels, strict=True) if label
    ]
    if not known:
        return Agreement(name, 0, float("nan"))
    counts: dict[int, Counter[str]] = {}
    for number, label in known:
        counts.setdefault(number, Counter())[label] += 1
    frequent = sum(counter.most_common(1)[0][1] for counter in counts.values())
    ((_, largest),) = Counter(label for _, label in known).most_common(1)
    return Agreement(
        name,
        len(known),
        float(normalized_mutual_info_score(*zip(*known, strict=True))),
        purity=frequent / len(known),
        largest=largest / len(known),
    )


def with_numbers(name: str, numbers: NDArray[np.int64], values: NDArray[np.float64]) -> Agreement:
    """Compare clusters with a measured property.

    Parameters
    ----------
    name : str
        Name of the property.
    numbers : ndarray of int64, shape (N,)
        Cluster of each galaxy.
    values : ndarray of float64, shape (N,)
        Its value for each galaxy; NaN where it is unknown.
    """
    from sklearn.metrics import normalized_mutual_info_score

    known = np.isfinite(values)
    if not known.any():
        return Agreement(name, 0, float("nan"))
    clusters, found = numbers[known], values[known]
    edges = np.quantile(found, np.linspace(0, 1, _QUANTILES + 1)[1:-1])
    nmi = normalized_mutual_info_score(clusters, np.searchsorted(edges, found))
    groups = [found[clusters == number] for number in np.unique(clusters)]
    between = sum(len(group) * (group.mean() - found.mean()) ** 2 for group in groups)
    total = found.var() * len(found)
    return Agreement(
        name, len(found), float(nmi), variance=float(between / total) if total else 0.0
    )


def read_cluster_labels(table: str | Path, pictures: Sequence[Picture]) -> list[str]:
    """Read the labels of galaxies from a table or a Galaxy10 file.

    Parameters
    ----------
    table : str or Path
        CSV, ECSV, FITS, VOTable or Parquet with a column ``id``, ``source_id``, ``filename``,
        ``file`` or ``image``, whose value is the identifier or the file name of a galaxy, with or
        without folders and suffix; and a column ``label``, ``class_name`` or ``class``.  A
        catalogue of a run is such a table.  Or the Galaxy10 file from which the galaxies were
        embedded, whose classes are the labels.
    pictures : sequence of Picture
        The galaxies.

    Returns
    -------
    list of str
        Label of each galaxy; empty where there is none, or several possible classes ``A|B``.

    Raises
    ------
    InputError
        If the table or file cannot be read, lacks a column, contradicts itself, or has no label of
        any of these galaxies.
    MissingExtraError
        If h5py, which a Galaxy10 file needs, is not installed.
    """
    path = Path(table)
    if is_data_file(path) and not is_archive(path):
        known = _classes_of_file(path)
        cure = "give the file from which they were embedded, under its name"
    else:
        known, galaxy = _labels_of_table(path)
        cure = f"its column {galaxy} must hold their identifiers or file names"
    labels = [known.get(one.id, "") or known.get(_stem(one.file), "") for one in pictures]
    if not any(labels):
        raise InputError(f"{path}: has no label of any of the {len(pictures)} galaxies; {cure}")
    return labels


def _classes_of_file(path: Path) -> dict[str, str]:
    """Return the class of each image of a Galaxy10 file by the name of the image."""
    with Galaxy10File(path) as file:
        names = file.known.class_names
        return {
            image.name: names[label]
            for image, label in zip(file.image_paths, file.labels().tolist(), strict=True)
        }


def _labels_of_table(path: Path) -> tuple[dict[str, str], str]:
    """Return the label of each galaxy of a table, and the name of the column of galaxies."""
    columns = read_columns(path, lambda names: [n for n in names if n.lower() in _GALAXY + _LABEL])
    galaxy, label = columns.find(_GALAXY), columns.find(_LABEL)
    if galaxy is None or label is None:
        raise InputError(
            f"{path}: needs a column {', '.join(_GALAXY[:-1])} or {_GALAXY[-1]}, and a column "
            f"{', '.join(_LABEL[:-1])} or {_LABEL[-1]}"
        )
    known: dict[str, str] = {}
    for cell, text in zip(columns.texts(galaxy), columns.texts(label), strict=True):
        if "|" in text:
            continue
        name = from_cell(cell)
        if text and known.setdefault(_stem(name), text) != text:
            raise InputError(
                f"{path}: has the labels {known[_stem(name)]!r} and {text!r} of {_stem(name)!r}; "
                "give each galaxy one label"
            )
    return known, galaxy


def _stem(name: str) -> str:
    """Return a file name without folders and suffix; an identifier such as J0137.1 is kept."""
    last = name.replace("\\", "/").rpartition("/")[2]
    stem, _, suffix = last.rpartition(".")
    return stem if stem and suffix.isalpha() else last

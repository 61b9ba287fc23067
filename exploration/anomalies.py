"""Rank galaxies by how unusual they look, refined by the marks of a person."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, require
from ..files.report import open_report_folder
from ..files.spreadsheet import from_cell
from ..files.tables import read_columns
from .embedding_file import EmbeddingFile
from .ranking import RANKING_TABLES, write_ranking
from .reduction import fit_reduction, reduce_embedding

__all__ = ["HIGHEST_MARK", "AnomalyResult", "rank_anomalies", "read_marks", "refined_scores"]

logger = logging.getLogger("galpipe")

HIGHEST_MARK = 5
"""Mark of the most interesting galaxies; 0 is that of the least interesting ones."""

_TREES = 300
_BATCH = 10_000
_LEAST_MARKS = 2

# Of Lochner & Bassett (2021): the lowest factor of a galaxy among marked ones, the range of these
# factors, and the weight of distances to marked galaxies.
_LOWEST, _RANGE, _DISTANCE_WEIGHT = 0.1, 0.85, 1.0


@dataclass(frozen=True, eq=False)
class AnomalyResult:
    """Galaxies in the order of how unusual or interesting they are.

    Attributes
    ----------
    output : Path
        The folder of the report.
    order : ndarray of int64, shape (N,)
        Indices of the galaxies of the embedding, the most unusual first.
    scores : ndarray of float64, shape (N,)
        Score of each galaxy of the embedding, 0 to 1.
    marks : int
        Number of marked galaxies.
    """

    output: Path
    order: NDArray[np.int64]
    scores: NDArray[np.float64]
    marks: int


def rank_anomalies(
    embedding: EmbeddingFile | str | Path,
    output: str | Path,
    *,
    marks: str | Path | None = None,
    count: int = 48,
    seed: int = 0,
    overwrite: bool = False,
) -> AnomalyResult:
    """Rank the galaxies of an embedding by an isolation forest and marks, and write a report.

    Parameters
    ----------
    embedding : EmbeddingFile, str or Path
        File of ``galpipe embed``.
    output : str or Path
        Folder for ``report.html``, ``report.md``, ``metrics.json``, ``ranking.csv``,
        ``ranking.parquet`` and ``pictures/``.
    marks : str or Path, optional
        Table of marks, as in `read_marks`, by which scores are refined as in `refined_scores`.
        Marks that are all equal are noted: they do not say which galaxies are interesting.
    count : int
        Number of galaxies on the contact sheet.
    seed : int
        Seed of the forest.
    overwrite : bool
        Replace an earlier report.

    Returns
    -------
    AnomalyResult

    Raises
    ------
    InputError
        If the embedding or the marks cannot be read.
    OutputError
        If the folder contains other files, or cannot be written.
    MissingExtraError
        If scikit-learn or pyarrow is not installed.
    """
    for module in ("pyarrow", "sklearn"):
        require(module, "explore")
    file = embedding if isinstance(embedding, EmbeddingFile) else EmbeddingFile(embedding)
    given = np.full(len(file), np.nan) if marks is None else read_marks(marks, file.ids)
    points = reduce_embedding(file, fit_reduction(file))
    isolation = _isolation(points, seed)
    columns = {"score": isolation, "mark": given}
    text = (
        f"{len(file)} galaxies by an isolation forest on {points.shape[1]} principal components of "
        "their features. To refine the ranking, write marks from 0 (not interesting) to "
        f"{HIGHEST_MARK} (what you look for) into the column 'mark' of ranking.csv, for galaxies "
        "anywhere in it, and give the table as --marks."
    )
    number = int(np.isfinite(given).sum())
    if number:
        scores, predicted = refined_scores(points, isolation, given)
        columns = {
            "score": scores, "mark": given, "predicted_mark": predicted, "isolation": isolation
        }  # fmt: skip
        text = (
            f"{len(file)} galaxies by an isolation forest, refined by {number} marks of a person: "
            "near marked galaxies the predicted mark decides, elsewhere the isolation."
        )
        known = given[np.isfinite(given)]
        if np.ptp(known) == 0:
            note = (
                f"All {number} marks are {known[0]:g}, so this mark is predicted for every galaxy, "
                "and the score only falls towards marked galaxies. Mark galaxies that you look for "
                "and galaxies that you do not."
            )
            logger.warning("%s", note)
            text += f" {note}"
    scores = columns["score"]
    order = np.argsort(-scores, kind="stable")
    folder = open_report_folder(output, overwrite=overwrite, tables=RANKING_TABLES)
    write_ranking(
        folder,
        file,
        order,
        columns,
        title=f"Unusual galaxies of {file.path.name}",
        text=text,
        count=count,
        record={"command": "anomalies", "marks": number},
    )
    return AnomalyResult(folder.path, order, scores, number)


def refined_scores(
    points: NDArray[np.float32], scores: NDArray[np.float64], marks: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Combine anomaly scores with the marks of a person.

    A Gaussian process predicts the mark of each galaxy.  As in Astronomaly (Lochner & Bassett 2021,
    Astronomy and Computing 36, 100481), near marked galaxies the score is multiplied by the
    predicted mark, and far from them it stays: ``score * tanh(exp(d) - 1 + arctanh(u))``, with the
    distance ``d`` to the nearest marked galaxy over its mean, and the predicted mark ``u`` between
    0.1 and 0.95.

    Parameters
    ----------
    points : ndarray of float32, shape (N, D)
        Components of the galaxies.
    scores : ndarray of float64, shape (N,)
        Anomaly scores, 0 to 1.
    marks : ndarray of float64, shape (N,)
        0 to 5; NaN for galaxies without a mark, of which at least two must have one.

    Returns
    -------
    refined, predicted : ndarray of float64, shape (N,)
        Refined scores, 0 to 1, and predicted marks, 0 to 5.
    """
    from scipy.spatial import KDTree

    marked = np.isfinite(marks)
    predicted = _predict_marks(points, points[marked], marks[marked])
    distances = np.asarray(KDTree(points[marked]).query(points)[0])
    relative = distances / max(float(distances.mean()), np.finfo(np.float64).tiny)
    factor = np.arctanh(_LOWEST + _RANGE * predicted / HIGHEST_MARK)
    nearness = np.exp(np.minimum(_DISTANCE_WEIGHT * relative, 50)) - 1
    return scores * np.tanh(nearness + factor), predicted


def read_marks(table: str | Path, ids: list[str]) -> NDArray[np.float64]:
    """Read the marks of galaxies.

    Parameters
    ----------
    table : str or Path
        CSV, ECSV, FITS, VOTable or Parquet with the columns ``id`` and ``mark``, 0 to 5; empty for
        galaxies without a mark.  The ``ranking.csv`` of `rank_anomalies` is such a table.
    ids : sequence of str
        Identifiers of the galaxies.

    Returns
    -------
    ndarray of float64, shape (N,)
        NaN for galaxies without a mark.

    Raises
    ------
    InputError
        If the table cannot be read or lacks a column, a mark is not from 0 to 5, a galaxy is
        unknown, or fewer than two have a mark.
    """
    path = Path(table)
    columns = read_columns(path, lambda names: [n for n in names if n.lower() in ("id", "mark")])
    names, marks = columns.find(["id"]), columns.find(["mark"])
    if names is None or marks is None:
        raise InputError(f"{path}: needs the columns 'id' and 'mark'")
    places = {name: index for index, name in enumerate(ids)}
    found = np.full(len(ids), np.nan)
    for cell, text in zip(columns.texts(names), columns.texts(marks), strict=True):
        if not text:
            continue
        name = from_cell(cell)
        if name not in places:
            raise InputError(f"{path}: {name!r} is not a galaxy of the embedding")
        mark = _number(text)
        if not 0 <= mark <= HIGHEST_MARK:
            raise InputError(
                f"{path}: the mark of {name!r} is {text!r}; give a number from 0 to {HIGHEST_MARK}"
            )
        found[places[name]] = mark
    if np.isfinite(found).sum() < _LEAST_MARKS:
        raise InputError(f"{path}: has marks of fewer than {_LEAST_MARKS} galaxies; mark some more")
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _isolation(points: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Return the scores of an isolation forest (Liu, Ting & Zhou 2008), scaled to 0..1."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=_TREES, random_state=seed).fit(points)
    scores = -forest.score_samples(points)
    spread = float(np.ptp(scores))
    return np.asarray((scores - scores.min()) / spread if spread else np.zeros_like(scores))


def _predict_marks(
    points: NDArray[np.float32], marked: NDArray[np.float32], marks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Predict the marks of all galaxies by a Gaussian process."""
    import warnings

    from scipy.spatial.distance import pdist
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    scale = float(max(np.median(pdist(marked)), 1e-6))
    kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(
        scale, (scale / 30, scale * 30), nu=2.5
    ) + WhiteKernel(0.1, (1e-3, 10.0))
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    with warnings.catch_warnings():
        # A parameter at its bound is a fine fit to a few marks.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(marked, marks)
    predicted = [
        process.predict(points[start : start + _BATCH]) for start in range(0, len(points), _BATCH)
    ]
    return np.asarray(np.clip(np.concatenate(predicted), 0, HIGHEST_MARK), np.float64)

"""Cluster an embedding, measure the clusters, and write a report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from ..files.output_folder import OutputFolder
from ..files.report import PICTURES, open_report_folder
from ..progress import Progress, open_progress
from .agreement import Agreement, read_cluster_labels, with_labels, with_numbers
from .cluster_report import write_cluster_report
from .clustering import NOISE, Clustering, Method, find_clusters, group_name
from .embedding_file import EmbeddingFile
from .maps import draw_positions, map_file, map_names
from .plots import plot_curve, plot_maps, plot_shares
from .reduction import Reduction, fit_reduction, reduce_embedding
from .tables import write_tables

__all__ = ["ClusterResult", "cluster_embedding"]

CLUSTERS = "clusters"
"""Name of the table of galaxies, without suffix."""

_SILHOUETTE_SAMPLE = 5000


@dataclass(frozen=True, eq=False)
class ClusterResult:
    """Clusters of an embedding.

    Attributes
    ----------
    output : Path
        The folder of the report.
    embedding : EmbeddingFile
        The galaxies.
    reduction : Reduction
        The components in which they were clustered.
    clustering : Clustering
        The clusters.
    distances : ndarray of float32, shape (N,)
        Distance of each galaxy to the mean of its cluster; NaN without one.
    silhouette : float
        Mean silhouette coefficient (Rousseeuw 1987) of at most 5,000 galaxies, -1 to 1; NaN for
        fewer than two clusters.
    agreements : tuple of Agreement
        With labels, if there are any, and with size, brightness and survey.
    labels : list of str or None
        Label of each galaxy; empty where it is unknown.
    positions : dict of str to ndarray of float32, shape (N, 2)
        Positions by the name of the map.
    """

    output: Path
    embedding: EmbeddingFile
    reduction: Reduction
    clustering: Clustering
    distances: NDArray[np.float32]
    silhouette: float
    agreements: tuple[Agreement, ...]
    labels: list[str] | None
    positions: dict[str, NDArray[np.float32]]


def cluster_embedding(
    embedding: EmbeddingFile | str | Path,
    output: str | Path,
    *,
    method: Method = "kmeans",
    clusters: int | None = None,
    labels: str | Path | None = None,
    seed: int = 0,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> ClusterResult:
    """Cluster the galaxies of an embedding, and write a report.

    Parameters
    ----------
    embedding : EmbeddingFile, str or Path
        File of ``galpipe embed``.
    output : str or Path
        Folder for ``report.html``, ``report.md``, ``metrics.json``, ``clusters.csv``,
        ``clusters.parquet`` and ``pictures/``.
    method : {"kmeans", "spectral", "hdbscan"}
        As in `find_clusters`.
    clusters : int, optional
        Number of clusters; by default that of the elbow or of the largest gap of the eigenvalues.
    labels : str or Path, optional
        Table of labels with which clusters are compared, or the Galaxy10 file of the galaxies, as
        in `read_cluster_labels`.
    seed : int
        Seed of all that is random.
    overwrite : bool
        Replace an earlier report.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    ClusterResult

    Raises
    ------
    InputError
        If the embedding or the labels cannot be read, or there are too few galaxies.
    OutputError
        If the folder contains other files, or cannot be written.
    MissingExtraError
        If scikit-learn, matplotlib or pyarrow is not installed.
    """
    for module in ("pyarrow", "sklearn", "matplotlib"):
        require(module, "explore")
    file = embedding if isinstance(embedding, EmbeddingFile) else EmbeddingFile(embedding)
    names = map_names()
    known = None if labels is None else read_cluster_labels(labels, file.pictures)
    tables = (f"{CLUSTERS}.csv", f"{CLUSTERS}.parquet")
    with open_progress(progress)("components", 4 + len(names)) as task:
        reduction = fit_reduction(file)
        points = reduce_embedding(file, reduction)
        task.update(advance=1, description=f"clusters by {method}")
        clustering = find_clusters(points, method, clusters=clusters, seed=seed)
        folder = open_report_folder(output, overwrite=overwrite, tables=tables)
        task.update(advance=1)
        positions = {}
        for name in names:
            task.update(description=name)
            positions[name] = draw_positions(name, points, seed)
            task.update(advance=1)
        task.update(description="measures")
        result = ClusterResult(
            folder.path,
            file,
            reduction,
            clustering,
            _distances(points, clustering.numbers),
            _silhouette(points, clustering.numbers, seed),
            _agreements(file, clustering.numbers, known),
            known,
            positions,
        )
        task.update(advance=1, description="pictures")
        _draw(folder, result)
        write_tables(folder, CLUSTERS, _columns(result))
        write_cluster_report(folder, result, method)
        task.update(advance=1)
    return result


def _distances(points: NDArray[np.float32], numbers: NDArray[np.int64]) -> NDArray[np.float32]:
    distances = np.full(len(points), np.nan, np.float32)
    for number in range(1, int(numbers.max(initial=0)) + 1):
        own = numbers == number
        distances[own] = np.linalg.norm(points[own] - points[own].mean(axis=0), axis=1)
    return distances


def _silhouette(points: NDArray[np.float32], numbers: NDArray[np.int64], seed: int) -> float:
    from sklearn.metrics import silhouette_score

    members = np.flatnonzero(numbers != NOISE)
    chosen = np.random.default_rng(seed).permutation(members)[:_SILHOUETTE_SAMPLE]
    if len(np.unique(numbers[chosen])) < 2:
        return float("nan")
    return float(silhouette_score(points[chosen], numbers[chosen]))


def _agreements(
    file: EmbeddingFile, numbers: NDArray[np.int64], labels: list[str] | None
) -> tuple[Agreement, ...]:
    surveys = [picture.survey for picture in file.pictures]
    found = () if labels is None else (with_labels("labels", numbers, labels),)
    return (
        *found,
        with_numbers("size", numbers, file.sizes),
        with_numbers("brightness", numbers, file.brightness),
        with_labels("survey", numbers, surveys),
    )


def _draw(folder: OutputFolder, result: ClusterResult) -> None:
    pictures = folder.path / PICTURES
    reduction, clustering, file = result.reduction, result.clustering, result.embedding
    plot_shares(pictures / "variance.png", reduction.shares, reduction.axes.shape[1])
    if clustering.curve is not None:
        plot_curve(pictures / "number.png", clustering.curve, clustering.count)
    groups = {"clusters": [group_name(number) for number in clustering.numbers.tolist()]}
    surveys = [picture.survey for picture in file.pictures]
    if len(set(surveys)) > 1:
        groups["survey"] = surveys
    if result.labels is not None:
        groups["labels"] = result.labels
    measures = {
        "size, pixels": file.sizes,
        "brightness, grey levels": file.brightness,
    }
    for name, positions in result.positions.items():
        plot_maps(pictures / f"{map_file(name)}.png", name, positions, groups, measures)


def _columns(result: ClusterResult) -> dict[str, Any]:
    """Return the columns of the table of galaxies."""
    file = result.embedding
    columns: dict[str, Any] = {
        "id": file.ids,
        "file": [picture.file for picture in file.pictures],
        "survey": [picture.survey for picture in file.pictures],
        "size": file.sizes,
        "brightness": file.brightness,
        "cluster": result.clustering.numbers,
        "distance": result.distances,
    }
    if result.labels is not None:
        columns["label"] = result.labels
    for name, positions in result.positions.items():
        for axis, values in zip("xy", positions.T, strict=True):
            columns[f"{map_file(name)}_{axis}"] = values
    return columns

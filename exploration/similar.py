"""Find the galaxies of an embedding that look like another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, require
from ..files.report import open_report_folder
from .embedding_file import EmbeddingFile
from .features import open_features
from .pictures import Picture, read_crop
from .ranking import RANKING_TABLES, write_ranking
from .reduction import Reduction, fit_reduction, reduce_embedding

__all__ = ["SimilarResult", "find_similar"]

# Of 2,049 galaxies with labels of ten classes, the ten most similar ones have the same label for
# 0.41 in these components; by their distance in those with 0.9 of the variance, for 0.35.
_SHARE = 0.99


@dataclass(frozen=True, eq=False)
class SimilarResult:
    """Galaxies in the order of their similarity to another one.

    Attributes
    ----------
    output : Path
        The folder of the report.
    order : ndarray of int64
        Indices of the galaxies of the embedding, the most similar first; without the galaxy
        itself.
    similarities : ndarray of float32
        Cosine of the angle between the components of each of them and those of the galaxy, -1
        to 1.
    """

    output: Path
    order: NDArray[np.int64]
    similarities: NDArray[np.float32]


def find_similar(
    embedding: EmbeddingFile | str | Path,
    to: str,
    output: str | Path,
    *,
    count: int = 48,
    overwrite: bool = False,
) -> SimilarResult:
    """Rank the galaxies of an embedding by their similarity to a galaxy, and write a report.

    Parameters
    ----------
    embedding : EmbeddingFile, str or Path
        File of ``galpipe embed``.
    to : str
        Identifier of a galaxy of the embedding, or an image of another one, whose features are
        computed by the same model.
    output : str or Path
        Folder for ``report.html``, ``report.md``, ``metrics.json``, ``ranking.csv``,
        ``ranking.parquet`` and ``pictures/``.
    count : int
        Number of galaxies on the contact sheet.
    overwrite : bool
        Replace an earlier report.

    Returns
    -------
    SimilarResult

    Raises
    ------
    InputError
        If the embedding or the image cannot be read, or there is neither such a galaxy nor such an
        image.
    BundleError
        If the model of the embedding is missing or was changed.
    OutputError
        If the folder contains other files, or cannot be written.
    MissingExtraError
        If pyarrow is not installed.
    """
    require("pyarrow", "parquet")
    file = embedding if isinstance(embedding, EmbeddingFile) else EmbeddingFile(embedding)
    reduction = fit_reduction(file, _SHARE)
    points = reduce_embedding(file, reduction)
    own, picture, point = _target(file, reduction, points, to)
    lengths = np.linalg.norm(points, axis=1) * np.linalg.norm(point)
    similarities = points @ point / np.maximum(lengths, np.finfo(np.float32).tiny)
    order = np.argsort(-similarities, kind="stable")
    order = order[order != own]
    folder = open_report_folder(output, overwrite=overwrite, tables=RANKING_TABLES)
    write_ranking(
        folder,
        file,
        order,
        {"similarity": similarities},
        title=f"Galaxies similar to {picture.id}",
        text=f"{len(file)} galaxies by the cosine of the angle between their features, in "
        f"{points.shape[1]} principal components. The first picture is the galaxy itself.",
        first=picture,
        count=count,
        record={"command": "similar", "to": to},
    )
    return SimilarResult(folder.path, order, similarities[order])


def _target(
    file: EmbeddingFile, reduction: Reduction, points: NDArray[np.float32], to: str
) -> tuple[int, Picture, NDArray[np.float32]]:
    """Return the index of the galaxy, -1 if it is not in the embedding; its picture and place."""
    if to in file.ids:
        index = file.ids.index(to)
        return index, file.pictures[index], points[index]
    path = Path(to)
    if not path.is_file():
        raise InputError(
            f"{to}: neither an identifier of a galaxy in {file.path} nor an image; identifiers are "
            f"for example {', '.join(file.ids[:3])}"
        )
    absolute = str(path.absolute())
    for index, picture in enumerate(file.pictures):
        if picture.file == absolute:
            return index, picture, points[index]
    model = open_features(file.model)
    if model.fingerprint != file.fingerprint:
        raise InputError(
            f"{file.path}: its model {file.model} was changed since; embed the images again"
        )
    picture = Picture(path.name, absolute, "")
    crop = read_crop(picture, model.crop)
    return -1, picture, reduction(model(crop.rgb[np.newaxis]))[0]

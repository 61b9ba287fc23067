"""Embeddings on disk: a Parquet file with the features of galaxies, and by which model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..errors import InputError, require
from ..files.file_types import check_regular
from ..files.names import printable
from ..imaging import Stretch
from .features import TURNS, CropRule, FeatureModel
from .pictures import Picture

__all__ = ["EmbeddingFile", "EmbeddingWriter"]

_KEY = b"galpipe-embedding"
_FORMAT = 1
_FEATURES = "features"
_ROWS = 4096  # of a row group: a few megabytes
_LARGEST = float(np.finfo(np.float16).max)


class EmbeddingFile:
    """Embedding of galaxies, from a file written by ``galpipe embed``.

    The features stay on disk and are read in pieces.

    Parameters
    ----------
    path : str or Path
        The Parquet file.

    Attributes
    ----------
    path : Path
        The file.
    model, fingerprint : str
        Name or path of the networks, and the SHA-256 of all that the features depend on.
    networks : dict of str to int
        Number of features of each network, in order.
    crop : CropRule
        The crops that the networks take.

    Raises
    ------
    InputError
        If the file is missing or damaged, or no embedding.
    MissingExtraError
        If pyarrow is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        parquet = require("pyarrow.parquet", "parquet")
        self.path = Path(path)
        check_regular(self.path)
        try:
            with parquet.ParquetFile(self.path) as file:
                self._count = file.metadata.num_rows
                record = json.loads((file.schema_arrow.metadata or {})[_KEY])
                width = file.schema_arrow.field(_FEATURES).type.list_size
            if record["format_version"] != _FORMAT:
                raise InputError(f"{self.path} is of a later version of galpipe. Update galpipe.")
            self.model, self.fingerprint = str(record["model"]), str(record["fingerprint"])
            self.networks = {str(name): int(size) for name, size in record["networks"].items()}
            crop = record["crop"]
            stretch = Stretch.model_validate(crop["stretch"])
            self.crop = CropRule(int(crop["size"]), float(crop["margin"]), stretch)
            if sum(self.networks.values()) != width:
                raise ValueError("the number of features")
        except InputError:
            raise
        except Exception as error:
            raise self._damaged() from error

    def __len__(self) -> int:
        """Return the number of galaxies."""
        return int(self._count)

    @property
    def width(self) -> int:
        """Number of features of a galaxy."""
        return sum(self.networks.values())

    @cached_property
    def pictures(self) -> list[Picture]:
        """The pictures of the galaxies, in order."""
        columns = self._read(["id", "file", "survey", "is_crop", "is_flipped", "size"])
        return [Picture(*row) for row in zip(*columns.values(), strict=True)]

    @cached_property
    def ids(self) -> list[str]:
        """The identifiers of the galaxies, in order."""
        return [picture.id for picture in self.pictures]

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """Longer side of the box of each galaxy, pixels of its image."""
        return np.array([picture.size for picture in self.pictures])

    @cached_property
    def brightness(self) -> NDArray[np.float64]:
        """Mean of each crop above its sky, grey levels of 255."""
        return np.array(self._read(["brightness"])["brightness"])

    def batches(self) -> Iterator[NDArray[np.float32]]:
        """Yield the features of a few thousand galaxies at a time, in order.

        Yields
        ------
        ndarray of float32, shape (N, F)
        """
        for rows in self.rows([_FEATURES]):
            yield _matrix(rows.column(0)).astype(np.float32)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[Any]:
        """Yield the rows as record batches of pyarrow.

        Parameters
        ----------
        columns : sequence of str, optional
            By default all.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        parquet = require("pyarrow.parquet", "parquet")
        try:
            with parquet.ParquetFile(self.path) as file:
                yield from file.iter_batches(batch_size=_ROWS, columns=columns)
        except Exception as error:
            raise self._damaged() from error

    def _damaged(self) -> InputError:
        # pyarrow may raise any exception on a damaged file.
        return InputError(
            f"{self.path} is not an embedding of galpipe, or is damaged. Make it with "
            "'galpipe embed'."
        )

    def _read(self, columns: Sequence[str]) -> dict[str, list[Any]]:
        values: dict[str, list[Any]] = {name: [] for name in columns}
        for rows in self.rows(columns):
            for name in columns:
                values[name] += rows.column(name).to_pylist()
        return values


class EmbeddingWriter:
    """Writes an embedding piece by piece; use it as a context manager.

    Parameters
    ----------
    path : Path
        The file to write.
    model : FeatureModel
        The networks.
    """

    def __init__(self, path: Path, model: FeatureModel) -> None:
        pyarrow = require("pyarrow", "parquet")
        parquet = require("pyarrow.parquet", "parquet")
        record = {
            "format_version": _FORMAT,
            "made_by": f"galpipe {__version__}",
            "model": model.name,
            "fingerprint": model.fingerprint,
            "networks": dict(model.networks),
            "turns": TURNS,
            "crop": model.crop.as_dict(),
        }
        self._width = sum(model.networks.values())
        self._schema = pyarrow.schema(
            [
                ("id", pyarrow.string()),
                ("file", pyarrow.string()),
                ("survey", pyarrow.string()),
                ("is_crop", pyarrow.bool_()),
                ("is_flipped", pyarrow.bool_()),
                ("size", pyarrow.float32()),
                ("brightness", pyarrow.float32()),
                (_FEATURES, pyarrow.list_(pyarrow.float16(), self._width)),
            ],
            metadata={_KEY: json.dumps(record)},
        )
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[Any] = []
        self._count = 0

    def __enter__(self) -> EmbeddingWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def copy(self, file: EmbeddingFile) -> None:
        """Add all galaxies of an embedding by the same model.

        Parameters
        ----------
        file : EmbeddingFile
        """
        for rows in file.rows():
            self._add(rows.cast(self._schema))

    def add(
        self,
        pictures: Sequence[Picture],
        brightness: NDArray[np.float32],
        features: NDArray[np.float32],
    ) -> None:
        """Add galaxies.

        Parameters
        ----------
        pictures : sequence of Picture
            N pictures, with their sizes.
        brightness : ndarray of float32, shape (N,)
            Mean of each crop above its sky, grey levels.
        features : ndarray of float32, shape (N, F)
            Stored in 16 bits; larger numbers than 65504 are cut.
        """
        pyarrow = require("pyarrow", "parquet")
        halves = np.clip(features, -_LARGEST, _LARGEST).astype(np.float16)
        columns: Mapping[str, Any] = {
            "id": [printable(one.id) for one in pictures],
            "file": [printable(one.file) for one in pictures],
            "survey": [printable(one.survey) for one in pictures],
            "is_crop": [one.is_crop for one in pictures],
            "is_flipped": [one.is_flipped for one in pictures],
            "size": np.array([one.size for one in pictures], np.float32),
            "brightness": brightness.astype(np.float32),
        }
        flat = pyarrow.array(halves.ravel())
        arrays = [
            *(
                pyarrow.array(values, self._schema.field(name).type)
                for name, values in columns.items()
            ),
            pyarrow.FixedSizeListArray.from_arrays(flat, self._width),
        ]
        self._add(pyarrow.RecordBatch.from_arrays(arrays, schema=self._schema))

    def _add(self, rows: Any) -> None:
        self._waiting.append(rows)
        self._count += rows.num_rows
        if self._count >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        pyarrow = require("pyarrow", "parquet")
        if self._waiting:
            self._writer.write_table(pyarrow.Table.from_batches(self._waiting, self._schema))
        self._waiting, self._count = [], 0


def _matrix(column: Any) -> NDArray[np.float16]:
    values: NDArray[np.float16] = column.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(column), -1)

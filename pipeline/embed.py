"""Compute the features of galaxies and write them to a Parquet file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..datasets.image_reader import ImageReader
from ..default_models import DEFAULT_CLASSIFIER
from ..errors import InputError, OutputError, require
from ..exploration.embedding_file import EmbeddingFile, EmbeddingWriter
from ..exploration.features import FeatureModel, open_features
from ..exploration.pictures import Picture, read_crop
from ..files.atomic import atomic_path
from ..files.names import printable
from ..imaging import FieldSource, remove_sky
from ..progress import Progress, Task, count_of, open_progress
from .inputs import find_images, find_in_data_files
from .provenance import Failure
from .run_crops import is_catalogue, pictures_of_run
from .sinks import log_failure

__all__ = ["EmbedResult", "embed", "find_pictures"]

logger = logging.getLogger("galpipe")

# Images in memory at a time, a few batches of the networks.
_CHUNK = 64

# Folders whose name says nothing about the survey of the images in them.
_GENERAL_FOLDERS = ("images", "JPEGImages")


@dataclass(frozen=True, eq=False)
class EmbedResult:
    """Result of `embed`.

    Attributes
    ----------
    output : Path
        The file.
    galaxies : int
        Number of galaxies in it.
    added : int
        Number of those that were not there before.
    failures : tuple of Failure
        Images without features.
    """

    output: Path
    galaxies: int
    added: int
    failures: tuple[Failure, ...]


def embed(
    images: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    model: str | Path | None = None,
    overwrite: bool = False,
    progress: bool | Progress = False,
) -> EmbedResult:
    """Compute the features of galaxies.

    Galaxies are cropped as by ``galpipe classify`` or ``galpipe run``.  Features are the
    penultimate layer of each network of the model, averaged over four quarter turns of the crop.
    An embedding by the same model is extended by the images that are not in it, so a computation
    that was interrupted goes on.

    Parameters
    ----------
    images : str, Path or iterable of them
        Image files with the galaxy at the centre, folders of images, CSV files that list images in
        a column ``file``, files of Galaxy10, ZIP archives of images, or catalogues in the output
        folder of a run, whose crops are used.
    output : str or Path
        Parquet file.
    model : str or Path, optional
        As in `galpipe.exploration.features.open_features`; by default the shipped classifier.
    overwrite : bool
        Replace an earlier embedding.
    progress : bool or Progress
        Show a progress bar on the terminal; or a custom display.

    Returns
    -------
    EmbedResult

    Raises
    ------
    InputError
        If no image is found.
    ConfigError, BundleError
        If the model is missing or invalid.
    OutputError
        If the file is no embedding, is one by another model, is not named ``.parquet``, or cannot
        be written.
    MissingExtraError
        If pyarrow, or Keras for a network trained on ImageNet, is not installed.
    """
    require("pyarrow.parquet", "parquet")
    output = Path(output)
    if output.suffix != ".parquet":
        raise OutputError(f"{output}: features are written as Parquet; choose a name in .parquet")
    pictures, failures = find_pictures(images)
    opened = open_features(model or DEFAULT_CLASSIFIER)
    earlier = _earlier(output, opened, overwrite=overwrite)
    known = set() if earlier is None else {picture.file for picture in earlier.pictures}
    waiting = [picture for picture in pictures if printable(picture.file) not in known]
    count = 0 if earlier is None else len(earlier)
    if not waiting:
        return EmbedResult(output, count, 0, tuple(failures))
    ids = _UniqueIds(() if earlier is None else earlier.ids)
    added, interrupted = 0, None
    with (
        atomic_path(output) as beside,
        EmbeddingWriter(beside, opened) as writer,
        ImageReader(opened.crop.stretch) as data_files,
        open_progress(progress)("images", len(waiting)) as task,
    ):
        if earlier is not None:
            writer.copy(earlier)
        try:
            for crops in _chunks(waiting, opened, data_files, failures, task):
                named = [replace(one, id=ids(one)) for one in crops.pictures]
                writer.add(named, crops.brightness, opened(crops.rgb))
                added += len(named)
                status = count_of(added, "galaxies", len(failures))
                task.update(advance=crops.read, status=status)
        except KeyboardInterrupt as error:
            # The galaxies that are done are kept.
            interrupted = error
    if interrupted is not None:
        raise interrupted
    return EmbedResult(output, count + added, added, tuple(failures))


def find_pictures(
    inputs: Iterable[str | Path] | str | Path,
) -> tuple[list[Picture], list[Failure]]:
    """Find the pictures of galaxies among the inputs of a command.

    Parameters
    ----------
    inputs : str, Path or iterable of them
        As in `embed`.

    Returns
    -------
    pictures : list of Picture
        With absolute paths.
    failures : list of Failure
        Inputs without a picture.

    Raises
    ------
    InputError
        If there is no picture at all.
    """
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    catalogues = [item for item in given if is_catalogue(item)]
    in_files, others, failures = find_in_data_files(
        item for item in given if item not in catalogues
    )
    pictures: list[Picture] = []
    for catalogue in catalogues:
        try:
            pictures += pictures_of_run(catalogue)
        except InputError as error:
            failures.append(Failure.of(str(catalogue), error))
    pictures += [_picture_in_file(path.absolute()) for path in in_files]
    if others or not given:
        sources, missing = find_images(others)
        failures += missing
        pictures += [_picture(source) for source in sources]
    if not pictures:
        raise InputError("\n".join(failure.message for failure in failures))
    return pictures, failures


def _picture_in_file(path: Path) -> Picture:
    return Picture(path.stem, str(path), path.parent.stem)


def _picture(source: FieldSource) -> Picture:
    paths = tuple(path.absolute() for path in source.paths)
    folder = paths[0].parent
    if folder.name in _GENERAL_FOLDERS:
        folder = folder.parent
    return Picture(source.identifier, str(replace(source, paths=paths)), folder.name)


def _earlier(output: Path, model: FeatureModel, *, overwrite: bool) -> EmbeddingFile | None:
    """Return the embedding by the same model that is extended; None if there is none."""
    if not output.exists():
        return None
    try:
        file = EmbeddingFile(output)
    except InputError as error:
        raise OutputError(
            f"{output}: exists and is no embedding; choose another file to write"
        ) from error
    if overwrite:
        return None
    if file.fingerprint != model.fingerprint:
        raise OutputError(
            f"{output}: holds features of another model ({file.model}); choose another file, or "
            "add --overwrite (in Python: overwrite=True) to replace it"
        )
    return file


@dataclass(frozen=True, eq=False)
class _Crops:
    """Crops of one chunk.

    Attributes
    ----------
    pictures : list of Picture
        With their sizes; without those that failed.
    rgb : ndarray of uint8, shape (N, S, S, 3)
    read : int
        Number of files that were read or failed.
    """

    pictures: list[Picture]
    rgb: NDArray[np.uint8]
    read: int

    @property
    def brightness(self) -> NDArray[np.float32]:
        """Mean of each crop above its sky, grey levels."""
        return np.asarray(remove_sky(self.rgb).mean(axis=(1, 2, 3), dtype=np.float32))


def _chunks(
    pictures: Sequence[Picture],
    model: FeatureModel,
    data_files: ImageReader,
    failures: list[Failure],
    task: Task,
) -> Iterator[_Crops]:
    """Read the crops chunk by chunk, and add the failures to a list."""
    for start in range(0, len(pictures), _CHUNK):
        chunk = pictures[start : start + _CHUNK]
        task.update(description=Path(chunk[0].file).name)
        done: list[Picture] = []
        crops: list[NDArray[np.uint8]] = []
        for picture in chunk:
            try:
                crop = read_crop(picture, model.crop, data_files)
                for note in crop.notes:
                    logger.warning("%s: %s", printable(picture.file), note)
                if (crop.rgb == crop.rgb[:1, :1]).all():
                    raise InputError(
                        f"{picture.file}: the crop of the galaxy is of one colour, so it has no "
                        "features"
                    )
            except Exception as error:
                failures.append(Failure.of(picture.file, error))
                log_failure(failures[-1])
                continue
            done.append(replace(picture, size=crop.size))
            crops.append(crop.rgb)
        shape = (len(crops), model.crop.size, model.crop.size, 3)
        yield _Crops(done, np.array(crops, np.uint8).reshape(shape), len(chunk))


class _UniqueIds:
    """Identifiers that no other galaxy of the embedding has.

    Parameters
    ----------
    taken : iterable of str
        Identifiers of the galaxies in it.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def __call__(self, picture: Picture) -> str:
        """Return the identifier of a picture, with the survey or a number if it is taken.

        Parameters
        ----------
        picture : Picture
        """
        name, number = picture.id, 1
        if name in self._taken:
            name = first = f"{picture.survey}_{picture.id}"
            while name in self._taken:
                number += 1
                name = f"{first}_{number}"
        self._taken.add(name)
        return name

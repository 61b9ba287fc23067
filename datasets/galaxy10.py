"""The Galaxy10 data sets: published files, and a reader of their HDF5 format."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..annotations import GALAXY10_DECALS, GALAXY10_SDSS
from ..configs import ClassMap
from ..errors import ConfigError, GalpipeError, InputError, require
from .labels import LabelledImage

__all__ = ["GALAXY10_SETS", "Galaxy10File", "Galaxy10Set", "changed_classes", "read_galaxy10"]

logger = logging.getLogger("galpipe")

MAX_BLOCK_BYTES = 2**28
"""Size limit of a block of images and of an uncompressed chunk."""

_BLOCKS_KEPT = 2


@dataclass(frozen=True)
class Galaxy10Set:
    """A published data set in one HDF5 file.

    Attributes
    ----------
    title : str
        Name in messages.
    file : str
        Name of the file.
    page : str
        Web page with the download.
    url : str
        Address of the file.
    sha256 : str
        Checksum of the file, lower case.
    side : int
        Width and height of the images in pixels; they are uint8 (side, side, 3).
    class_names : tuple of str
        Class names in the order of the labels.
    class_counts : tuple of int
        Number of images of each class.
    has_positions : bool
        True if the file has the columns ``ra`` and ``dec``.
    """

    title: str
    file: str
    page: str
    url: str
    sha256: str
    side: int
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    has_positions: bool

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(self.class_counts)


_ZENODO = "https://zenodo.org/records"

GALAXY10_SETS: Mapping[str, Galaxy10Set] = {
    "galaxy10_decals": Galaxy10Set(
        title="Galaxy10 DECaLS",
        file="Galaxy10_DECals.h5",
        page=f"{_ZENODO}/10845026",
        url=f"{_ZENODO}/10845026/files/Galaxy10_DECals.h5",
        sha256="19aefc477c41bb7f77ff07599a6b82a038dc042f889a111b0d4d98bb755c1571",
        side=256,
        class_names=GALAXY10_DECALS,
        class_counts=(1081, 1853, 2645, 2027, 334, 2043, 1829, 2628, 1423, 1873),
        has_positions=True,
    ),
    "galaxy10_sdss": Galaxy10Set(
        title="Galaxy10 SDSS",
        file="Galaxy10.h5",
        page=f"{_ZENODO}/10844811",
        url=f"{_ZENODO}/10844811/files/Galaxy10.h5",
        sha256="969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af",
        side=69,
        class_names=GALAXY10_SDSS,
        # The page prints 394 for class 3, which gives 45 images more than its total of 21,785;
        # 349 gives this total.
        class_counts=(3461, 6997, 6292, 349, 1534, 17, 589, 1121, 906, 519),
        has_positions=False,
    ),
}
"""The published data sets, by the name that a configuration uses.

Counts and checksums: the pages "Galaxy10 DECaLS" and "Galaxy10 SDSS" of astroNN's documentation
(https://astronn.readthedocs.io/en/latest/galaxy10.html and galaxy10sdss.html).
"""


def changed_classes(
    class_names: str | Sequence[str] | Mapping[str, Sequence[int | str] | None],
    labelled: str | Sequence[str] | None,
) -> ClassMap:
    """Return the map of configured classes, which may be those of a data set.

    Parameters
    ----------
    class_names : str, sequence of str, or mapping
        Key of `GALAXY10_SETS`, the classes, or their changes; see `ClassMap.of`.
    labelled : str or sequence of str, optional
        Classes of the labels, or the data set whose classes they are.

    Raises
    ------
    ConfigError
        If they do not fit.
    """

    def names(of: str | Sequence[str]) -> Sequence[str]:
        return GALAXY10_SETS[of].class_names if isinstance(of, str) else of

    try:
        return ClassMap.of(
            class_names if isinstance(class_names, Mapping) else names(class_names),
            None if labelled is None else names(labelled),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


class Galaxy10File:
    """Reader of a Galaxy10 file, DECaLS or SDSS by the size of its images.

    Only data sets stored in the file itself are read: links, virtual data sets and external storage
    are refused.

    Parameters
    ----------
    path : str or Path
        HDF5 file with ``images``, uint8 (N, side, side, 3), and ``ans``, integers (N,).

    Raises
    ------
    InputError
        If the file is damaged or has another layout.
    MissingExtraError
        If h5py is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        h5py = require("h5py", "train")
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{self.path} is not a file. Fetch it with: galpipe data fetch --help")
        self._blocks: dict[int, NDArray[np.uint8]] = {}
        self._lock = Lock()
        with self._reading():
            self._file = h5py.File(self.path, "r")
        try:
            with self._reading():
                self._images = self._column("images")
                self.known = self._recognize()
                self._block = self._block_length()
        except GalpipeError:
            self.close()
            raise

    def __len__(self) -> int:
        return int(self._images.shape[0])

    def __enter__(self) -> Galaxy10File:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._blocks.clear()
        self._file.close()

    def image(self, index: int) -> NDArray[np.uint8]:
        """Return an image, RGB, uint8 (side, side, 3); fast when images are read in order.

        Parameters
        ----------
        index : int
            Index of the image from 0.

        Raises
        ------
        InputError
            If there is no such image or it cannot be read.
        """
        if not 0 <= index < len(self):
            raise InputError(f"{self.path} has no image {index}; it has {len(self)}.")
        number, place = divmod(index, self._block)
        with self._lock:
            if number not in self._blocks:
                # Images are compressed in blocks.  Two are cached, since concurrent threads may
                # read on both sides of a block boundary.
                while len(self._blocks) >= _BLOCKS_KEPT:
                    del self._blocks[next(iter(self._blocks))]
                start = number * self._block
                with self._reading():
                    self._blocks[number] = self._images[start : start + self._block]
            image: NDArray[np.uint8] = self._blocks[number][place]
            return image

    @property
    def image_paths(self) -> list[Path]:
        """Paths by which `ImageReader` reads the images, in the order of the file."""
        stem = self.path.stem.replace(".", "_")
        return [self.path / f"{stem}-{index:05d}" for index in range(len(self))]

    def labels(self) -> NDArray[np.int64]:
        """Return the class index of each image, int64 (N,); invalid ones raise InputError."""
        with self._reading():
            labels = self._numbers("ans", "iu").astype(np.int64)
        if labels.min() < 0 or labels.max() >= len(self.known.class_names):
            raise InputError(
                f"{self.path} has labels from {labels.min()} to {labels.max()}; those of "
                f"{self.known.title} are 0 to {len(self.known.class_names) - 1}."
            )
        return labels

    def positions(self) -> list[tuple[float, float] | None]:
        """Return right ascension and declination of each image in degrees, if known.

        Raises
        ------
        InputError
            If the columns are missing in a data set that has them, or hold no positions.
        """
        if not self.known.has_positions:
            return [None] * len(self)
        with self._reading():
            ra, dec = (self._numbers(name, "fiu").astype(np.float64) for name in ("ra", "dec"))
        known = np.isfinite(ra) & np.isfinite(dec)
        if not ((np.abs(dec) <= 90) & (ra >= 0) & (ra <= 360))[known].all():
            raise InputError(f"{self.path}: 'ra' and 'dec' are not all degrees on the sky.")
        return [
            (float(a), float(d)) if is_known else None
            for a, d, is_known in zip(ra, dec, known, strict=True)
        ]

    def _recognize(self) -> Galaxy10Set:
        shape, kind = self._images.shape, self._images.dtype
        for known in GALAXY10_SETS.values():
            if shape[1:] == (known.side, known.side, 3) and kind == np.uint8:
                if 0 < shape[0] <= known.images:
                    return known
                raise InputError(
                    f"{self.path} holds {shape[0]} images; {known.title} has {known.images}."
                )
        sides = " or ".join(f"(N, {s.side}, {s.side}, 3)" for s in GALAXY10_SETS.values())
        raise InputError(
            f"{self.path}: 'images' is {kind} of the shape {shape}, not uint8 of {sides}."
        )

    def _block_length(self) -> int:
        image = int(np.prod(self._images.shape[1:]))
        chunk = self._images.chunks[0] if self._images.chunks else MAX_BLOCK_BYTES // image
        return int(min(chunk, MAX_BLOCK_BYTES // image))

    def _numbers(self, name: str, kinds: str) -> NDArray[Any]:
        column = self._column(name)
        if column.shape != (len(self),) or column.dtype.kind not in kinds:
            raise InputError(
                f"{self.path}: {name!r} is {column.dtype} of the shape {column.shape}; it needs a "
                f"number for each of the {len(self)} images."
            )
        return np.asarray(column[:])

    def _column(self, name: str) -> Any:
        h5py = require("h5py", "train")
        links = self._file.id.links
        # Check the link itself, as opening its target could open another file.
        if not links.exists(name.encode()):
            raise InputError(f"{self.path} lacks {name!r}. Is it a file of Galaxy10?")
        if links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
            raise InputError(f"{self.path}: {name!r} is a link. Put the data itself into the file.")
        column = self._file[name]
        if not isinstance(column, h5py.Dataset):
            raise InputError(f"{self.path}: {name!r} is not a data set.")
        if column.is_virtual or column.external:
            raise InputError(
                f"{self.path}: {name!r} is stored in other files. Put the data itself "
                "into the file."
            )
        if column.chunks and np.prod(column.chunks, dtype=float) * column.dtype.itemsize > (
            MAX_BLOCK_BYTES
        ):
            raise InputError(f"{self.path}: {name!r} has chunks that are too large to unpack.")
        return column

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except GalpipeError:
            raise
        except Exception as error:
            # The HDF5 library may raise any error, at any point, on a damaged file.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(
                f"Cannot read {self.path} ({reason}). Download it again, or convert it to HDF5."
            ) from error


def read_galaxy10(path: str | Path, name: str) -> list[LabelledImage]:
    """Read the labels of a Galaxy10 file.

    A warning is logged, once for each file, if the number of images of a class differs from the
    published one.

    Parameters
    ----------
    path : str or Path
        The HDF5 file.
    name : str
        Key of `GALAXY10_SETS`; the file must be this data set, as the classes differ.

    Returns
    -------
    list of LabelledImage
        In the order of the file; image 17 of ``Galaxy10_DECals.h5`` has the path
        ``Galaxy10_DECals.h5/Galaxy10_DECals-00017``.

    Raises
    ------
    InputError
        If the file is another data set, is damaged or has another layout.
    """
    wanted = GALAXY10_SETS[name]
    with Galaxy10File(path) as file:
        if file.known is not wanted:
            raise InputError(
                f"{path} is {file.known.title}, not {wanted.title}; their classes differ. Set "
                "'kind' and 'class_names' to the data set that it is."
            )
        paths, labels, positions = file.image_paths, file.labels(), file.positions()
    counts = np.bincount(labels, minlength=len(wanted.class_names))
    differences = [
        f"{name} {count} (published: {published})"
        for name, count, published in zip(
            wanted.class_names, counts, wanted.class_counts, strict=True
        )
        if count != published
    ]
    if differences:
        _warn_once(
            f"{path} is not {wanted.title} as it was published: images of {', '.join(differences)}"
        )
    return [
        LabelledImage(image, (label,), position=position)
        for image, label, position in zip(paths, labels.tolist(), positions, strict=True)
    ]


# A training reads the labels several times: to check its configuration, and in each fold.
@cache
def _warn_once(message: str) -> None:
    logger.warning("%s", message)

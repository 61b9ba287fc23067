"""Images in a ZIP archive, read in place."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ..annotations.image_names import image_stem, image_suffix
from ..annotations.images import ImageFolder
from ..errors import InputError
from ..files.file_types import PICTURE_KINDS, REFUSED, check_regular, kind_of
from ..imaging import Field
from ..imaging.picture_field import picture_field

__all__ = ["ImageArchive", "find_images", "is_archive"]

LARGEST_IMAGE = 2**26
"""Largest decompressed size of an image, in bytes."""

MOST_IMAGES = 2_000_000
"""Largest number of entries of an archive."""

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # The second one is that of an empty archive.
_ENCRYPTED = 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def is_archive(path: Path) -> bool:
    """Return whether a file is a ZIP archive.

    Parameters
    ----------
    path : Path
        The file.
    """
    try:
        with path.open("rb") as file:
            return file.read(4) in _SIGNATURES
    except OSError:
        return False


class ImageArchive:
    """Images in a ZIP archive, looked up by their names without folders.

    Nothing is extracted.  Image ``images_training_rev1/100008.jpg`` has the path
    ``images_training_rev1.zip/100008.jpg``, whatever its folder.

    Parameters
    ----------
    path : str or Path
        The archive; only pictures in it are read, of at most `LARGEST_IMAGE` bytes.

    Raises
    ------
    InputError
        If it cannot be read, or holds two images of one name.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        check_regular(self.path)
        try:
            self._file = zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise InputError(
                f"{self.path} is not a ZIP archive that can be read, or only a part of one. Copy "
                "or download it again."
            ) from error
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._by_stem: dict[str, list[str]] = {}
        entries = self._file.infolist()
        if len(entries) > MOST_IMAGES:
            self.close()
            raise InputError(
                f"{self.path} holds {len(entries)} files; at most {MOST_IMAGES} are read."
            )
        for entry in entries:
            name = PurePosixPath(entry.filename).name
            # macOS adds a hidden file for each image, ``__MACOSX/._100008.jpg``.
            if entry.is_dir() or name.startswith(".") or not image_suffix(name):
                continue
            if name in self._entries:
                self.close()
                raise InputError(
                    f"{self.path} holds several images {name!r} in different folders. "
                    "Unpack it and name a folder."
                )
            self._entries[name] = entry
            self._by_stem.setdefault(image_stem(name), []).append(name)

    def __enter__(self) -> ImageArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def image_paths(self) -> list[Path]:
        """Paths by which `ImageReader` reads the images, in the order of the archive."""
        return [self.path / name for name in self._entries]

    def find(self, name: str) -> Path | None:
        """Return the path of an image, as `ImageReader` reads it; None if there is none.

        Parameters
        ----------
        name : str
            File name, with or without its extension; folders are ignored.

        Raises
        ------
        InputError
            If several images have the name without its extension.
        """
        last = name.replace("\\", "/").rpartition("/")[2]
        if last in self._entries:
            return self.path / last
        found = self._by_stem.get(last, [])
        if len(found) > 1:
            raise InputError(f"{self.path} holds {', '.join(found)}; which is {name!r}?")
        return self.path / found[0] if found else None

    def field(self, name: str) -> Field:
        """Return an image as a field.

        Parameters
        ----------
        name : str
            Its file name.

        Raises
        ------
        InputError
            If there is no such image, or it is encrypted, too large or damaged.
        """
        path = self.path / name
        entry = self._entries.get(name)
        if entry is None:
            raise InputError(f"{self.path} holds no image {name!r}.")
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise InputError(
                f"{path} is encrypted, or compressed in a way that is not read. Unpack {self.path}."
            )
        if entry.file_size > LARGEST_IMAGE:
            raise InputError(f"{path} would expand to {entry.file_size} bytes, too many.")
        try:
            # It never yields more than the size in the archive's directory, which is checked above.
            data = self._file.read(entry)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
            raise InputError(f"{path} is damaged. Copy or download {self.path} again.") from error
        kind = kind_of(data[:64])
        if kind not in PICTURE_KINDS:
            raise InputError(f"{path} is {REFUSED.get(kind, f'a {kind} file. Unpack it.')}")
        checksum = hashlib.sha256(data).hexdigest()
        return picture_field(path, data, kind, path.stem, (path,), checksum)


def find_images(names: Iterable[str], images: str | Path) -> list[Path | None]:
    """Return the paths of images, as `ImageReader` reads them; None where there is none.

    Parameters
    ----------
    names : iterable of str
        Their names, with or without the extension.
    images : str or Path
        Folder of the images, or a ZIP archive.

    Raises
    ------
    InputError
        If the folder or archive cannot be read, or a name leads out of it or fits several images.
    """
    if is_archive(Path(images)):
        with ImageArchive(images) as archive:
            return [archive.find(name) for name in names]
    if not Path(images).is_dir():
        raise InputError(
            f"{images} is not a folder or a ZIP archive of images. Download it again if it should "
            "be a ZIP archive; unpack an archive of another kind."
        )
    folder = ImageFolder(images)
    return [folder.find(name) for name in names]

"""Class names packed into a TFLite file: the archive of associated files at its end.

TensorFlow Lite's metadata append a ZIP archive of files, such as the labels, to the network
(https://www.tensorflow.org/lite/models/convert/metadata).
"""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

from ...errors import BundleError

__all__ = ["packed_labels"]

# End of central directory record: signature, numbers of disks, numbers of entries, size and
# place of the directory (APPNOTE.TXT of PKWARE, section 4.3.16).  A comment of up to 65,535 bytes
# follows.
_END = struct.Struct("<4s4H2LH")
_SIGNATURE = b"PK\x05\x06"
_LONGEST_COMMENT = 0xFFFF
_MOST_FILES = 100
_LARGEST_DIRECTORY = 2**16
_LARGEST_LABELS = 4 * 2**20
# First line of the label maps of the TF Object Detection API, and of classes that have no name.
_NAMELESS = ("", "???")


def packed_labels(content: bytes, path: Path) -> tuple[str, ...] | None:
    """Return the class names in the files packed with a network, or None.

    They are the lines of the text file whose name contains "label", or of the only text file.

    Parameters
    ----------
    content : bytes
        Content of the ``.tflite`` file; of the archive at its end, only the labels are unpacked.
    path : Path
        The file, for the error message.

    Returns
    -------
    tuple of str or None
        Class names in the order of the network's classes; those without a name are ``class 12``
        and so on.  None without such a file.

    Raises
    ------
    BundleError
        If the archive or the labels are damaged or too large.
    """
    start = content.rfind(_SIGNATURE, max(0, len(content) - _END.size - _LONGEST_COMMENT))
    if start < 0 or len(content) - start < _END.size:
        return None
    _, _, _, _, entries, size, _, _ = _END.unpack_from(content, start)
    if entries > _MOST_FILES or size > _LARGEST_DIRECTORY:
        raise BundleError(
            f"{path}: has {entries} files packed with it, more than a detector needs; put a "
            "label_map.pbtxt beside a copy of the network without them"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts = [one for one in archive.infolist() if one.filename.lower().endswith(".txt")]
            labels = [one for one in texts if "label" in one.filename.lower()] or texts
            if len(labels) != 1:
                return None
            with archive.open(labels[0]) as stream:
                text = stream.read(_LARGEST_LABELS + 1)
        if len(text) > _LARGEST_LABELS:
            raise BundleError(f"{path}: '{labels[0].filename}' in it is too large for labels")
        return _names(text.decode("utf-8-sig"), path)
    except BundleError:
        raise
    except Exception as error:
        # A damaged archive raises errors of many types in zipfile and zlib.
        raise BundleError(f"{path}: the labels packed with it cannot be read: {error}") from error


def _names(text: str, path: Path) -> tuple[str, ...] | None:
    lines = [line.strip() for line in text.rstrip().splitlines()]
    # Label maps count from the background, the classes of detections from the first object.
    if lines and lines[0] in ("???", "background"):
        del lines[0]
    names = tuple(
        f"class {number}" if line in _NAMELESS else line for number, line in enumerate(lines, 1)
    )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BundleError(f"{path}: the labels packed with it have the class {twice!r} twice")
    return names or None

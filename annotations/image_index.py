"""Find the images of a folder by the names that annotations give them."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from ..errors import InputError
from .image_names import IMAGE_SUFFIXES, image_suffix

__all__ = ["ImageIndex", "name_parts"]

_NAMES_SHOWN = 3


class ImageIndex:
    """The images of a folder and its subfolders, listed once.

    Hidden files and folders are left out, and links to folders are not followed.

    Parameters
    ----------
    folder : str or Path
        The folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.paths: list[str] = []
        self._by_name: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._by_stem: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        start = os.fspath(folder)
        for place, folders, files in os.walk(start):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            inside = os.path.relpath(place, start)
            above = () if inside == os.curdir else tuple(inside.split(os.sep))
            for file in sorted(files):
                suffix = image_suffix(file)
                if suffix and not file.startswith("."):
                    parts = (*above, file)
                    self.paths.append("/".join(parts))
                    self._by_name[_key(file)].append(parts)
                    self._by_stem[_key(file[: -len(suffix)])].append(parts)

    def find(self, parts: Sequence[str], *, foreign: bool) -> str | None:
        """Return the path of an image inside the folder; None if there is none.

        Case and Unicode form are ignored, and the extension may be missing.  Of several images of
        that name, the one in the same folders is returned.

        Parameters
        ----------
        parts : sequence of str
            Folders and file name.
        foreign : bool
            The folders are of another place, and need not be those of the image.

        Raises
        ------
        InputError
            If several images fit equally well.
        """
        last = _key(parts[-1])
        found = self._by_name.get(last) or self._by_stem.get(last) or []
        wanted = [_key(part) for part in parts[:-1]]
        ranked = []
        for candidate in found:
            if not os.path.isfile(os.path.join(self.folder, *candidate)):
                continue  # a link that leads nowhere
            folders = [_key(part) for part in candidate[:-1]]
            shared = _common_end(folders, wanted)
            if foreign or shared == min(len(folders), len(wanted)):
                same = shared == len(folders) == len(wanted)
                ranked.append(((same, shared, candidate[-1] == parts[-1]), candidate))
        if not ranked:
            return None
        if len(ranked) == 1:
            return os.path.join(self.folder, *ranked[0][1])
        highest = max(rank for rank, _ in ranked)
        best = [candidate for rank, candidate in ranked if rank == highest]
        if len({candidate[:-1] for candidate in best}) == 1:
            # Of a.jpg and a.fits for the name "a", the picture.
            first_kind = min(map(_suffix_order, best))
            best = [candidate for candidate in best if _suffix_order(candidate) == first_kind]
        first = os.path.join(self.folder, *best[0])
        if any(not os.path.samefile(first, os.path.join(self.folder, *one)) for one in best[1:]):
            names = ", ".join("/".join(one) for one in best[:_NAMES_SHOWN])
            raise InputError(
                f"{'/'.join(parts)!r} could be several images in {self.folder}: {names}"
                f"{', ...' if len(best) > _NAMES_SHOWN else ''}. Give the folder of the right ones "
                "with --images, or write the folder into the name."
            )
        return first


def name_parts(name: str) -> tuple[list[str], bool]:
    r"""Return the folders and the file name of an image, and whether they are of another place.

    The folders of an absolute path, a URL, a path of Windows with its drive, and of a path through
    ``..`` are of another place.

    Parameters
    ----------
    name : str
        Name in an annotation.

    Raises
    ------
    InputError
        If it names no file.

    Examples
    --------
    >>> name_parts("spirals/m51.jpg")
    (['spirals', 'm51.jpg'], False)
    >>> name_parts(r"C:\data\m51.jpg")
    (['data', 'm51.jpg'], True)
    >>> name_parts("https://example.org/my%20data/m51.jpg?size=1")
    (['example.org', 'my data', 'm51.jpg'], True)
    """
    is_url = "://" in name
    if is_url:
        name = unquote(name.partition("://")[2].partition("?")[0].partition("#")[0])
    foreign = is_url or name[:1] in ("/", "\\") or name[1:2] == ":"
    if name[1:2] == ":":
        name = name[2:]
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        foreign = True
        parts = parts[len(parts) - parts[::-1].index("..") :]
    if not parts or "\x00" in name:
        raise InputError(f"Image name {name!r} names no file. Give the image a plain file name.")
    return parts, foreign


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold() if not name.isascii() else name.lower()


def _common_end(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def _suffix_order(parts: tuple[str, ...]) -> int:
    return IMAGE_SUFFIXES.index(image_suffix(parts[-1]).lower())

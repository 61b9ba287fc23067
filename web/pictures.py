"""Pyramids of the fields that are looked at, made once each, in processes of their own."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from ..imaging import FieldSource, Stretch
from .processes import ProcessLimits, call_in_process
from .pyramid import Pyramid
from .work import prepare_picture

__all__ = ["PictureStore"]

_AT_ONCE = 2  # pyramids that are made at a time
_KEPT = 50  # pyramids on the disk


class PictureStore:
    """Pyramids of fields.

    Parameters
    ----------
    folder : Path
        Folder of the pyramids, which are removed with it.
    limits : ProcessLimits
        Memory and time to make one.
    """

    def __init__(self, folder: Path, limits: ProcessLimits) -> None:
        self._folder, self._limits = folder, limits
        self._pyramids: OrderedDict[str, Pyramid] = OrderedDict()
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_AT_ONCE)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    def get(self, source: FieldSource, stretch: Stretch, names: Mapping[str, str]) -> Pyramid:
        """Return the pyramid of a field, which is made if it is not there.

        Parameters
        ----------
        source : FieldSource
            The field.
        stretch : Stretch
            Stretch of the detector.
        names : mapping of str to str
            Names of the files for messages, by path.

        Raises
        ------
        InputError
            If the field cannot be read.
        """
        key = _key(source, stretch)
        with self._lock:
            if key in self._pyramids:
                self._pyramids.move_to_end(key)
                return self._pyramids[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if key in self._pyramids:
                return self._pyramids[key]
            folder = self._folder / key
            if not folder.is_dir():
                with self._room:
                    call_in_process(
                        prepare_picture,
                        self._limits,
                        source=source,
                        stretch=stretch,
                        folder=folder,
                        names=names,
                    )
            pyramid = Pyramid(folder)
            with self._lock:
                self._making.pop(key, None)
                self._pyramids[key] = pyramid
                while len(self._pyramids) > _KEPT:
                    old, _ = self._pyramids.popitem(last=False)
                    # Arrays that are still mapped stay readable until they are let go.
                    shutil.rmtree(self._folder / old, ignore_errors=True)
            return pyramid


def _key(source: FieldSource, stretch: Stretch) -> str:
    stamps = []
    for path in source.paths:
        try:
            state = path.stat()
        except OSError:
            continue
        stamps.append([state.st_size, state.st_mtime_ns])
    content = [
        list(source.places),
        list(source.images),
        list(source.bands),
        stretch.model_dump(mode="json"),
        stamps,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]

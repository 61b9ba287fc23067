from __future__ import annotations

import pickle

import numpy as np
import pytest

from galpipe.errors import OutputError
from galpipe.files import array_file
from galpipe.files.array_file import ArrayFile


@pytest.mark.parametrize("in_memory", [10, 2**20])
def test_arrays_are_those_that_were_given(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    monkeypatch.setattr(array_file, "_IN_MEMORY", in_memory)
    arrays = [
        np.arange(12.0).reshape(2, 2, 3)[:, ::-1],
        np.zeros((0, 4), np.uint8),
        np.array([[True, False]]),
    ]
    held = ArrayFile(arrays[:1])
    np.testing.assert_array_equal(held[0], arrays[0])
    for array in arrays[1:]:
        held.append(array)
    for found in (held, pickle.loads(pickle.dumps(held))):
        assert len(found) == 3
        for one, expected in zip(found, arrays, strict=True):
            np.testing.assert_array_equal(one, expected)
            assert one.dtype == expected.dtype
            assert one.flags.writeable
        assert len(found[1:]) == 2
    with pytest.raises(IndexError):
        held[3]


def test_a_full_disk_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    held = ArrayFile[np.uint8]()

    def full(content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(held._file, "write", full)
    with pytest.raises(OutputError, match=r"No space left on device\. Free space .* TMPDIR"):
        held.append(np.zeros(3, np.uint8))

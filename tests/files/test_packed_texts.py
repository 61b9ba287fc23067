from __future__ import annotations

import pytest

from galpipe.files.packed_texts import PackedTexts, text_digests


def test_texts_are_those_that_were_given() -> None:
    texts = [f"/data/{number:04d}/frame\n\udcff\0.fits" for number in range(1500)]
    packed = PackedTexts(texts[:-1])
    packed.append(texts[-1])
    assert len(packed) == 1500
    assert [*packed] == texts
    assert [packed[0], packed[1024], packed[-1]] == [texts[0], texts[1024], texts[-1]]
    assert packed[510:515] == texts[510:515]
    with pytest.raises(IndexError):
        packed[1500]
    assert not PackedTexts()


def test_digests_are_equal_for_equal_texts() -> None:
    texts = ["a", "b\udcff", "", "a"]
    digests = text_digests(texts)
    assert digests.shape == (4,)
    assert len(set(digests.tolist())) == 3
    assert digests[0] == digests[3]
    assert digests[1] == text_digests(["b\udcff"])[0]

from __future__ import annotations

import pytest

from galpipe.files.text_encoding import encoding_of


@pytest.mark.parametrize("text", ["filename,x\n", "<?xml", '{"a": "é galaxy"}', "[ ]"])
def test_utf_16_is_told_from_utf_8(text: str) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"):
        content = text.encode(encoding)
        assert content.decode(encoding_of(content)) == text


@pytest.mark.parametrize("head", [b"", b"a", b"\0", b"\0\0\0\0", b"ab\0d", b"\xff"])
def test_other_bytes_are_left_to_utf_8(head: bytes) -> None:
    assert encoding_of(head) == "utf-8-sig"

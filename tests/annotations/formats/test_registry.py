from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from galpipe.annotations.formats.format import Feature
from galpipe.annotations.formats.registry import FORMATS, detect_format, format_named
from galpipe.errors import InputError

GUIDE = Path(__file__).parents[3] / "docs" / "annotations.md"
WORDS: dict[Feature, str] = {"empty": "empty images", "size": "image sizes"}


def test_the_guide_lists_the_features_of_each_format() -> None:
    rows = {}
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].strip("`") in FORMATS:
            rows[cells[0].strip("`")] = cells[1:]
    assert set(rows) == set(FORMATS)
    for name, (what, kept) in rows.items():
        form = FORMATS[name]
        held = [WORDS.get(part, part) for part in get_args(Feature) if part in form.supports]
        assert kept == ", ".join(held)
        assert ("read only" in what) == (form.write is None)


def test_an_unknown_format_or_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are labelme"):
        format_named("cocco")
    with pytest.raises(InputError, match="does not exist"):
        detect_format(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--from"):
        detect_format(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", "{}", r"Read as coco: .* has no images"),
        ("a.json", "{", r"Read as coco: .* is not JSON"),
        ("a.xml", "<note/>", r"Read as voc: .* root is <note>"),
        ("a.csv", "a,b\n1,2\n", r"Read as table: .* but a, b\. .*--column"),
        ("a.md", "", r"The folder holds 1 \.md"),
    ],
)
def test_the_likeliest_format_says_why_it_is_not(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=reason):
        detect_format(tmp_path if name == "a.md" else tmp_path / name)

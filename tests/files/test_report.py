from __future__ import annotations

import base64
from pathlib import Path

from galpipe.files.report import Heading, Picture, Report, Table


def _report() -> Report:
    return Report(
        "a <b> | c",
        [
            "Text with *stars* & more.",
            Heading("Part_1"),
            Table(["name", "value"], [["x|y", "<script>"], ["two\nlines", "1"]]),
            Picture("p/one.png", 'what "it" shows'),
        ],
    )


def test_markdown() -> None:
    assert _report().to_markdown() == (
        "# a &lt;b> \\| c\n\n"
        "Text with \\*stars\\* &amp; more.\n\n"
        "## Part\\_1\n\n"
        "| name | value |\n| --- | --- |\n| x\\|y | &lt;script> |\n| two lines | 1 |\n\n"
        '![what "it" shows](p/one.png)\n'
    )


def test_web_page(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "one.png").write_bytes(b"picture")
    page = _report().to_html(tmp_path)
    assert "<h1>a &lt;b&gt; | c</h1>" in page
    assert "<td>x|y</td><td>&lt;script&gt;</td>" in page
    assert f'src="data:image/png;base64,{base64.b64encode(b"picture").decode()}"' in page
    assert "what &#34;it&#34; shows" in page
    assert "default-src 'none'" in page

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from galpipe._version import __version__
from galpipe.files.report import (
    Heading,
    Picture,
    Report,
    Table,
    open_report_folder,
    write_report,
)


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


@pytest.mark.parametrize("program", ["galpipe", "python"])
def test_a_report_and_its_record_state_version_date_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr("sys.argv", [f"/bin/{program}", "evaluate", "my data"])
    folder = open_report_folder(tmp_path / "out", overwrite=False)
    write_report(folder, Report("r", ["text"]), {}, {"command": "evaluate"})
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["version"] == __version__
    assert record["versions"]["numpy"]
    assert record["arguments"] == (["evaluate", "my data"] if program == "galpipe" else [])
    last = (tmp_path / "out" / "report.md").read_text().splitlines()[-1]
    assert last.startswith(f"Made by galpipe {__version__} on {record['written']}")
    assert ("with: galpipe evaluate 'my data'" in last) == (program == "galpipe")

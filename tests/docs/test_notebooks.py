"""Execution of the notebooks of the documentation, in a kernel.

    python tests/docs/test_notebooks.py [NAME ...]

executes them and stores their outputs, after a change of a notebook or of the shipped models.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import galpipe
from galpipe.pipeline.catalogue import Catalogue

FOLDER = Path(galpipe.__path__[0]) / "docs" / "notebooks"


def execute(name: str, folder: Path) -> Any:
    """Execute a notebook in a folder and return it with its outputs."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook


def texts(notebook: Any) -> list[str]:
    """Return what the cells print."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["text"] for output in outputs if output.get("name") == "stdout"]


def is_message(output: Any) -> bool:
    """Return whether an output is a message of a library about its work."""
    text = output.get("text", "")
    return output.get("name") == "stderr" or text.startswith("INFO:tensorflow")


def stored(name: str) -> Any:
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def test_a_field_is_run(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    ran = execute("run-a-field", tmp_path)
    assert (tmp_path / "result" / "catalogue.ecsv").is_file()
    assert texts(ran) == texts(stored("run-a-field"))
    pictures = [
        output["data"]["image/jpeg"]
        for cell in ran.cells
        for output in cell.get("outputs", ())
        if "image/jpeg" in output.get("data", {})
    ]
    assert [len(picture) > 10_000 for picture in pictures] == [True]


@pytest.mark.tensorflow
@pytest.mark.training
def test_a_classifier_is_trained_and_used(tmp_path: Path) -> None:
    ran = execute("train-on-your-labels", tmp_path)
    assert texts(ran)[-1].endswith(" on 12 images; report: measured/report.html\n")
    assert (tmp_path / "measured" / "report.html").is_file()
    catalogue = Catalogue.read(tmp_path / "result" / "catalogue.ecsv")
    assert set(catalogue["class_name"]) <= {
        "Round Smooth Galaxies",
        "Unbarred Tight Spiral Galaxies",
        "Edge-on Galaxies without Bulge",
    }


def test_stored_outputs_are_small_and_without_paths_of_a_machine() -> None:
    for path in FOLDER.glob("*.ipynb"):
        content = path.read_text("utf-8")
        assert len(content) < 200_000, path
        assert "/home/" not in content
        assert all(
            cell.get("execution_count") for cell in stored(path.stem).cells if "outputs" in cell
        )


if __name__ == "__main__":
    import nbformat

    for path in sorted(FOLDER.glob("*.ipynb")):
        if sys.argv[1:] and path.stem not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            executed = execute(path.stem, Path(scratch))
        for cell in executed.cells:
            cell.metadata.pop("execution", None)
            if "outputs" in cell:
                cell.outputs = [output for output in cell.outputs if not is_message(output)]
        nbformat.write(executed, path)

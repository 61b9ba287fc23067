"""Examples of the docstrings."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TRAINING = ("training", "export", "explain", "evaluation")


def _modules_with_examples() -> list[object]:
    """Return the names of the modules, marked if they need the packages of training."""
    found: list[object] = []
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        if place.parts[0] in ("tests", "benchmarks", "docs") or place.parts[0].startswith("."):
            continue
        if ">>>" not in path.read_text(encoding="utf-8"):
            continue
        name = ".".join(("galpipe", *place.with_suffix("").parts)).removesuffix(".__init__")
        needs_training = any(part in TRAINING for part in place.with_suffix("").parts)
        found.append(pytest.param(name, marks=[pytest.mark.tensorflow] * needs_training))
    return found


@pytest.mark.parametrize("name", _modules_with_examples())
def test_examples_give_what_they_show(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(import_module(name), optionflags=options)
    assert not result.failed

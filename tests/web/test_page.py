"""The built page: made from the sources that are here, small, and part of the wheel."""

from __future__ import annotations

import gzip
import hashlib
from configparser import ConfigParser
from pathlib import Path

import galpipe

ROOT = Path(galpipe.__path__[0])
FRONTEND, STATIC = ROOT / "web" / "frontend", ROOT / "web" / "static"
SOURCES = (
    "../../files/templates/colours.css",
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def test_the_page_was_built_from_its_sources() -> None:
    digest = hashlib.sha256()
    for name in SOURCES:
        for file in _files(FRONTEND / name):
            place = (Path(name) / file.relative_to(FRONTEND / name)).as_posix()
            digest.update(f"{place}\0".encode())
            digest.update(file.read_bytes() + b"\0")
    built = (STATIC / "sources.sha256").read_text().strip()
    assert digest.hexdigest() == built, "run make web"


def test_the_page_is_small() -> None:
    files = [path for path in _files(STATIC) if path.suffix != ".sha256"]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 2**20


def test_the_wheel_contains_the_page() -> None:
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg")
    patterns = settings["options.package_data"]["galpipe.web"].split(", ")
    shipped = {path for pattern in patterns for path in (ROOT / "web").glob(pattern)}
    assert set(_files(STATIC)) <= shipped
    text = (STATIC / "index.html").read_text()
    named = [part.split('"')[0] for part in text.split('="/')[1:]]
    assert len(named) >= 3
    assert all((STATIC / name).is_file() for name in named)

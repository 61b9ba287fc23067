"""Find the bundle of a model by its name or path."""

from __future__ import annotations

from pathlib import Path

from ..errors import BundleError
from .bundle import Bundle, read_bundle
from .manifest import MANIFEST_NAME

__all__ = ["find_bundle", "shipped_models"]

_SHIPPED = Path(__file__).parent / "weights"


def shipped_models() -> list[str]:
    """Return the names of the models that come with the package."""
    return sorted(file.parent.name for file in _SHIPPED.glob(f"*/{MANIFEST_NAME}"))


def find_bundle(name_or_path: str | Path) -> Bundle:
    """Read the bundle of a shipped model's name, or at a path.

    Raises
    ------
    BundleError
        If there is none; the message lists the shipped models.
    """
    if str(name_or_path) in shipped_models():
        return read_bundle(_SHIPPED / str(name_or_path))
    if not Path(name_or_path).exists():
        raise BundleError(
            f"{name_or_path}: neither a model bundle on disk nor the name of a shipped model "
            f"({', '.join(shipped_models()) or 'none in this installation'})"
        )
    return read_bundle(name_or_path)

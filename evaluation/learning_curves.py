"""Learning curves of evaluated models in reports."""

from __future__ import annotations

from collections.abc import Mapping

from ..files.atomic import atomic_path
from ..files.names import SafeNames
from ..files.output_folder import OutputFolder
from ..files.report import PICTURES, Block, Heading, Picture
from ..metrics.learning_curves import LEARNING_CURVES_NAME
from ..models import Bundle

__all__ = ["learning_curve_blocks"]


def learning_curve_blocks(
    folder: OutputFolder, bundles: Mapping[str, Bundle | None]
) -> list[Block]:
    """Copy the learning curves of the bundles that have them, and return a section.

    Parameters
    ----------
    folder : OutputFolder
        Folder of the report.
    bundles : mapping of str to Bundle or None
        By unique name; None for models of other programs.

    Raises
    ------
    BundleError
        If a bundle is altered.
    OutputError
        If a picture cannot be written.
    """
    blocks: list[Block] = []
    safe = SafeNames()
    for name, bundle in bundles.items():
        if bundle is None or LEARNING_CURVES_NAME not in bundle.manifest.files:
            continue
        file = f"{PICTURES}/{safe(name)}_{LEARNING_CURVES_NAME}"
        with atomic_path(folder.path / file) as temporary:
            temporary.write_bytes(bundle.read(LEARNING_CURVES_NAME))
        blocks.append(Picture(file, f"{name}: losses and measures in the training."))
    return [Heading("Learning curves"), *blocks] if blocks else []

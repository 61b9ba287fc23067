"""Tiles of pictures as responses."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field

from ..pyramid import Pyramid
from .common import not_found

__all__ = ["StretchQuery", "StretchSettings", "tile_response"]


class StretchSettings(BaseModel):
    """Stretch of a picture; by default that of the detector."""

    model_config = ConfigDict(extra="forbid")

    black: Annotated[float, Field(ge=-1e6, le=1e6)] | None = None
    """Brightness of black."""
    white: Annotated[float, Field(gt=0, le=1e6)] | None = None
    """Brightness of white above black, without compression."""
    softening: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Compression of bright parts: Q of Lupton et al. (2004)."""


StretchQuery = Annotated[StretchSettings, Query()]


def tile_response(
    pyramid: Pyramid, level: int, column: int, row: int, stretch: StretchSettings
) -> Response:
    """Return a tile as a response.

    Parameters
    ----------
    pyramid : Pyramid
        The picture.
    level, column, row : int
        The tile, as in the Deep Zoom format.
    stretch : StretchSettings
        Black, white and softening.
    """
    settings = pyramid.stretch(stretch.black, stretch.white, stretch.softening)
    content = pyramid.tile(level, column, row, settings)
    if content is None:
        raise not_found("tile")
    return Response(
        content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"}
    )

"""Tables that strangers made: FITS, VOTable, ECSV, CSV and SExtractor's text, as plain columns."""

from __future__ import annotations

__all__ = ["Columns", "column_names", "read_columns", "table_files"]

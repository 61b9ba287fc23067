"""Files: atomic writing, output folders, tables, and safe readers of untrusted input."""

"""Detectors exported by other programs: SavedModels and TFLite files."""

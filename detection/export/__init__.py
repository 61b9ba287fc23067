"""Export of trained detectors: LiteRT files, calibration, model card, bundle."""

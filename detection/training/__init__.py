"""Training of detectors with TF-Vision (needs the ``train`` extra)."""

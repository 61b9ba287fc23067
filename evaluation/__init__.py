"""Evaluation of models on labelled images: reports, cross-validation and significance tests."""

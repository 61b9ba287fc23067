"""Metrics of detectors and classifiers: arrays and annotations in, numbers and plots out."""

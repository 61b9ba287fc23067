"""Labelled images: labels, Galaxy Zoo votes, Galaxy10, duplicates and splitting."""

"""Explore galaxies without labels: features of networks, clusters, similar and unusual galaxies."""

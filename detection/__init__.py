"""Detection of galaxies in fields of any size."""

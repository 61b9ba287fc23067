"""The formats of box annotations, one module each."""

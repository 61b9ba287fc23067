"""Commands, one module each; ``galpipe NAME`` runs the object ``command`` of the module."""

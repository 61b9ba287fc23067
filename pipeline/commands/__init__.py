"""The commands, one module each; a module's ``command`` is what ``galpipe NAME`` runs."""

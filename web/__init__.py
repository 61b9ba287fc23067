"""Fields, galaxies and corrections in a browser: the server of ``galpipe serve`` and its page."""

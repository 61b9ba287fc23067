"""Routes of the API, one subject a module."""

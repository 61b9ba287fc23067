"""Run the command line as ``python -m galpipe``."""

from .pipeline.cli import main

if __name__ == "__main__":
    main()

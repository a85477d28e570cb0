"""Runs the command line: `python -m credguard`."""

import sys

from credguard.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""Runs the tests of this checkout: `python3 tools/test.py [PYTEST ARGUMENT…]`; the exit code is pytest's."""

import os
import sys

import environment

if __name__ == "__main__":
    os.chdir(environment.ROOT)
    environment.run("dev", "-m", "pytest", *sys.argv[1:])

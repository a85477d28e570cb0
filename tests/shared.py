"""Runs credguard with the databases that a test run shares: `python tests/shared.py FOLDER ARGUMENT…`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)
    from tests import databases

    databases.share(sys.argv.pop(1))
    del sys.path[0]
    from credguard.cli import main

    sys.exit(main())

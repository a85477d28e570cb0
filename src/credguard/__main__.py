"""Runs the command line: `python -m credguard`.

Not safe in untrusted folders: Python searches the current folder for `credguard` first, before this can run. The
command `credguard` and the git hooks never do.
"""

import sys

if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        del sys.path[0]  # the current folder, where a repository may have modules of any name
    from credguard.cli import main

    sys.exit(main())

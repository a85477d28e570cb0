"""Runs the command line: `python -m credguard`.

Not for foreign folders: Python looks for `credguard` in the current folder first, before this can run. The command
`credguard` and the git hooks never look there.
"""

import sys

if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        del sys.path[0]  # the current folder, where a repository may bring modules of any name
    from credguard.cli import main

    sys.exit(main())

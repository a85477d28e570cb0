"""`credguard warm`: compiles and stores beforehand what the first run would compile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from credguard.errors import ExitCode

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `warm`."""
    parser.add_argument(
        "--to",
        metavar="FOLDER",
        default="",
        help="a folder that every user may read, as in an image (default: the cache of this user)",
    )
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints the folder; raises CredguardError where nothing could be stored."""
    from credguard.engine.warm import warm_cache
    from credguard.report import make_printable
    from credguard.system.ownership import CACHE_VARIABLE

    if options.to:
        os.environ[CACHE_VARIABLE] = os.path.abspath(options.to)
    made = warm_cache(shared=bool(options.to))
    print(f"Compiled patterns are in {make_printable(made.folder)} ({made.size / 1e6:.1f} MB).")
    if options.to:
        print(f"Runs use them with {CACHE_VARIABLE}={make_printable(made.folder)}")
    if not made.has_byte_code:
        print("The byte code could not be written: run this once as the owner of the package.")
    return ExitCode.CLEAN

"""`credguard lsp`: checks what is open in an editor over standard input and output (Language Server Protocol)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `lsp`."""
    parser.add_argument("--stdio", action="store_true", help="as many editors say it; there is no other way")
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> ExitCode:
    """Serves until the editor ends it; raises CredguardError without the extra `lsp`, and for what is not the
    protocol."""
    try:
        import pygls  # noqa: F401 - whether it is there
    except ModuleNotFoundError:
        raise CredguardError("the package pygls is not installed", "pip install 'credguard-cli[lsp]'") from None
    from credguard.commands._lsp_server import serve

    serve()
    return ExitCode.CLEAN

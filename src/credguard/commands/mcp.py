"""`credguard mcp`: answers the questions of AI agents over standard input and output (Model Context Protocol)."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from credguard import __version__
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_INSTRUCTIONS = (
    "Ask scan_text before you write a file, a commit message or a request that may hold a credential, and scan_paths "
    "after you changed files. Never repeat a value that is reported; suggest_fix says what to write instead."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `mcp`."""
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(run=run)


def run(_options: argparse.Namespace) -> ExitCode:
    """Serves until standard input ends; raises CredguardError without the extra `mcp`."""
    try:
        from mcp.server import MCPServer
    except ModuleNotFoundError:
        raise CredguardError("the package mcp is not installed", "pip install 'credguard-cli[mcp]'") from None
    from credguard.engine import questions

    server = MCPServer("credguard", version=__version__, instructions=_INSTRUCTIONS, log_level="ERROR")
    for answer in (questions.scan_text, questions.scan_paths, questions.explain_rule, questions.suggest_fix):
        server.tool()(_guard(answer))
    server.run("stdio")
    return ExitCode.CLEAN


def _guard(answer: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, whose errors quote nothing of what was asked."""

    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(answer)
    def guarded(*words: Any, **named: Any) -> Any:  # noqa: ANN401 - what the question takes and gives
        try:
            return answer(*words, **named)
        except CredguardError as error:
            raise ToolError(f"not checked: {error.message}; {error.hint}") from None
        except Exception as error:  # noqa: BLE001 - its text might quote content
            raise ToolError(f"not checked: a bug in credguard ({type(error).__name__})") from None

    return guarded

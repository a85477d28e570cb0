"""How git is called: settings that no repository or user can override, and a way to call it that starts fast."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from typing import IO

# Command-scope settings win over every file a repository or user brings. `safe.directory` is
# safe to lift because none of the plumbing used here runs a configured program.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.untrackedCache=false",
    "color.ui=false",
    "protocol.allow=never",
    "safe.directory=*",
)
COMMAND = ("git", "--no-pager", "--literal-pathspecs", *(w for s in _SETTINGS for w in ("-c", s)))
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull, "LC_ALL": "C", "GIT_EXTERNAL_DIFF": "",
    "GIT_PAGER": "cat",
}  # fmt: skip
# What a surrounding git (a hook, `git -c`) sets about *its* repository must not leak into others.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
              "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES",
              "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_COMMON_DIR",
              "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_EXTERNAL_DIFF")  # fmt: skip
_NEVER_INHERITED = ("GIT_PREFIX", "GIT_GRAFT_FILE", "GIT_EXTERNAL_DIFF")
PIPE_SIZE = 60_000
"""Bytes that a pipe takes without a reader (64 KiB on Linux and macOS)."""


def environment(*, inherit: bool) -> dict[str, str]:
    """The environment for git: this process's, less what would tie git to a repository (unless
    `inherit`) or let a setting run something."""
    dropped = _NEVER_INHERITED if inherit else _INHERITED
    return {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("GIT_TRACE")} | _ENVIRONMENT


def start(arguments: tuple[str, ...], stdin: bytes = b"") -> tuple[int, IO[bytes]]:
    """Starts git in this folder with at most PIPE_SIZE bytes of input, without the weight of
    `subprocess`; gives the process ID and its output. Raises OSError where that cannot be done."""
    command = [*COMMAND, *arguments]
    input_read, input_write = os.pipe()
    output_read, output_write = os.pipe()
    try:
        os.write(input_write, stdin)
        null = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        actions = [(os.POSIX_SPAWN_DUP2, input_read, 0), (os.POSIX_SPAWN_DUP2, output_write, 1), null]
        process = os.posix_spawnp(command[0], command, environment(inherit=True), file_actions=actions)
    except OSError:
        os.close(output_read)
        raise
    finally:
        for descriptor in (input_read, input_write, output_write):
            os.close(descriptor)
    return process, os.fdopen(output_read, "rb")


def succeeded(process: int) -> bool:
    """Waits for a process of `start`; True when it ended with 0."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0

"""What a server's own command line settles for `credguard hook pre-receive`, read without argparse."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GITHUB_SERVER_VARIABLE = "GITHUB_REPO_NAME"
"""Set in each pre-receive hook of GitHub Enterprise Server, and in no job of GitHub Actions."""
GITHUB_SECONDS = 4.5
"""GitHub Enterprise Server refuses a push whose pre-receive hooks together take more than 5 seconds."""
REFUSE, QUEUE = ON_DEADLINE = ("refuse", "accept-and-queue")
OPTIONS = (
    "deadline", "on-deadline", "queue", "bypass-option", "bypass-users", "user-variable", "audit-log"
)  # fmt: skip
_PATHS = ("queue", "bypass-users", "audit-log")
_BYPASS = ("bypass-option", "bypass-users")
_LONGEST = 86_400.0


def parse(arguments: Sequence[str]) -> dict[str, str] | None:
    """The options by their names without dashes; None if there is anything else, which argparse has to read."""
    found: dict[str, str] = {}
    words = list(arguments)
    while words:
        name, sign, value = words.pop(0).partition("=")
        if name[:2] != "--" or name[2:] not in OPTIONS or name[2:] in found or not (sign or words):
            return None
        found[name[2:]] = value if sign else words.pop(0)
    return found


def find_deadline(options: Mapping[str, str]) -> float:
    """The seconds that a push may take, 0 for no end; raises ValueError for what is no number of seconds."""
    named = options.get("deadline", "")
    if not named:
        return GITHUB_SECONDS if os.environ.get(GITHUB_SERVER_VARIABLE) else 0.0
    seconds = float(named)
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(named)
    return seconds


def find_misuse(options: Mapping[str, str]) -> str:
    """What is wrong with the options, empty if nothing is: one that does not hold must not go unnoticed until the day
    on which it counts."""
    try:
        seconds = find_deadline(options)
    except ValueError:
        return f"--deadline {options['deadline']} is no number of seconds up to a day"
    if options.get("on-deadline", REFUSE) not in ON_DEADLINE:
        return f"--on-deadline {options['on-deadline']} is none of {', '.join(ON_DEADLINE)}"
    if options.get("on-deadline") == QUEUE and not (options.get("queue") and seconds):
        return f"--on-deadline {QUEUE} needs --queue DIR and a --deadline"
    if any(map(options.get, _BYPASS)) and not all(map(options.get, (*_BYPASS, "audit-log"))):
        return "a bypass needs --bypass-option, --bypass-users and --audit-log"
    for name in _PATHS:
        if options.get(name) and not os.path.isabs(options[name]):
            return f"--{name} {options[name]} is not an absolute path"
    return ""

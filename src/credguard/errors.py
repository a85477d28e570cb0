"""Exit codes and the errors that end a run with one line."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a run; in a git hook every code but 0 stops git."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    BUG = 4


class CredguardError(Exception):
    """An expected failure: `message` says what failed and where, `hint` what to do."""

    def __init__(self, message: str, hint: str = "", code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class UnreadableError(CredguardError):
    """Content that a rule must check but cannot parse as its name or its words suggest: the run is incomplete.
    `message` is shown after the path and never quotes content."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "", ExitCode.INCOMPLETE)


class PolicyError(CredguardError):
    """An invalid policy: `message` begins with file, line and column."""

    def __init__(self, path: str, line: int, column: int, text: str, hint: str = "") -> None:
        place = f"{path}:{line}:{column}" if line else path
        super().__init__(f"{place}: {text}", hint)
        self.path = path

"""What git keeps of the text of a commit message: not the comments, nor the diff below the scissors."""

from __future__ import annotations

import os

SETTINGS = ("config", "-z", "--get-regexp", r"^(core\.comment(char|string)|commit\.cleanup)$")
"""The question to git whose answer `kept` takes; git ends with 1 where nothing is set."""
_SCISSORS = b" ------------------------ >8 ------------------------"
_NO_EDITOR = ":"
"""What git sets GIT_EDITOR to when it starts a hook and will open no editor."""


def kept(text: bytes, settings: bytes) -> bytes:
    """The text as git will keep it, as far as a hook can know: what `--cleanup` says is not told to it.

    A message from an editor loses its comments and what follows the scissors; one given by `-m` or
    `-F` loses nothing, unless commit.cleanup says so.
    """
    said = dict(line.split(b"\n", 1) for line in settings.split(b"\0") if b"\n" in line)
    sign = said.get(b"core.commentstring") or said.get(b"core.commentchar") or b"#"
    cleanup = said.get(b"commit.cleanup", b"default")
    edited = os.environ.get("GIT_EDITOR") != _NO_EDITOR
    if sign == b"auto":  # which sign git has chosen is not told either
        return _before_scissors(text, b"") if edited else text
    if edited:
        text = _before_scissors(text, sign)
    if cleanup == b"strip" or (edited and cleanup not in (b"verbatim", b"whitespace", b"scissors")):
        return b"\n".join(b"" if line.startswith(sign) else line for line in text.split(b"\n"))
    return text


def _before_scissors(text: bytes, sign: bytes) -> bytes:
    """The text up to the scissors; an unknown sign is one character."""
    at = 0
    for line in text.split(b"\n"):
        if line[0 if sign else 1 :].rstrip(b"\r") == sign + _SCISSORS:
            return text[:at]
        at += len(line) + 1
    return text

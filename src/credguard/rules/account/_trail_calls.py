"""Commands and calls in scripts that stop or delete a CloudTrail trail."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.parsers.node import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAIL_SCRIPTS = tuple(
    ".sh .bash .zsh .ksh .fish .ps1 .psm1 .bat .cmd .py .js .mjs .cjs .ts .mts .rb .pl .yml .yaml .tf .mk .groovy .go "
    ".java .kt .cs .php .ipynb".split()
)
_NAMES = ("makefile", "justfile", "rakefile", "dockerfile", "jenkinsfile", "taskfile", "procfile")
_COMMAND = compile_lazily(
    r"\bcloudtrail[\"']?[ \t,]{1,6}(?:\\\s{0,80})?[\"']?(?P<verb>stop-logging|delete-trail)(?![\w-])"
    r"|\b(?P<posh>Stop-CTLogging|Remove-CTTrail)\b(?!\s{0,4}[\"'=])"
)
_CALL = compile_lazily(
    r"(?:\.(?P<method>stop_logging|delete_trail|stopLogging|deleteTrail|StopLogging|DeleteTrail)"
    r"|\bnew (?P<command>StopLogging|DeleteTrail)Command)[ \t]{0,2}\((?=(?P<arguments>[^;]{0,300}))"
)
_NAMED = compile_lazily(
    r"[\s({&]{0,20}(?:[\w.:]{1,60}[ \t]{0,2}\{\s{0,40})?[\"']?:?(?:[Nn]ame)[\"']?[ \t]{0,2}(?:=>|=|:)[ \t]{0,3}"
    r"(?:aws\.String\([ \t]{0,3})?(?P<value>[rf]?[\"'`][^\"'`\n]{1,200}|[A-Za-z_][\w.]{0,80}\[|[A-Za-z_][\w.]{0,80})"
)
_DEFINES = compile_lazily(
    r"^[ \t]{0,40}(?:async )?(?:def|function|func|fn)[ \t]{1,4}[\w()* .]{0,120}\((?P<parameters>[^)]{0,600})\)",
    re.MULTILINE,
)
_TRAIL = compile_lazily(r"cloudtrail", re.IGNORECASE)
_AGAIN = compile_lazily(
    r"start-logging|start_logging|startLogging|StartLogging|create-trail|create_trail|Start-CTLogging"
)
_SAID = compile_lazily(
    r"\s{0,80}(?:#|//|\*|--|REM\b|::|@?echo\b|print\b|printf\b|log(?:ger|ging)?\.|console\.|Write-\w{1,20}\b|-?\s{0,4}name:|description:)",
    re.I,
)
_LONGEST = 4 << 20
_MOST = 500  # a script has a handful


def is_trail_script(path: str) -> bool:
    """True for a file whose name marks it as executable code."""
    name = path.rpartition("/")[2].lower()
    return name.endswith(TRAIL_SCRIPTS) or name.startswith(_NAMES) or "." not in name


def find_trail_calls(data: bytes) -> Iterator[tuple[int, str]]:
    """Line and name of each command and call that stops logging; none if the same file starts it again."""
    text = data[:_LONGEST].decode("utf-8", "replace")
    if _AGAIN.search(text):
        return
    places = Places(text)
    for found in islice(_COMMAND.finditer(text), _MOST):
        if not _is_printed(text, found.start()):
            verb = found["verb"]
            yield places.locate(found.start())[0], f"aws cloudtrail {verb}" if verb else found["posh"]
    if _TRAIL.search(text):
        for found in islice(_CALL.finditer(text), _MOST):
            if not _is_printed(text, found.start()) and _is_meant(text, found):
                yield places.locate(found.start())[0], found["method"] or f"{found['command']}Command"


def _is_printed(text: str, offset: int) -> bool:
    """True inside a comment or a string that is only printed."""
    return _SAID.match(text, text.rfind("\n", 0, offset) + 1, offset) is not None


def _is_meant(text: str, call: re.Match[str]) -> bool:
    """True for a call on trails that the program itself names or lists; a wrapper that passes its parameter on is
    ignored."""
    named = _NAMED.match(call["arguments"])
    if not named:
        return False
    value = named["value"]
    if "%" in value:
        return False  # the text of a message
    if value.endswith("[") or value.lstrip("rf")[:1] in "\"'`":
        return True
    around = list(_DEFINES.finditer(text, max(0, call.start() - 4000), call.start()))
    root = value.partition(".")[0]
    if not around:
        return False
    return re.search(rf"\b{re.escape(root)}\b", around[-1]["parameters"]) is None and call["method"] in _PYTHON


_PYTHON = ("stop_logging", "delete_trail")

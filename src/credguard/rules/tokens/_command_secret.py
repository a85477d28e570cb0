"""Passwords and tokens that a command is given, in an option whose name alone does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.assigned_value import is_opaque
from credguard.heuristics.generic_values import is_generic_secret
from credguard.heuristics.passwords import is_real_password
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_detection

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_GAP = rb"[ =\"',]{1,6}"
_LOGIN = Pattern(
    "command-login",
    rb"(?:--user|--proxy-user|[ \t]-u|[\"']-u[\"'])[ =\"',]{0,6}[A-Za-z0-9_.@+%\\\-]{1,80}:[^\s\"'$<{]{3}",
)
_PASSWORD = Pattern(
    "command-password",
    rb"(?:sshpass[ \"',]{1,4}-p[ \"',]{0,4}|docker login [^\n]{0,100} -p ?|mysql(?:dump|admin)? [^\n]{0,100} -p|"
    rb"redis-cli [^\n]{0,100} -a |pass(?:in|out|word)[ \"',]{1,4}pass:|sqlcmd [^\n]{0,100} -P ?|"
    rb"ldap(?:search|add|modify|delete|passwd) [^\n]{0,160} -w ?)[\"']?[^\s\"'$<{\-]{4}",
)
_TOKEN = Pattern("command-token", rb"--(?:[a-z]{1,14}-){0,2}token" + _GAP + rb"[A-Za-z0-9_.+/=\-]{16}")
_SECURE = Pattern("powershell-secure-string", rb"convertto-securestring", caseless=True)
PATTERNS = (_LOGIN, _PASSWORD, _TOKEN, _SECURE)

_LOGIN_VALUE = compile_lazily(
    rb"(?:--user|--proxy-user|-u)[ =\"',]{0,6}([A-Za-z0-9_.@+%\\\-]{1,80}):([^\s\"'`|;)&\\,]{4,120})(?![{(])"
)
_CLIENT = compile_lazily(rb"(?<![\w.\-])(?:curl(?:\.exe)?|wget|xh|https?|ab|siege|hurl)(?![\w:/.\-])")
_CONTINUED = (b"\\", b"^", b"`", b",", b"[")
_GIVEN = compile_lazily(
    rb"(?:-p|-a|-P|-w|pass:)[ \"',]{0,4}([^\s\"'`|;)&\\,]{4,120})(?![{(])",
)
_TOKEN_VALUE = compile_lazily(rb"token" + _GAP + rb"([A-Za-z0-9_.+/=\-]{16,2000})(?![A-Za-z0-9({\[<$%])")
_BOOTSTRAP = compile_lazily(rb"[a-z0-9]{6}\.[a-z0-9]{16}")
_BLANK = rb"[\s`]{1,60}"
"""Blanks, and where PowerShell goes on in the next line."""
_PLAIN = rb"(?:-(?:string|force|asplaintext)" + _BLANK + rb"){0,3}"
_COMMAND = compile_lazily(rb"(?:`\r?\n|[^\n])*")
_SECURED = compile_lazily(
    rb"(?i:convertto-securestring"
    + _BLANK
    + _PLAIN
    + rb")(?:\"([^\"\r\n]{4,120})\"|'([^'\r\n]{4,120})'|([^\s\"'$(|;\-]\S{3,80}))"
)
_PIPED = compile_lazily(rb"(?:\"([^\"\r\n]{4,120})\"|'([^'\r\n]{4,120})')\s{0,4}\|\s{0,4}(?i:convertto-securestring)\Z")
_BACK, _AHEAD, _MOST = 800, 400, 2_000
_KIND = TokenKind("command-password", "password that a command is given", _LOGIN, 0, _LOGIN_VALUE)
_TOKEN_KIND = TokenKind("command-token", "token that a command is given", _TOKEN, 0, _TOKEN_VALUE)
_GRADE = Grade(confidence=Confidence.MEDIUM)


def find(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Every password and token that a command is given."""
    places: set[tuple[int, int]] = set()
    for pattern, kind, read in _READERS:
        for end in hits.get(pattern.name, ())[:_MOST]:
            place = read(blob.data, end)
            if place and place not in places:
                places.add(place)
                yield build_token_detection(kind, blob.data, *place, _GRADE, Severity.HIGH)


def _read_login(data: bytes, end: int) -> tuple[int, int] | None:
    """`-u user:password` of a command that asks a server."""
    match = _search_to(data, end, _LOGIN_VALUE, 110)
    if not match or not _is_password(match[2], match[1]):
        return None
    return match.span(2) if _CLIENT.search(_read_command(data, match.start())) else None


def _read_password(data: bytes, end: int) -> tuple[int, int] | None:
    match = _search_to(data, end, _GIVEN, 16)
    if not match or not _is_password(match[1]):
        return None
    start, stop = match.span(1)
    quote = data[start - 1 : start]
    # A text in quotes that goes on is no password by its beginning.
    return (start, stop) if quote not in (b'"', b"'") or data[stop : stop + 1] == quote else None


def _read_token(data: bytes, end: int) -> tuple[int, int] | None:
    match = _search_to(data, end, _TOKEN_VALUE, 32)
    if not match:
        return None
    value = match[1]
    return match.span(1) if is_opaque(value, 16) or (_BOOTSTRAP.fullmatch(value) and is_opaque(value, 20)) else None


def _read_secure_string(data: bytes, end: int) -> tuple[int, int] | None:
    """`ConvertTo-SecureString '…' -AsPlainText`, or the same with the text before it."""
    start = end - len(b"ConvertTo-SecureString")
    command = _COMMAND.match(data, start, end + _AHEAD)
    line = command[0] if command else b""
    if b"-asplaintext" not in line.lower():
        return None
    match = _SECURED.match(data, start, start + len(line))
    low = max(0, start - 140)
    piped = None if match else _PIPED.search(data[low:end])
    found = match or piped
    if not found or not found.lastindex or not _is_password(found[found.lastindex]):
        return None
    left, right = found.span(found.lastindex)
    return (left, right) if match else (left + low, right + low)


def _is_password(value: bytes, user: bytes = b"") -> bool:
    """What somebody chose or a program made, no word of a text and no path."""
    if value.startswith(b"\\u"):  # an ellipsis that JSON has escaped
        return False
    return is_real_password(value, user) and is_generic_secret(value, b"password", password=True)


def _search_to(data: bytes, end: int, value: re.Pattern[bytes], back: int) -> re.Match[bytes] | None:
    """The match that goes on at `end`, where a pattern has seen its first signs."""
    for match in value.finditer(data, max(0, end - back), end + _AHEAD):
        if match.end() >= end:
            return match if match.start() < end else None
    return None


def _read_command(data: bytes, start: int) -> bytes:
    """What stands before a place in the same command, over the ends of lines that go on."""
    lines = data[max(0, start - _BACK) : start].split(b"\n")
    first = len(lines) - 1
    while first and lines[first - 1].rstrip().endswith(_CONTINUED):
        first -= 1
    return b" ".join(lines[first:])


_READERS = (
    (_LOGIN, _KIND, _read_login),
    (_PASSWORD, _KIND, _read_password),
    (_TOKEN, _TOKEN_KIND, _read_token),
    (_SECURE, _KIND, _read_secure_string),
)

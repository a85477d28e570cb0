"""What NTLM leaves of a password: the answer of a client to a server, and the hash that systems keep."""

from __future__ import annotations

from credguard.heuristics.boundaries import decode_base64
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._token_rule import Grade, TokenKind, grade_opaque

_ANSWER_HEAD = b"NTLMSSP\0\3\0\0\0"
_SHORTEST_ANSWER = 24
_NO_PASSWORD = b"31d6cfe0d16ae931b73c59d7e0c089c0"
"""The hash of the empty password."""


def _grade_answer(value: bytes) -> Grade | None:
    """The third message: offsets of the answers to the challenge and of the user's name (MS-NLMP 2.2.1.3)."""
    message = decode_base64(value)
    answer, user = _read_field(message, 20), _read_field(message, 36)
    if not message.startswith(_ANSWER_HEAD) or len(answer) < _SHORTEST_ANSWER or not user or not any(answer):
        return None
    if b"test" in user.replace(b"\0", b"").lower():
        return None
    return Grade(Severity.MEDIUM, Confidence.MEDIUM, "the password can be guessed from it")


def _read_field(message: bytes, at: int) -> bytes:
    size, start = (int.from_bytes(message[place : place + width], "little") for place, width in ((at, 2), (at + 4, 4)))
    return message[start : start + size]


def _grade_hash(value: bytes) -> Grade | None:
    return None if value.lower() == _NO_PASSWORD else grade_opaque(value)


KINDS = (
    TokenKind(
        "ntlm",
        "NTLM answer of a user",
        Pattern("ntlm-answer", rb"TlRMTVNTUAAD[A-Za-z0-9+/]{30}"),
        42,
        compile_lazily(rb"TlRMTVNTUAAD[A-Za-z0-9+/]{60,8000}={0,2}"),
        _grade_answer,
    ),
    TokenKind(
        "ntlm-hash",
        "NTLM hash of a password",
        Pattern("ntlm-hash", rb"aad3b435b51404eeaad3b435b51404ee:[0-9a-f]{31}", caseless=True),
        31,
        compile_lazily(rb"([0-9A-Fa-f]{32})(?![0-9A-Za-z])"),
        _grade_hash,
    ),
)

"""The text of a content stream of a PDF, with its pieces joined in order."""

from __future__ import annotations

import binascii

from credguard.lazy_re import compile_lazily
from credguard.parsers.utf16 import recode

_BEGIN = compile_lazily(rb"(?<![A-Za-z0-9])BT(?![A-Za-z0-9])")
_TOKEN = compile_lazily(
    rb"\(|<<|>>|<([0-9A-Fa-f\s]*)>|%([^\r\n]*)|[-+]?[0-9]*\.?[0-9]+|/[^\s/<>\[\]()%]*|[A-Za-z'\"*]+|[\[\]]"
)
_PAREN = compile_lazily(rb"[()\\]")
_ESCAPES = compile_lazily(rb"(?s)\\(?:([0-7]{1,3})|\r\n|(.))")
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b""}
_SPACE = -180.0
"""From this shift to the right, in thousandths of the font's size, it is an implicit space."""


GAP = b"\x1f"
"""Between texts placed one after the other on a line: a space or nothing."""
_WIDE = compile_lazily(rb"<\s*[Ff][Ee]\s*[Ff][Ff]([0-9A-Fa-f\s]{8,65536})>")


def extract_wide_strings(content: bytes) -> bytes:
    """The UTF-16 strings written as hexadecimal numbers, as in forms and notes."""
    return b"".join(_decode_hex(b"FEFF" + found[1]) + b"\n" for found in _WIDE.finditer(content))


def extract_text(content: bytes) -> tuple[bytes, bytes]:
    """The text of all text objects (ISO 32000-1, 9.4), and the bytes outside of them."""
    text, rest, at = bytearray(), [], 0
    while begin := _BEGIN.search(content, at):
        rest.append(content[at : begin.start()])
        at = _read_text_object(content, begin.end(), text)
        text += b"\n"
    if not text:
        return b"", content
    rest.append(content[at:])
    return bytes(text), b"".join(rest)


def _read_text_object(content: bytes, at: int, text: bytearray) -> int:
    """Adds the text of one text object, and returns its end."""
    numbers: list[float] = []
    in_array, line = False, 0.0
    while token := _TOKEN.search(content, at):
        at, word = token.end(), token[0]
        if word == b"(":
            string, at = _read_string(content, at)
            text += string
        elif token[1] is not None:
            text += _decode_hex(token[1])
        elif token[2] is not None:
            text += b"\n" + token[2] + b"\n"
        elif word == b"ET":
            break
        elif word in b"[]":
            in_array = word == b"["
        elif word[:1] in b"+-.0123456789":
            numbers = [*numbers[-5:], _number(word)]
            if in_array and numbers[-1] <= _SPACE:
                text += b" "
        elif word[:1].isalpha() or word in (b"'", b'"', b"T*"):
            line = _apply_move(word, numbers, line, text)
            numbers = []
    else:
        return len(content)
    return at


def _apply_move(word: bytes, numbers: list[float], line: float, text: bytearray) -> float:
    """What a positioning operator means for the text: a new line, a gap, nothing."""
    if word in (b"T*", b"'", b'"'):
        text += b"\n"
    elif word in (b"Td", b"TD") and len(numbers) >= 2:
        text += b"\n" if numbers[-1] else GAP
        line += numbers[-1]
    elif word == b"Tm" and len(numbers) >= 6:
        text += GAP if numbers[-1] == line else b"\n"
        line = numbers[-1]
    return line


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return 0.0


def _read_string(content: bytes, start: int) -> tuple[bytes, int]:
    """A literal string whose first character is at `start`, and its end."""
    depth, at = 1, start
    while sign := _PAREN.search(content, at):
        at = sign.end() + (sign[0] == b"\\")
        depth += (sign[0] == b"(") - (sign[0] == b")")
        if not depth:
            break
    else:
        return b"", len(content)
    return _decode_string(_ESCAPES.sub(_unescape, content[start : at - 1])), at


def _unescape(match: object) -> bytes:
    octal, letter = match[1], match[2]  # type: ignore[index]
    if octal:
        return bytes((int(octal, 8) & 0xFF,))
    return _LETTERS.get(letter, letter or b"")


def _decode_hex(digits: bytes) -> bytes:
    digits = b"".join(digits.split())
    return _decode_string(binascii.unhexlify(digits + b"0" * (len(digits) % 2)))


def _decode_string(string: bytes) -> bytes:
    """A string of two bytes per character, of which the first is zero, as text."""
    if string.startswith(b"\xfe\xff") or (len(string) >= 2 and not any(string[::2]) and len(string) % 2 == 0):
        return recode(string.removeprefix(b"\xfe\xff"), "utf-16-be")
    return string

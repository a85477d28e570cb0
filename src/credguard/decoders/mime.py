"""Decodes the content of mails and recorded web traffic: MIME parts and the bodies of HAR files, as members."""

from __future__ import annotations

import binascii
import quopri
from itertools import chain
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Blob, Skip
from credguard.model.limit_reasons import TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import Message

    from credguard.decoders.decompress import UnpackBudget
    from credguard.matching.pattern import Hits

PART = Pattern(
    "mime-part", rb"content-transfer-encoding:[ \t\r\n]{0,8}[\"']?(?:base64|quoted-printable)", caseless=True
)
"""The header of an encoded part (RFC 2045, section 6)."""
RECORDED = Pattern("har-base64", rb"\"encoding\"\s{0,9}:\s{0,9}\"base64\"")
"""A body in base64 in a HAR file (HTTP Archive 1.2, content)."""
_HEADERS = 1 << 14
_BLANK = compile_lazily(rb"\r?\n[ \t]*\r?\n")
_BOUNDARY = compile_lazily(rb"(?i)boundary\s{0,4}=\s{0,4}(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))")
_DELIMITER = compile_lazily(rb"(?m)^(?:--([^\r\n]{1,210})|From [^\r\n]{1,300})\r?$")
_FOLLOWING = compile_lazily(rb"\s{0,9},\s{0,9}\"text\"\s{0,9}:\s{0,9}\"([A-Za-z0-9+/=\\]*)\"")
_LEAD = compile_lazily(rb"\"\s{0,9},\s{0,9}\Z")
_NAMED_BODY = compile_lazily(rb"\"text\"\s{0,9}:\s{0,9}\Z")


def iter_parts(blob: Blob, hits: Hits, budget: UnpackBudget, depth: int = 0) -> Iterator[Blob | Skip]:
    """The encoded parts of mails, and the encoded bodies in a HAR file, as `mail.eml!part 2` or by the file name of the
    part. A Skip reports that the budget ended the reading. `depth` is the number of archives around the blob."""
    parts = _iter_mail_parts(blob.data, hits.get(PART.name, ()))
    for name, data in chain(parts, _iter_har_bodies(blob.data, hits.get(RECORDED.name, ()))):
        if depth >= budget.depth:
            yield Skip(blob.path, TOO_DEEP)
            return
        budget.left -= len(data)
        if budget.left < 0:
            yield Skip(blob.path, "unpacks to more than the limit; unpack it and scan its files")
            return
        yield Blob(data, f"{blob.path}!{name}", blob.kind)


def _iter_mail_parts(data: bytes, ends: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each encoded part; a part's own text contains none."""
    if not ends:
        return
    marks = _find_delimiters(data)
    done, at, number, message, clear = 0, 0, 0, 0, 0
    for end in ends:
        if end <= done:
            continue
        while at < len(marks) and marks[at][0] < end:
            opens_message = data.startswith(b"From ", marks[at][0])
            message, number = message + opens_message, 0 if opens_message else number + marks[at][2]
            at += 1
        blank = _BLANK.search(data, max(end, clear), end + _HEADERS)
        if blank is None:
            clear = end + _HEADERS - 4  # so that no byte is read again for every header before it
            continue
        start = max(done, marks[at - 1][1] if at else 0, end - _HEADERS)
        start = max(start, data.rfind(b"\n\n", start, end), data.rfind(b"\n\r\n", start, end))
        stop = marks[at][0] if at < len(marks) else len(data)
        done = max(stop, blank.end())
        from email.parser import BytesHeaderParser  # slow to load

        headers = BytesHeaderParser().parsebytes(data[start : blank.start()].lstrip())
        where = f"message {message}!" if message and marks and data.startswith(b"From ") else ""
        yield where + _name(headers, max(number, 1)), _decode_content(headers, data[blank.end() : stop])


def _find_delimiters(data: bytes) -> list[tuple[int, int, bool]]:
    """The lines between parts and between the mails of an mbox file, and whether a part begins there."""
    words = {(match[1] or match[2]).strip() for match in _BOUNDARY.finditer(data)}
    box = data.startswith(b"From ")
    places = []
    for match in _DELIMITER.finditer(data):
        word = (match[1] or b"").rstrip()
        if (not match[1] and box) or word in words or (word.endswith(b"--") and word[:-2] in words):
            places.append((*match.span(), word in words))
    return places


def _name(headers: Message, number: int) -> str:
    """The part's file name, or its number."""
    try:
        name = headers.get_filename() or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        name = ""
    plain = "".join(character for character in name if character.isprintable() and character != "!")
    return plain.replace("\\", "/").rpartition("/")[2][:200] or f"part {number}"


def _decode_content(headers: Message, body: bytes) -> bytes:
    """The body without its transfer encoding, and text in a non-ASCII charset as UTF-8."""
    if "base64" in str(headers.get("Content-Transfer-Encoding", "")).lower():
        decoded = _decode_base64(body)
    else:
        decoded = quopri.decodestring(body)
    try:
        kind, charset = headers.get_content_maintype(), str(headers.get_content_charset("utf-8"))
        if kind == "text" and charset not in ("utf-8", "us-ascii"):
            return decoded.decode(charset, "replace").encode("utf-8", "replace")
    except (LookupError, ValueError, TypeError, AttributeError, UnicodeError):
        pass  # an unknown charset: the bytes as they are
    return decoded


def _decode_base64(body: bytes) -> bytes:
    """Base64 up to its end, ignoring other characters."""
    text = _OTHER.sub(b"", body.partition(b"=")[0])
    text = text[: len(text) - (len(text) % 4 == 1)]
    return binascii.a2b_base64(text + b"=" * (-len(text) % 4))


_OTHER = compile_lazily(rb"[^A-Za-z0-9+/]+")


def _iter_har_bodies(data: bytes, ends: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    """The bodies of a HAR file that are marked as base64; the text is before or after that."""
    done = 0
    for number, end in enumerate(ends, 1):
        after = _FOLLOWING.match(data, end)
        if after:
            text, done = after[1], after.end()
        else:
            text = _read_text_before(data, data.rfind(b'"encoding"', done, end), done)
            done = end
        if text:
            yield f"body {number}", _decode_base64(text.replace(b"\\", b""))


def _read_text_before(data: bytes, place: int, done: int) -> bytes:
    """The value of the `"text"` that ends right before an offset."""
    lead = _LEAD.search(data, max(done, place - 20), place) if place > 0 else None
    if lead is None:
        return b""
    opening = data.rfind(b'"', done, lead.start())
    named = _NAMED_BODY.search(data, max(done, opening - 40), opening) if opening > 0 else None
    return data[opening + 1 : lead.start()] if named else b""

"""Author and date of a commit or a tag, read from the object's lines in any order."""

from __future__ import annotations

from datetime import datetime, timezone

from credguard.lazy_re import compile_lazily

_ROLES = (b"author", b"committer", b"tagger")
_LONGEST = 4000
_DATE = compile_lazily(rb"-?\d{1,20}")
_ENCODING = compile_lazily(rb"[A-Za-z0-9][A-Za-z0-9_.:-]{0,40}")


def parse_signature(data: bytes) -> tuple[str, datetime | None]:
    """Author (or tagger) and date of a commit (or tag), "" and None if it has no valid one. The date is the later of a
    commit's two: a value must not be reported as older than it is."""
    who, encoding = b"", ""
    dates: list[datetime] = []
    for line in data.split(b"\n\n", 1)[0].split(b"\n"):
        role, _, rest = line.partition(b" ")
        if role == b"encoding" and _ENCODING.fullmatch(rest):
            encoding = rest.decode("ascii")
        if role in _ROLES:
            name, end, date = rest.rpartition(b">")
            if role != b"committer" and not who:
                who = name + end
            dates += _parse_date(date)
    return _decode_name(who, encoding) if len(who) <= _LONGEST else "", max(dates, default=None)


def _parse_date(date: bytes) -> list[datetime]:
    """The leading date, if it is valid."""
    words = date.split()
    if not words or not _DATE.fullmatch(words[0]):
        return []
    try:
        return [datetime.fromtimestamp(int(words[0]), timezone.utc)]
    except (ValueError, OverflowError, OSError):
        return []


def _decode_name(who: bytes, encoding: str) -> str:
    """A name as it may be shown anywhere: unprintable characters become question marks."""
    try:
        text = who.decode("utf-8" if not encoding or "escape" in encoding.lower() else encoding, "replace")
    except (LookupError, ValueError):
        text = who.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "?" for sign in text)

"""Where an archive or a compressed file may begin; reading one takes modules that most runs never need."""

from __future__ import annotations

import re

from credguard.decoders.unsupported_formats import SIGNATURES
from credguard.matching.pattern import Pattern

AR = b"!<arch>\n"
_READ = (
    rb"PK(?:\x03\x04|\x05\x06|\x01\x02)|\x1f\x8b\x08|BZh[1-9](?:1AY&SY|\x17\x72\x45\x38)|\xfd7zXZ\x00|\x28\xb5\x2f\xfd",
    rb"[\x50-\x5f]\x2a\x4d\x18",
    rb"ustar[\x00 ]",
    rb"[0-7]{4}(?:\x00 |\x00\x00| \x00)[\x00-9A-Za-z]",  # the end of a checksum in the header of a tar
    rb"^\x5d\x00[\x00-\xff]{11}\x00|^[\x00-\xe0].{4}\xff{8}\x00",  # LZMA before it had a signature
    rb"^LZIP\x01",
    rb"^\x1f\x9d[\x09-\x10\x89-\x90]",
    rb"^x[\x01\x5e\x9c\xda]",
    rb"^ANDROID BACKUP\n",
    re.escape(AR),
    rb"^07070[127][0-9A-Fa-f]{6}|^\xc7\x71[\x00-\xff]{20}|^\x71\xc7[\x00-\xff]{20}",
    rb"^\xed\xab\xee\xdb[\x03\x04]",
    rb"%PDF-",
    rb"SQLite format 3\x00|^\x37\x7f\x06[\x82\x83]|^\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
)
CONTAINER = Pattern("container", rb"|".join((*_READ, *SIGNATURES)), multiline=True)
"""Bytes that every supported archive and compressed file contains (PKWARE APPNOTE, RFC 1952, RFC 8878, POSIX ustar, and
those of the readers); those that text or programs may contain by chance count only at the beginning of a line."""

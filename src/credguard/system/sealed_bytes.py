"""Bytes that only who has the key can read or make, for files that others may get to see."""

from __future__ import annotations

import hmac
from hashlib import shake_256

_TAG = 16


def seal_bytes(data: bytes, key: bytes) -> bytes:
    """A tag of the data, and the data behind a stream that key and tag select, as in RFC 5297. The same gives the same,
    so that a run that is repeated writes the same bytes."""
    tag = _make_tag(data, key)
    return tag + _mix(data, key, tag)


def unseal_bytes(sealed: bytes, key: bytes) -> bytes | None:
    """The data, None for what was not sealed with this key."""
    tag = sealed[:_TAG]
    data = _mix(sealed[_TAG:], key, tag)
    return data if hmac.compare_digest(tag, _make_tag(data, key)) else None


def _make_tag(data: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"tag\0" + data, "sha256")[:_TAG]


def _mix(data: bytes, key: bytes, tag: bytes) -> bytes:
    stream = shake_256(hmac.digest(key, b"stream\0" + tag, "sha256")).digest(len(data))
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")
    return mixed.to_bytes(len(data), "little")

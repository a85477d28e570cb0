"""The key of an organisation, under whose seal stored results keep digests: they can be joined, and answer no guess.

A digest without a key can be computed by anybody who guesses the value. What a store keeps of a value is therefore made
with 32 random bytes, which are kept elsewhere.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from hashlib import sha256
from typing import TYPE_CHECKING

from credguard.errors import CredguardError
from credguard.system import atomic, ownership

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "CREDGUARD_REUSE_KEY"
_SIZE = 32
_TAG = 16
_OWN = "resume.key"
_DIGEST = 16


class SealingKey:
    """32 bytes of an organisation. `id` says which key it is and nothing of it."""

    __slots__ = ("_key", "id")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.id = self._hash(b"id", b"")[:8].hex()

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a key is not passed on")

    def _hash(self, use: bytes, data: bytes) -> bytes:
        return hmac.new(self._key, use + b"\0" + data, sha256).digest()

    def derive(self, use: str) -> bytes:
        """A key for another use, from which this one cannot be found."""
        return self._hash(b"derive", use.encode())

    def seal(self, digest: str) -> str:
        """A digest that only the key can read: a tag of it, and itself behind a stream that the tag selects, as in RFC
        5297. The same gives the same, so that a run that is repeated writes the same bytes."""
        plain = bytes.fromhex(digest)
        tag = self._hash(b"seal", plain)[:_TAG]
        return (tag + _mix(plain, self._hash(b"stream", tag))).hex()

    def unseal(self, sealed: str) -> str:
        """The digest; raises ValueError for what this key has not sealed."""
        data = bytes.fromhex(sealed)
        tag, plain = data[:_TAG], _mix(data[_TAG:], self._hash(b"stream", data[:_TAG]))
        if len(plain) != _DIGEST or not hmac.compare_digest(tag, self._hash(b"seal", plain)[:_TAG]):
            raise ValueError("sealed with another key")
        return plain.hex()


def _mix(data: bytes, stream: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(data, stream, strict=False))


def find_key(path: Path | None) -> SealingKey:
    """The key in the environment, or in a file; raises CredguardError where there is none."""
    text = os.environ.get(VARIABLE, "")
    source = VARIABLE
    if not text and path:
        source = str(path)
        try:
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            hint = f"`credguard fleet plan` makes it; or set {VARIABLE}"
            raise CredguardError(f"the key {path} could not be read: {error.strerror}", hint) from error
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != _SIZE:
        raise CredguardError(f"{source} holds no key of a fleet", "it is 64 hex digits, made by `credguard fleet plan`")
    return SealingKey(key)


def load_own_key() -> SealingKey:
    """The key in the environment, or this user's own, which is made when it is first needed. Where it can be stored
    nowhere, it is another one each time: then nothing that was sealed before is known."""
    if os.environ.get(VARIABLE):
        return find_key(None)
    try:
        path = os.path.join(ownership.cache_folder(), _OWN)
        data = bytes.fromhex(ownership.read(path).decode("ascii", "replace"))
        if len(data) == _SIZE:
            return SealingKey(data)
    except (OSError, ValueError):
        pass
    data = os.urandom(_SIZE)
    with contextlib.suppress(OSError):
        ownership.write_owned(os.path.join(ownership.cache_folder(), _OWN), data.hex().encode())
    return SealingKey(data)


def make_key(path: Path) -> bool:
    """Writes a new key, readable by this user alone, unless there is one; True where it was made. Raises
    CredguardError."""
    if os.environ.get(VARIABLE) or path.exists():
        return False
    try:
        with atomic.create_temp_file(path, os.urandom(_SIZE).hex().encode() + b"\n", 0o600) as fresh:
            os.link(fresh, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise CredguardError(f"the key {path} could not be written: {error.strerror}", f"or set {VARIABLE}") from error
    return True

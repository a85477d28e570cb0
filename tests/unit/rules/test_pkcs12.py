"""PKCS #12 files: which passwords open one without a secret."""

from __future__ import annotations

import hashlib
import hmac
import random
from base64 import b64encode

import pytest

from credguard.model.findings import Blob
from credguard.rules.tokens.private_key import RULE
from credguard.scanning.scanner import Scanner
from tests.keys import der, integer

DATA = bytes.fromhex("06092a864886f70d010701")
KEY_IN_SHROUD = bytes.fromhex("060b2a864886f70d010c0a0102")
CERTIFICATE = bytes.fromhex("060b2a864886f70d010c0a0103")
DIGESTS = {"sha1": "06052b0e03021a", "sha256": "0609608648016503040201", "sha512": "0609608648016503040203"}


def derive(password: bytes, salt: bytes, rounds: int, digest: str) -> bytes:
    """Appendix B.2 of RFC 7292 for a key as long as the digest."""
    block = hashlib.new(digest).block_size

    def fill(text: bytes) -> bytes:
        return b"".join(text[at % len(text) :][:1] for at in range(-(-len(text) // block) * block))

    value = hashlib.new(digest, bytes([3]) * block + fill(salt) + fill(password)).digest()
    for _ in range(rounds - 1):
        value = hashlib.new(digest, value).digest()
    return value


def build(password: str, *, bag: bytes = KEY_IN_SHROUD, digest: str = "sha256", rounds: int = 2048) -> bytes:
    """A file whose contents are random but for the kind of its bag, with the password's MAC."""
    seeded = random.Random(password + digest)
    content = der(0x30, der(0x30, bag, der(0xA0, der(4, seeded.randbytes(1200)))))
    salt = seeded.randbytes(16)
    mac = hmac.new(derive(password.encode("utf-16-be") + b"\0\0", salt, rounds, digest), content, digest).digest()
    info = der(0x30, der(0x30, bytes.fromhex(DIGESTS[digest]), der(5)), der(4, mac))
    safe = der(0x30, DATA, der(0xA0, der(4, content)))
    return der(0x30, integer(3), safe, der(0x30, info, der(4, salt), integer(rounds)))


def scan(data: bytes) -> list[str]:
    """The messages of the rule."""
    return [finding.message for finding in Scanner((RULE,)).scan_blob(Blob(data, "key.p12"))]


@pytest.mark.parametrize("digest", DIGESTS)
def test_empty_password(digest: str) -> None:
    """Whatever the digest, an empty password is told."""
    (message,) = scan(build("", digest=digest))
    assert "PKCS #12 file with an empty password" in message


def test_customary_password() -> None:
    """The passwords that Java and Google give out are no secret either."""
    assert ["customary" in message for word in ("changeit", "notasecret") for message in scan(build(word))] == [
        True
    ] * 2


def test_in_base64() -> None:
    """A setting holds the file as text."""
    assert scan(b"keystore: " + b64encode(build("")) + b"\n")


def test_own_password_or_no_key() -> None:
    """A password that somebody chose, and certificates alone, are silent; so is a count of rounds that takes long."""
    assert not scan(build("ein-eigenes"))
    assert not scan(build("", bag=CERTIFICATE))
    assert not scan(build("", rounds=200_000))

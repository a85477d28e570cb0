"""A private key is found in whatever quoting it stands, as the same key, and costs no more where there is none."""

from __future__ import annotations

import random
import textwrap
from base64 import b64encode

import pytest

from credguard.matching.database import Matcher
from credguard.model.findings import Blob, Detection
from credguard.rules.tokens._openpgp import is_protected, parse_secret_packet
from credguard.rules.tokens._pem import BodyState, read_body
from credguard.rules.tokens.private_key import RULE
from tests.keys import MAKERS

MATCHER = Matcher(RULE.patterns, cache=False)
KEY = MAKERS["PEM_RSA"](random.Random("private key"))
LINES = KEY.split("\n")
QUOTED = {
    "line ends of Windows": KEY.replace("\n", "\r\n"),
    "indented": "key: |\n" + textwrap.indent(KEY, "    "),
    "blanks for line ends": KEY.replace("\n", " "),
    "escaped line ends": 'key="' + KEY.replace("\n", "\\n") + '"',
    "escaped twice": 'key="' + KEY.replace("\n", "\\\\n") + '"',
    "Java": "String key = " + " +\n    ".join(f'"{line}\\n"' for line in LINES) + ";",
    "Java, operator in front": "String key = " + "\n    + ".join(f'"{line}\\n"' for line in LINES) + ";",
    "Python": "key = (" + "\n  ".join(f"b'{line}\\n'" for line in LINES) + ")",
    "PHP": "$key = " + " .\n  ".join(f'"{line}\\n"' for line in LINES) + ";",
    "Visual Basic": "key = " + " & _\n  ".join(f'"{line}"' for line in LINES),
    "a list": "key = [" + ",\n".join(f"'{line}'" for line in LINES) + "].join('\\n')",
    "a continued line": '"' + "\\n\\\n".join(LINES) + '"',
    "a comment": textwrap.indent(KEY, "# "),
    "a block comment": textwrap.indent(KEY, " * "),
    "a quotation": textwrap.indent(KEY, "> "),
    "a patch": textwrap.indent(KEY, "+"),
    "HTML": KEY.replace("\n", "<br />"),
    "a word after the header": KEY.replace("KEY-----\n", "KEY----- fake\n", 1),
}


def detections(text: str) -> list[Detection]:
    """What the rule says of a text."""
    blob = Blob(text.encode(), "key.txt")
    return list(RULE.check_blob(blob, MATCHER.find_hits(blob.data))) if RULE.check_blob else []


@pytest.mark.parametrize("form", QUOTED)
def test_quoting_does_not_matter(form: str) -> None:
    (plain,) = detections(KEY)
    (found,) = detections(QUOTED[form])
    assert found.identity == plain.identity
    assert found.attributes["state"] == BodyState.WHOLE.value
    assert found.parts[0].secret.reveal().startswith(b"-----BEGIN")
    assert found.parts[0].secret.reveal().endswith(b"-----")


def test_a_cut_off_key_is_less_sure() -> None:
    (found,) = detections("\n".join(LINES[:12]))
    assert found.attributes["state"] == BodyState.TRUNCATED.value
    assert "truncated" in found.message


def test_what_a_document_quotes_is_no_key() -> None:
    assert not detections("\n".join([LINES[0], LINES[1], LINES[-1]]))


@pytest.mark.parametrize("label", [b"RSA", b"ENCRYPTED", b"PGP", b"OPENSSH", b""])
def test_bodies_of_random_bytes_raise_nothing(label: bytes) -> None:
    seeded = random.Random(f"bodies {label!r}")
    for length in range(300):
        read_body(b"\n" + seeded.randbytes(length) + b"\n", label)
        read_body(b"\nMII" + bytes(seeded.choices(b'ABCabc123+/=\\n"', k=length)) + b"\n", label)


@pytest.mark.parametrize("usage", [0, 254])
def test_a_passphrase_is_seen_in_the_packet(usage: int) -> None:
    public = bytes([4, 0, 0, 0, 0, 22, 9]) + bytes(9) + (263).to_bytes(2, "big") + bytes(33)
    body = public + bytes([usage]) + bytes(40)
    packet = parse_secret_packet(bytes([0xC5, len(body)]) + body)
    assert packet == (body, len(body))
    assert is_protected(body) is (usage != 0)


def test_other_packets_are_no_secret_key() -> None:
    assert parse_secret_packet(b"") is None
    assert parse_secret_packet(b"\x99\x00\x02ab") is None
    assert parse_secret_packet(b"plain") is None


@pytest.mark.parametrize(
    "unit", ["-----BEGIN RSA PRIVATE KEY-----", "PuTTY-User-Key-File-2:", f"{LINES[0]}\n{LINES[1]}\n"]
)
def test_a_file_full_of_headers_takes_linear_time(unit: str) -> None:
    assert not detections(unit * (400_000 // len(unit)))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("kind", "size"), [("ssh-ed25519", 36), ("ecdsa-sha2-nistp256", 37)])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_short_key_of_putty(version: int, kind: str, size: int, line_end: str) -> None:
    seeded = random.Random(f"{version} {kind}")
    public, private = (b64encode(seeded.randbytes(n)).decode() for n in (51, size))
    lines = (
        f"PuTTY-User-Key-File-{version}: {kind}",
        "Encryption: none",
        "Comment: me@host",
        "Public-Lines: 2",
        public[:64],
        public[64:],
        "Private-Lines: 1",
        private,
        f"Private-MAC: {seeded.randbytes(20).hex()}",
        "",
    )
    (found,) = detections(line_end.join(lines))
    assert found.message.startswith("PuTTY private key")
    assert found.parts[0].secret.reveal().endswith(private.encode())

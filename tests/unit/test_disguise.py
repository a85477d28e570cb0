"""Pairs that stand encoded, escaped or in pieces are found, at the line where they stand; what looks alike is not."""

# ruff: noqa: E501, UP031 - a table of forms reads best with one form a line

from __future__ import annotations

import gzip
import html
import json
import random
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credguard.model.findings import Blob
from tests.keys import Filler
from tests.scanners import load_scanner

if TYPE_CHECKING:
    from collections.abc import Callable

FILLER = Filler("disguises")
PAIRS = [(FILLER.fill(f"{{{{AKID.{n}}}}}"), FILLER.fill(f"{{{{SECRET.{n}}}}}")) for n in range(5)]


def ini(key: str, secret: str) -> str:
    return f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"


def b64(text: str) -> str:
    return b64encode(text.encode()).decode()


def cut(text: str, *places: int) -> list[str]:
    return [text[a:b] for a, b in zip((0, *places), (*places, None), strict=True)]


def wrapped(key: str, secret: str) -> str:
    text = b64("#!/bin/bash\nyum install -y foo\n" + ini(key, secret))
    return "UserData: |\n" + "".join(f"  {text[n : n + 64]}\n" for n in range(0, len(text), 64))


def codes(text: str, form: str, joint: str = "") -> str:
    return joint.join(form % ord(character) for character in text)


FORMS: dict[str, Callable[[str, str], str]] = {
    "base64": lambda k, s: "data: " + b64(ini(k, s)),
    "base64 for URLs": lambda k, s: "data: " + urlsafe_b64encode(ini(k, s).encode()).decode().rstrip("="),
    "base64 twice": lambda k, s: "data: " + b64(b64(ini(k, s))),
    "base64 in lines": wrapped,
    "base64 of gzip": lambda k, s: "UserData: " + b64encode(gzip.compress(ini(k, s).encode())).decode(),
    "basic authentication": lambda k, s: "Authorization: Basic " + b64(f"{k}:{s}"),
    "Kubernetes": lambda k, s: f"kind: Secret\ndata:\n  AWS_ACCESS_KEY_ID: {b64(k)}\n  AWS_SECRET_ACCESS_KEY: {b64(s)}\n",
    "hexadecimal": lambda k, s: "x = '" + ini(k, s).encode().hex() + "'",
    "two hexadecimal strings": lambda k, s: f"id = fromhex('{k.encode().hex()}')\nsecret = fromhex('{s.encode().hex()}')",
    "hexadecimal bytes": lambda k, s: "x = {" + codes(ini(k, s), "0x%02x", ", ") + "}",
    "backslash x": lambda k, s: f'key = "{codes(k, chr(92) + "x%02x")}"; secret = "{codes(s, chr(92) + "x%02x")}"',
    "backslash u": lambda k, s: json.dumps({"AccessKeyId": "K", "SecretAccessKey": "S"})
    .replace('"K"', f'"{codes(k, chr(92) + "u%04x")}"').replace('"S"', f'"{codes(s, chr(92) + "u%04X")}"'),
    "octal": lambda k, s: f'key = "{codes(k, chr(92) + "%03o")}"; secret = "{codes(s, chr(92) + "%03o")}"',
    "character codes": lambda k, s: f"fromCharCode({codes(k, '%d', ',')}); secret = fromCharCode({codes(s, '%d', ',')})",
    "numeric entities": lambda k, s: f"key: {codes(k, '&#%d;')} secret: {codes(s, '&#%d;')}",
    "JSON slashes": lambda k, s: json.dumps({"AccessKeyId": k, "SecretAccessKey": s}).replace("/", "\\/"),
    "JSON in JSON": lambda k, s: json.dumps({"m": json.dumps({"m": json.dumps({"AccessKeyId": k, "SecretAccessKey": s})})}),
    "HTML": lambda k, s: f"<dd>{k}</dd><dt>Secret access key</dt><dd>{html.escape(s).replace('/', '&#x2F;')}</dd>",
    "named entities": lambda k, s: f"aws_access_key_id={k}&amp;aws_secret_access_key="
    + s.replace("/", "&sol;").replace("+", "&plus;"),
    "percent": lambda k, s: f"https://x/?AWSAccessKeyId={k}&AWSSecretKey={quote(s, safe='')}",
    "percent twice": lambda k, s: f"https://x/?AWSAccessKeyId={k}&AWSSecretKey={quote(quote(s, safe=''), safe='')}",
    "joined by +": lambda k, s: 'aws_access_key_id = "%s" + "%s"\naws_secret_access_key = "%s" + "%s"\n'
    % (*cut(k, 4), *cut(s, 20)),
    "three literals in lines": lambda k, s: "accessKeyId = '%s' + '%s';\nsecretAccessKey = '%s' +\n  '%s' +\n  '%s';\n"
    % (*cut(k, 8), *cut(s, 13, 25)),
    "literals side by side": lambda k, s: 'key = ("%s"\n  "%s")\nsecret_key = ("%s"\n  "%s")\n' % (*cut(k, 10), *cut(s, 20)),
    "joined by a dot": lambda k, s: "$key = '%s' . '%s'; $aws_secret = '%s' . '%s';" % (*cut(k, 9), *cut(s, 20)),
    "a list to be joined": lambda k, s: 'aws_access_key_id = "".join(["%s", "%s"])\naws_secret_access_key = "".join(["%s", "%s"])'
    % (*cut(k, 7), *cut(s, 20)),
    "the secret alone in pieces": lambda k, s: f'aws_access_key_id = "{k}"\naws_secret_access_key = "%s" + "%s"\n' % (*cut(s, 20),),
    "shell lines": lambda k, s: "export AWS_ACCESS_KEY_ID=%s\\\n%s\nexport AWS_SECRET_ACCESS_KEY=%s\\\n%s\n" % (*cut(k, 12), *cut(s, 20)),
    "C lines": lambda k, s: '#define KEY "%s" \\\n  "%s"\n#define AWS_SECRET "%s" \\\n  "%s"\n' % (*cut(k, 12), *cut(s, 20)),
    "quoted-printable": lambda k, s: f"AWS_ACCESS_KEY_ID=3D{k}\nAWS_SECRET_ACCESS_KEY=3D%s=\n%s\n" % (*cut(s, 30),),
    "notebook": lambda k, s: json.dumps({"cells": [{"source": [f"K = '{k}'\n", f"AWS_SECRET_ACCESS_KEY = '{s}'\n"]}]}, indent=1),
    "notebook output": lambda k, s: json.dumps({"cells": [{"outputs": [{"text": ini(k, s).splitlines(keepends=True)}]}]}, indent=1),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_pair_in_disguise_is_found(form: str) -> None:
    for key, secret in PAIRS:
        findings = load_scanner().scan_blob(Blob(FORMS[form](key, secret).encode(), "x.txt"))
        assert {finding.rule_id for finding in findings} == {"CG103"}, form
        assert findings[0].attributes["access_key_id"] == key
        assert secret not in repr(findings) and secret[5:] not in repr(findings)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_texts(codec: str) -> None:
    for key, secret in PAIRS:
        (finding,) = load_scanner().scan_blob(Blob(ini(key, secret).encode(codec), "x.txt"))
        assert finding.rule_id == "CG103" and [place.line for place in finding.locations] == [2, 3]


@pytest.mark.parametrize("text", ["aws_secret_access_key = {}\n", "export AWS_SECRET_ACCESS_KEY={}"])
def test_a_secret_alone_in_base64(text: str) -> None:
    (finding,) = load_scanner().scan_blob(Blob(("x:\n\n  y: " + b64(text.format(PAIRS[0][1]))).encode(), "x.yaml"))
    assert finding.rule_id == "CG102" and finding.locations[0].line == 3 and "base64" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "secret = ['alpha', 'beta', 'gamma', 'delta']\n" * 50,
        "words = 'AS' + 'IS', 'secret' + 'ary'\n" * 50,
        "".join(f"{n:02x}" for n in b"secretary of state and of the art of keeping quiet") * 20,
        b64("the secret of a good text is to be read twice, and " * 30),
        "%252F%252B&plus;&sol;" * 100,
        "secret: 'abcdefghijklmnopqrst' + 'uvwxyzabcdefghijklmn'\n",
    ],
)
def test_look_alikes_are_silent(text: str) -> None:
    assert not load_scanner().scan_blob(Blob(text.encode(), "x.py"))


def test_disguises_within_disguises_end() -> None:
    text = ini(*PAIRS[0])
    for _ in range(12):
        text = b64(text)
    load_scanner().scan_blob(Blob(text.encode(), "x"))
    assert not load_scanner().failures


@given(st.sampled_from(sorted(FORMS)), st.integers(0, 2**32))
def test_damage_never_raises_and_never_shows_a_secret(form: str, seed: int) -> None:
    source = random.Random(seed)
    key, secret = source.choice(PAIRS)
    data = bytearray(FORMS[form](key, secret).encode())
    for _ in range(source.randrange(1, 8)):
        data[source.randrange(len(data))] = source.randrange(256)
    findings = load_scanner().scan_blob(Blob(bytes(data), "x.txt"))
    assert not load_scanner().failures
    assert secret[6:] not in repr(findings)

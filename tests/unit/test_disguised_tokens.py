"""A provider's token, a database's URL and a private key are seen through every disguise that a key pair is."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from credguard.model.findings import Blob
from tests.containers import zstd
from tests.keys import Filler
from tests.scanners import load_scanner

if TYPE_CHECKING:
    from collections.abc import Callable

    Form = Callable[[bytes], bytes]

FILL = Filler("disguised tokens").fill
VALUES = {
    "github": ("CG160", "{{GITHUB}}"),
    "gitlab": ("CG161", "glpat-{{ALNUM:20}}"),
    "slack": ("CG162", "xoxb-{{DIGIT:12}}-{{DIGIT:13}}-{{ALNUM:24}}"),
    "stripe": ("CG163", "sk_live_{{ALNUM:24}}"),
    "openai": ("CG166", "sk-proj-{{ALNUM:74}}T3BlbkFJ{{ALNUM.2:74}}"),
    "anthropic": ("CG167", "sk-ant-api03-{{ALNUM:93}}AA"),
    "url": ("CG182", "postgres://app:kq7Zt0pwe9@db.acme.io/x"),
    "jwt": ("CG183", "{{JWT}}"),
    "pem": ("CG150", "{{PEM_RSA}}"),
    "openssh": ("CG150", "{{PEM_OPENSSH}}"),
}


def text(name: str) -> bytes:
    return FILL(f"# one\ntoken={VALUES[name][1]}\n# end\n").encode()


def each(data: bytes, form: bytes, joint: bytes = b"") -> bytes:
    return joint.join(form % byte for byte in data)


def lines(data: bytes, indent: bytes = b"  ") -> bytes:
    return b"\n".join(indent + data[at : at + 64] for at in range(0, len(data), 64))


def cell(data: bytes) -> bytes:
    return json.dumps({"cells": [{"source": data.decode().splitlines(keepends=True)}]}, indent=1).encode()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/.env", data)
    return out.getvalue()


def tarred(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        entry = tarfile.TarInfo("b/.env")
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


FORMS: dict[str, Form] = {
    "base64": lambda d: b"x:\n  data: " + b64encode(d) + b"\n",
    "base64 for URLs": lambda d: b"data: " + urlsafe_b64encode(d).rstrip(b"="),
    "base64 in lines": lambda d: b"UserData: |\n" + lines(b64encode(d)) + b"\n",
    "hexadecimal": lambda d: b"x = '" + d.hex().encode() + b"'\n",
    "hexadecimal in lines": lambda d: lines(d.hex().encode()) + b"\n",
    "hexadecimal bytes": lambda d: b"{" + each(d, b"0x%02x", b", ") + b"}",
    "backslash x": lambda d: b'"' + each(d, b"\\x%02x") + b'"',
    "backslash u": lambda d: b'"' + each(d, b"\\u%04x") + b'"',
    "octal": lambda d: b'"' + each(d, b"\\%03o") + b'"',
    "decimal": lambda d: b"[" + each(d, b"%d", b",") + b"]",
    "entities": lambda d: each(d, b"&#%d;"),
    "hexadecimal entities": lambda d: each(d, b"&#x%x;"),
    "percent": lambda d: quote(d, safe="").encode(),
    "percent twice": lambda d: quote(quote(d, safe=""), safe="").encode(),
    "every byte in percent": lambda d: each(d, b"%%%02X"),
    "JSON": lambda d: json.dumps({"a": d.decode()}).replace("/", "\\/").encode(),
    "JSON in JSON": lambda d: json.dumps({"m": json.dumps({"a": d.decode()})}).encode(),
    "HTML": lambda d: d.replace(b"/", b"&#x2F;").replace(b":", b"&#58;"),
    "notebook": cell,
    **{codec: lambda d, codec=codec: d.decode().encode(codec) for codec in (  # type: ignore[misc]
        "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"
    )},
    "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd.compress,
    "zip": zipped, "tar": tarred,
}  # fmt: skip
CHAINS = """base64 of utf-16-le|base64 of gzip|base64 of xz|base64 of zstd|base64 in lines of tar|base64 of zip of JSON
JSON of base64 of base64|notebook of base64 in lines|zip of notebook of base64|JSON of base64 in lines of tar
percent of base64|base64 of JSON in JSON|gzip of JSON of hexadecimal|zip of zip of tar|zstd of zip of base64
bzip2 of zip of utf-32|gzip of utf-16 of JSON|base64 of percent of JSON"""


def findings(data: bytes) -> list[tuple[str, str, int]]:
    found = load_scanner().scan_blob(Blob(data, "x.txt"))
    assert not load_scanner().failures
    return [(one.rule_id, one.locations[0].path, one.locations[0].line) for one in found]


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("form", FORMS)
def test_one_disguise(form: str, name: str) -> None:
    assert VALUES[name][0] in {rule for rule, *_ in findings(FORMS[form](text(name)))}


@pytest.mark.parametrize("name", ["github", "openai", "url", "pem"])
@pytest.mark.parametrize("chain", CHAINS.replace("\n", "|").split("|"))
def test_disguises_within_each_other(chain: str, name: str) -> None:
    data = text(name)
    for form in reversed(chain.split(" of ")):
        data = FORMS[form](data)
    assert VALUES[name][0] in {rule for rule, *_ in findings(data)}


@pytest.mark.parametrize(
    ("chain", "place"),
    [
        ("base64", ("x.txt", 2)),
        ("zip", ("x.txt!b/.env", 2)),
        ("zip of tar", ("x.txt!b/.env!b/.env", 2)),
        ("base64 of gzip", ("x.txt!base64!base64", 2)),
        ("zip of base64", ("x.txt!b/.env", 2)),
        ("utf-16", ("x.txt", 2)),
        ("notebook", ("x.txt", 6)),
    ],
)
def test_places(chain: str, place: tuple[str, int]) -> None:
    data = text("github")
    for form in reversed(chain.split(" of ")):
        data = FORMS[form](data)
    assert findings(data) == [("CG160", *place)]


TOKEN = FILL("{{GITHUB}}")
PIECES = {
    "joined by +": 'T = "%s" + "%s"\n',
    "over two lines": "T = '%s' +\n    '%s';\n",
    "side by side": 'T = ("%s"\n  "%s")\n',
    "joined by a dot": "$t = '%s' . '%s';\n",
    "lines of C": '#define T "%s" \\\n  "%s"\n',
    "a shell's line": "export T=%s\\\n%s\n",
    "quoted-printable": "T %s=\n%s\n",
}


@pytest.mark.parametrize("form", PIECES)
@pytest.mark.parametrize("cut", [6, 20, 36])
def test_pieces(form: str, cut: int) -> None:
    data = (PIECES[form] % (TOKEN[:cut], TOKEN[cut:])).encode()
    for written in (data, json.dumps({"a": data.decode()}).encode(), cell(data)):
        if form != "quoted-printable" or written is data:
            assert [rule for rule, *_ in findings(written)] == ["CG160"], written


@pytest.mark.parametrize(
    "data",
    [
        b'PREFIXES = "ghp_" "gho_" + "ghs_" + "github_pat_" + "glpat-" + "gldt-" + "xoxb-" + "xoxp-"\n',
        b"prefixes: ['sk_live_', 'rk_live_', 'sk-ant-', 'AIza', 'npm_', 'hf_', 'pypi-', 'SG.']\n",
        b"see https:\\/\\/acme.io\\/a:b@c and postgres%3A%2F%2Fapp%3Apassword%40db%2Fx\n",
        b64encode(b"the token for the table, the password of the day, the secret of the house " * 9),
        "the token and the password of the day".encode("utf-16"),
        each(b"token: the password is asked for at the prompt", b"\\x%02x"),
    ],
)
def test_look_alikes_are_silent(data: bytes) -> None:
    assert not findings(data)

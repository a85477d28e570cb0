"""Credentials in the headers and flowed lines of mails, in chat exports and in recorded traffic."""

from __future__ import annotations

import base64
import gzip
import json
import time
from email.header import Header
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credguard.decoders.mail_text import ENCODED_WORD, FLOWED, decode_header_words, join_flowed_lines
from credguard.matching.database import Matcher
from credguard.model.findings import Blob
from tests.keys import Filler
from tests.pace import PACE
from tests.scanners import load_scanner

FILL = Filler("mail texts").fill
TOKEN = FILL("{{GITHUB}}")
PAIR = FILL("id {{AKID}} AWS_SECRET_ACCESS_KEY={{SECRET}}")
PEM = FILL("{{PEM_RSA}}")


def places(data: bytes, path: str = "m.eml") -> list[tuple[str, str, int]]:
    found = load_scanner().scan_blob(Blob(data, path))
    assert not load_scanner().failures
    return sorted({(one.rule_id, one.locations[0].path, one.locations[0].line) for one in found})


def quoted(text: str) -> str:
    return "=?utf-8?q?" + "".join(c if c.isalnum() else "_" if c == " " else f"={ord(c):02X}" for c in text) + "?="


@pytest.mark.parametrize(("text", "rule"), [(f"the token {TOKEN}", "CG160"), (PAIR, "CG103")])
@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_headers(text: str, rule: str, charset: str) -> None:
    encoded = base64.b64encode(text.encode()).decode()
    for header in (
        "Subject: " + Header(f"{text} é", charset, maxlinelen=75).encode(),
        f"Subject: =?{charset}?B?{encoded}?=",
        f"Subject: =?{charset}*en?b?{encoded}?=",
        f"From: {quoted(text)} <ops@acme.io>",
    ):
        (place,) = places(f"To: a@acme.io\n{header}\n\nhello\n".encode())
        assert place[:2] == (rule, "m.eml") and place[2] >= 2


def test_innocent_headers() -> None:
    for text in ("the token for the table", "AKIAIOSFODNN7EXAMPLE", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"):
        assert not places(f"Subject: {Header(text + ' é', 'utf-8').encode()}\n\nx\n".encode())
    assert not places(b"Subject: =?nobody?B?%%%%%%%%?= =?utf-8?Q?=ZZ=?= =?x?b?AAAAAAAAA?=\n\nx\n")


@pytest.mark.parametrize("head", ["format=flowed; delsp=yes", 'format=flowed;\r\n DelSp="Yes"'])
def test_flowed_lines(head: str) -> None:
    data = f"Content-Type: text/plain; {head}\r\n\r\nhello {TOKEN[:20]} \r\n{TOKEN[20:]}\r\nbye\r\n".encode()
    ((rule, path, line),) = places(data)
    assert (rule, path) == ("CG160", "m.eml") and line == data.count(b"\n", 0, data.find(b"hello")) + 1


def test_flowed_lines_that_end_between_words() -> None:
    data = f"Content-Type: text/plain; format=flowed\r\n\r\n> the token is \r\n> {TOKEN} \r\n> as said\r\n".encode()
    assert places(data) == [("CG160", "m.eml", 4)]


@pytest.mark.parametrize("form", [
    "<p>{}</p>\n<p>", "<p>{}</p><p>", "<div>{}</div><div>", "{}<br>", "{}<br/>\n",
    '<div><span style="x">{}</span></div><div><span style="x">',
])  # fmt: skip
def test_a_private_key_in_teams(form: str) -> None:
    before, _, after = form.partition("{}")
    content = before + PEM.replace("\n", after) + "</p>"
    plain = json.dumps({"body": {"contentType": "html", "content": content}})
    for data in (plain, plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("/", "\\/")):
        assert [rule for rule, *_ in places(data.encode(), "t.json")] == ["CG150"]


@pytest.mark.parametrize(("text", "rule"), [(TOKEN, "CG160"), (PEM, "CG150"), (PAIR, "CG103")])
def test_recorded_traffic(text: str, rule: str) -> None:
    body = base64.b64encode(gzip.compress(text.encode())).decode()
    for entry in (
        {"request": {"headers": [{"name": "X-Key", "value": text}]}},
        {"response": {"headers": [{"name": "Set-Cookie", "value": f"k={text}; path=/"}]}},
        {"request": {"postData": {"mimeType": "application/json", "text": json.dumps({"k": text})}}},
        {"request": {"postData": {"params": [{"name": "k", "value": text}]}}},
        {"response": {"content": {"text": json.dumps({"a": json.dumps({"k": text})})}}},
        {"response": {"content": {"text": body, "encoding": "base64"}}},
    ):
        assert [one for one, *_ in places(json.dumps({"log": {"entries": [entry]}}).encode(), "a.har")] == [rule]


@pytest.mark.parametrize(("text", "rule"), [(TOKEN, "CG160"), (PEM, "CG150")])
def test_forms_in_recorded_traffic(text: str, rule: str) -> None:
    form = urlencode({"k": text})
    for entry in ({"request": {"postData": {"text": form}}}, {"request": {"url": f"https://acme.io/?{form}"}}):
        assert [one for one, *_ in places(json.dumps({"log": {"entries": [entry]}}, indent=1).encode(), "a.har")] == [
            rule
        ]


@pytest.mark.slow
def test_time_is_linear() -> None:
    matcher = Matcher([ENCODED_WORD, FLOWED], cache=False)
    for data in (b"=?utf-8?q?abcdefghij?= " * 10_000, b"delsp=yes" * 20_000, b"delsp=yes\n\n \n" * 18_000):
        began = time.process_time()
        hits = matcher.find_hits(data)
        list(decode_header_words(data, hits.get(ENCODED_WORD.name, ())))
        list(join_flowed_lines(data, hits.get(FLOWED.name, ())))
        assert time.process_time() - began < 4 * PACE


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_nothing_raises(body: bytes, head: bytes) -> None:
    data = b"=?utf-8?b?" + body + b"?= =?" + head + b"?Q?=41" + body + b"?=\ndelsp=yes" + head + b"\n\n" + body + b" \n"
    list(decode_header_words(data, [10, len(data)]))
    list(join_flowed_lines(data, [10, len(data) // 2]))

"""Credentials in mails, mailboxes, chat exports and recorded traffic are found at their part and line."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credguard.decoders.decompress import UnpackBudget
from credguard.decoders.mime import PART, RECORDED, iter_parts
from credguard.matching.database import Matcher
from credguard.model.findings import Blob, Skip
from credguard.scanning.scanner import Scanner
from tests.keys import Filler
from tests.pace import PACE
from tests.scanners import load_scanner

FILL = Filler("mails").fill
TEXT = FILL("hello\nAWS_ACCESS_KEY_ID={{AKID}}\nAWS_SECRET_ACCESS_KEY={{SECRET}}\n")
HTML = FILL("<p>use <b>{{AKID}}</b></p>")
MATCHER = Matcher([PART, RECORDED], cache=False)


def mail(cte: str = "base64", text: str = TEXT, charset: str = "utf-8", **attached: bytes) -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = "keys"
    made["From"] = "a@example.com"
    made.set_content(text, cte=cte, charset=charset)
    for name, data in attached.items():
        made.add_attachment(data, maintype="application", subtype="octet-stream", filename=name.replace("_", "."))
    return made


def zipped(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def places(data: bytes, path: str = "m.eml") -> list[tuple[str, str, int]]:
    found = load_scanner().scan_blob(Blob(data, path))
    assert not load_scanner().failures
    return sorted({(one.rule_id, one.locations[0].path, one.locations[0].line) for one in found})


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "iso-8859-1"])
@pytest.mark.parametrize("cte", ["base64", "quoted-printable"])
def test_one_part(cte: str, charset: str) -> None:
    if (cte, charset) == ("quoted-printable", "utf-16"):
        pytest.skip("email writes none")
    assert places(bytes(mail(cte, charset=charset))) == [("CG103", "m.eml!part 1", 2)]


def test_plain_parts_are_seen_as_they_stand() -> None:
    (place,) = places(bytes(mail("7bit", x_txt=b"nothing")))
    assert place[:2] == ("CG103", "m.eml")


def test_parts_and_attachments() -> None:
    made = mail("7bit", "see there", keys_txt=TEXT.encode(), all_zip=zipped(env=TEXT))
    made.add_attachment(TEXT, cte="quoted-printable")
    assert places(bytes(made)) == [
        ("CG103", "m.eml!all.zip!env", 2), ("CG103", "m.eml!keys.txt", 2), ("CG103", "m.eml!part 4", 2)
    ]  # fmt: skip


def test_windows_line_ends_and_case() -> None:
    data = bytes(mail(keys_txt=TEXT.encode())).replace(b"\n", b"\r\n")
    data = data.replace(b"Transfer-Encoding", b"TRANSFER-encoding")
    assert [place[1] for place in places(data)] == ["m.eml!keys.txt", "m.eml!part 1"]


def test_forwarded_mail() -> None:
    outer = mail("7bit", "fyi")
    outer.add_attachment(mail("base64"))
    ((rule, path, line),) = places(bytes(outer))
    assert (rule, line) == ("CG103", 2) and path.startswith("m.eml!part")


def test_mailbox() -> None:
    box = b"".join(b"From a@example.com Mon Jan  5 09:00:00 2026\n%s\n" % bytes(one) for one in (
        mail("7bit", "nothing"), mail(), mail("7bit", "see", a_txt=TEXT.encode())
    ))  # fmt: skip
    assert places(box, "in.mbox") == [
        ("CG103", "in.mbox!message 2!part 1", 2), ("CG103", "in.mbox!message 3!a.txt", 2)
    ]  # fmt: skip


def test_what_only_decoding_shows() -> None:
    wrapped = "\n".join(["x" * 70, FILL("key {{AKID}} " + "y" * 60)])
    assert places(bytes(mail("quoted-printable", wrapped))) == [("CG101", "m.eml!part 1", 2)]


def test_recorded_traffic() -> None:
    body = base64.b64encode(TEXT.encode()).decode()
    for content in ({"text": body, "encoding": "base64"}, {"encoding": "base64", "text": body}):
        har = {"log": {"entries": [{"response": {"content": {"size": 9, **content}}}] * 2}}
        assert ("CG103", "a.har!body 2", 2) in places(json.dumps(har, indent=1).encode(), "a.har")
    sent = {"request": {"headers": [{"name": "X-Key", "value": FILL("{{AKID}}")}]}}
    assert places(json.dumps(sent).encode(), "a.har") == [("CG101", "a.har", 1)]


CHATS = {
    "slack": [{"type": "message", "user": "U1", "text": "here:\n```" + TEXT + "```"}],
    "slack blocks": [{"blocks": [{"elements": [{"type": "text", "text": TEXT}]}]}],
    "teams": {"messages": [{"content": "<div>" + TEXT.replace("\n", "<br/>\n") + "</div>"}]},
    "teams escaped": {"body": {"contentType": "html", "content": "<p>" + TEXT.replace("=", "&nbsp;=&nbsp;") + "</p>"}},
    "teams quoted": {"content": "<pre>" + TEXT.replace("=", "=&quot;").replace("\n", "&quot;\n") + "</pre>"},
}


@pytest.mark.parametrize("name", CHATS)
def test_chat_exports(name: str) -> None:
    data = json.dumps(CHATS[name]).replace("<", "\\u003c").replace(">", "\\u003e").encode()
    assert [rule for rule, *_ in places(data, "general/2026-01-05.json")] == ["CG103"]


def test_budgets() -> None:
    data = bytes(mail(keys_txt=b"x" * 100_000))
    hits = MATCHER.find_hits(data)
    assert [type(one) for one in iter_parts(Blob(data, "a"), hits, UnpackBudget(left=50_000))] == [Blob, Skip]
    assert [type(one) for one in iter_parts(Blob(data, "a"), hits, UnpackBudget(), 5)] == [Skip]
    assert list(iter_parts(Blob(b"x", "a"), {}, UnpackBudget(), 9)) == []


def test_depth() -> None:
    made = mail()
    for _ in range(7):
        made = mail("7bit", "see", m_eml=bytes(made))
    scanner = Scanner()
    scanner.scan_blob(Blob(bytes(made), "m.eml"))
    assert scanner.unread


@pytest.mark.slow
def test_time_is_linear() -> None:
    head = b"Content-Transfer-Encoding: base64\n"
    for data in (head * 100_000, (head + b"\n--x\n") * 100_000, (b'boundary="' + head) * 50_000,
                 b'"encoding":"base64"' * 200_000, head + b"\n" + b"--a\n" * 500_000):  # fmt: skip
        began = time.process_time()
        list(iter_parts(Blob(data, "a"), MATCHER.find_hits(data), UnpackBudget()))
        assert time.process_time() - began < 20 * PACE


@given(st.binary(max_size=300), st.sampled_from([b"base64", b"quoted-printable"]), st.binary(max_size=100))
def test_nothing_raises(body: bytes, encoding: bytes, head: bytes) -> None:
    data = head + b"\nContent-Transfer-Encoding: " + encoding + b"\n" + head + b"\n\n" + body
    list(iter_parts(Blob(data, "a"), MATCHER.find_hits(data), UnpackBudget()))
    data = b'"text":"' + body + b'","encoding":"base64","text":"' + head
    list(iter_parts(Blob(data, "a"), MATCHER.find_hits(data), UnpackBudget()))

"""Base64 within base64 is followed to the depth that the policy allows, and Secrets of Kubernetes are read whole."""

from __future__ import annotations

import json
import time
from base64 import b64encode

import pytest

from credguard.model.findings import Blob
from tests.keys import Filler
from tests.pace import PACE
from tests.scanners import load_scanner

FILL = Filler("nested").fill
TOKENS = [
    FILL(one)
    for one in (
        "{{GITHUB}}", "glpat-{{ALNUM:20}}", "glrt-{{ALNUM:20}}", "AIza{{ALNUM:35}}", "npm_{{ALNUM:36}}",
        "hf_{{LOWER:34}}", "dapi{{HEX:32}}", "doo_v1_{{HEX:64}}", "hvb.{{ALNUM:60}}", "dckr_oat_{{ALNUM:32}}",
        "shpca_{{HEX:32}}", "{{HEX:32}}-us7", "sq0atp-{{ALNUM:22}}", "ya29.{{ALNUM:60}}", "whsec_{{ALNUM:32}}",
        "123456789:AA{{ALNUM:33}}", "abc8Q~{{ALNUM:34}}", "xoxe-1-{{ALNUM:140}}", "https://app:kq7Zt0pwe9@git.acme.io/x",
        "rediss://app:kq7Zt0pwe9@db.acme.io/1", "amqps://app:kq7Zt0pwe9@mq.acme.io/x", "sk_live_{{ALNUM:24}}",
    )
]  # fmt: skip


def lines(data: bytes, path: str = "x.yaml") -> list[int]:
    load_scanner().unread.clear()
    return [one.locations[0].line for one in load_scanner().scan_blob(Blob(data, path))]


@pytest.mark.parametrize("token", TOKENS)
def test_each_token_is_noticed_wherever_base64_cuts_it(token: str) -> None:
    for before in (b"", b"a", b"ab"):
        assert lines(b"\n\nq: " + b64encode(before + b" " + token.encode())) == [3], before


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "form",
    [
        "apiVersion: v1\nkind: Secret\ndata:\n  t: %s\n",
        '{"kind":\n"Secret",\n"data": {\n"t": "%s"}}',
        "kind: List\nitems:\n- kind: Secret\n  data: {a: eHh4eHh4eHg=, t: %s}\n",
        'resource "kubernetes_secret" "x" {\n  binary_data = {\n\n    t = "%s"\n  }\n}\n',
    ],
)
def test_a_secret_of_kubernetes_is_read_whatever_it_holds(form: str, token: str) -> None:
    assert lines((form % b64encode(token.encode()).decode()).encode()) == [4]


def test_a_name_beside_a_value_counts() -> None:
    value = b64encode(FILL("{{SECRET}}").encode()).decode()
    assert lines(f"kind: Secret\ndata:\n  AWS_SECRET_ACCESS_KEY: {value}\n".encode()) == [3]
    wrapped = b64encode(FILL("discord: MTk4{{ALNUM:2}}\nx: y\ntoken: {{GITHUB}}\n").encode()).decode()
    assert lines(f"kind: Secret\ndata:\n  a: |\n    {wrapped[:32]}\n    {wrapped[32:]}\n".encode())


@pytest.mark.parametrize("token", TOKENS)
def test_twice_with_words_before_it(token: str) -> None:
    inner = b"# c\nGH=" + token.encode() + b"\nX=1\n"
    assert lines(b"d: " + b64encode(b"data: " + b64encode(inner))) == [1]


def test_to_the_depth_and_no_further() -> None:
    data = b"# c\nGH=" + TOKENS[0].encode() + b"\nX=1\n"
    for _ in range(5):
        data = b64encode(data)
        assert lines(b"d: " + data) == [1] and not load_scanner().unread
    assert lines(b"d: " + b64encode(data)) == []
    assert "limits.depth" in load_scanner().unread["x.yaml"]


def test_what_looks_like_a_secret_of_kubernetes_is_silent() -> None:
    text = {"kind": "Secret", "metadata": {"name": "deployment"}, "data": {"a": b64encode(b"hello").decode()}}
    assert not lines(json.dumps(text).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"QUtJQQ==" * 131_072, b"QUtJQQ==\n" * 116_000, b"kind: Secret\n" * 80_000,
        b"kind: Secret " + b"abcd" * 262_144 + b":", b"kind: Secret\n" + b"abcdefgh\n " * 100_000 + b":",
    ],
)  # fmt: skip
def test_time(data: bytes) -> None:
    start = time.process_time()
    lines(data)
    assert time.process_time() - start < 4 * PACE


def test_a_renewed_scanner_has_found_nothing_and_may_unpack_as_much_as_a_new_one() -> None:
    scanner = load_scanner().renew()
    assert scanner.scan_blob(Blob(b"q: " + b64encode(TOKENS[0].encode()), "x.yaml"))
    scanner.unread["x"] = "y"
    fresh = scanner.renew()
    assert scanner.secrets and not fresh.secrets and not fresh.unread and fresh.budget is not scanner.budget
    assert fresh.scan_blob(Blob(TOKENS[0].encode(), "x")) and fresh.matcher is scanner.matcher

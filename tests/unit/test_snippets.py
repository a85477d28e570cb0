"""The redacted lines of a finding: no secret of the file is in them, and the carets are below what was found."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credguard.matching.positions import locate
from credguard.matching.redaction import LineRedactor
from credguard.model.findings import Blob, Part, SourceLine
from credguard.model.secret import Secret
from credguard.report.snippet import format_lines
from credguard.scanning.scanner import Scanner
from tests.keys import Filler

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.model.findings import Finding

LINES = (
    "aws_access_key_id={{AKID.N}} aws_secret_access_key={{SECRET.N}}",
    'client("{{AKID.N}}", "{{SECRET.N}}", token="{{GITHUB.N}}")',
    "s3://{{AKID.N}}:{{SECRET.N|percent}}@bucket/x?y={{GITHUB.N}}",
    "export AWS_SECRET_ACCESS_KEY={{SECRET.N}}; export GH={{GITHUB.N}}",
    "{{AKID.N}},{{SECRET.N}},{{NPM.N}}",
    "{{PEM_RSA.N}} aws_secret_access_key: {{SECRET.N}}",
    'k = "{{AKID.N}}" + "x"; aws_secret_access_key = "{{SECRET.N}}"',
    "Authorization: Basic {{BASIC.N}} # aws_secret_access_key={{SECRET.N}}",
    "x={{SMTP.N}} {{BEDROCK.N}} smtp_password={{SMTP.N}}",
)
SHAPES: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "UTF-16": lambda text: text.encode("utf-16"),
    "base64": lambda text: b"blob: " + base64.b64encode(text.encode()) + b"\n" + text.encode(),
    "split": lambda text: re.sub(
        r"([A-Za-z0-9+/]{20})([A-Za-z0-9+/]{20})(?![A-Za-z0-9+/])", r'\1" + "\2', text
    ).encode(),
    "percent": lambda text: text.replace("/", "%2F").replace("+", "%2B").encode(),
    "tabs and CRLF": lambda text: text.replace(" ", "\t").replace("\n", "\r\n").encode(),
}
LEAST = 6
"""Characters of a value that stand together in a text by no accident."""


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    return Scanner()


def paint(text: str, _code: str) -> str:
    return text


def leaked(text: str, secrets: set[str]) -> list[str]:
    """Runs of characters of the secrets, beyond the first four, that the text shows."""
    pieces = {s[at : at + LEAST] for s in secrets for at in range(1, len(s) - LEAST + 1)}
    return sorted(piece for piece in pieces if piece in text and "-----" not in piece)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10**6),
    chosen=st.lists(st.sampled_from(LINES), min_size=1, max_size=4),
    join=st.sampled_from(["\n", " ", "; ", "=", ":", ","]),
    pad=st.sampled_from(["", "word ", "abc=def ", "x" * 70, "y: z " * 30]),
    shape=st.sampled_from(sorted(SHAPES)),
)
def test_no_secret_is_in_any_line(
    scanner: Scanner, seed: int, chosen: list[str], join: str, pad: str, shape: str
) -> None:
    filler = Filler(f"snippet {seed}")
    text = pad + join.join(filler.fill(line.replace(".N", f".{n}")) for n, line in enumerate(chosen)) + pad + "\n"
    lines = [line for finding in scanner.scan_blob(Blob(SHAPES[shape](text), "x.txt")) for line in finding.context]
    secrets = {piece for one in filler.secrets for piece in (one, base64.b64encode(one.encode()).decode())}
    for line in lines:
        assert not leaked(line.text, secrets), line
        for width in (0, 24, 80):
            assert not leaked("\n".join(format_lines([line], paint, "", width)), secrets)


def test_a_line_that_is_cut_within_another_secret_shows_nothing_of_its_end() -> None:
    other = "Abcdef" * 30
    data = f"{other}=x key={'Z' * 20}\n".encode()
    at = data.index(b"ZZZ")
    part = Part("secret", at, at + 20, Secret(b"Z" * 20))
    for parts in ([part], [part, Part("secret", 0, len(other), Secret(other.encode()))]):
        (line,) = LineRedactor(data, parts, locate(data, [at])).redact([part])
        assert "def" not in line.text and line.text.endswith("key=ZZZZ****")


def test_a_name_is_made_of_words() -> None:
    """A piece of a secret may stand before a `=` as well."""
    for name, shown in (
        ("aws_secret_access_key", True), ("awsSecretAccessKey", True), ("AWS_SECRET", True), ("accessKeyID", True),
        ("spring.cloud.aws.credentials.secretKey", True), ("getDBConnString", True), ("vrKDYCvQjhgvRtqPIqFc", False),
        ("QjhgvRtqPIqFcwbXKzTpLmNd", False), ("XkWbTzRqPlMnYvGh", False),
    ):  # fmt: skip
        data = f"{name}=key={'Z' * 20}\n".encode()
        part = Part("secret", at := data.index(b"ZZZ"), at + 20, Secret(b"Z" * 20))
        (line,) = LineRedactor(data, [part], locate(data, [at])).redact([part])
        assert (name in line.text) is shown, name


def carets(text: str, marks: tuple[tuple[int, int], ...], width: int = 0) -> list[str]:
    return list(format_lines([SourceLine(7, text, marks)], paint, "", width))


def test_the_carets_are_below_what_was_found() -> None:
    assert carets("a = KEY b", ((4, 7),)) == ["  7 | a = KEY b", "    |     ^^^"]
    assert carets("日本 = KEY", ((5, 8),)) == ["  7 | 日本 = KEY", "    |        ^^^"]
    assert carets("\x1b[1m = KEY", ((7, 10),)) == ["  7 | \\x1b[1m = KEY", "    |           ^^^"]


def test_a_long_line_is_cut_around_what_was_found() -> None:
    shown, below = carets("x" * 100 + "KEY" + "y" * 100, ((100, 103),), 40)
    assert len(shown) <= 40 and shown[below.index("^") :].startswith("KEY")
    assert shown.startswith("  7 | ...") and shown.endswith("...")


def test_marks_of_a_pair_are_in_their_lines(scanner: Scanner) -> None:
    text = Filler("pair").fill("aws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n")
    found: list[Finding] = scanner.scan_blob(Blob(text.encode(), "x.ini"))
    (finding,) = found
    first, second = finding.context
    assert first.text == text.partition("\n")[0] and first.marks == ((18, 38),)
    assert re.fullmatch(r"aws_secret_access_key=.{4}\*{4}", second.text) and second.marks == ((22, 30),)

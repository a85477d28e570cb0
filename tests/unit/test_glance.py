"""A glance may see too much, never too little: where it sees nothing, the rules find nothing."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credguard.aws import local_files
from credguard.hooks import prefilter
from credguard.matching.database import Matcher
from credguard.model.findings import Blob
from credguard.rule import get_default_part
from credguard.rules import load_rules
from credguard.scanning.scanner import Scanner
from tests.cases import read_cases
from tests.keys import Filler

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = Path(__file__).parent.parent / "rules"
SECRET = Filler("glance").fill("{{SECRET}}")
PIECES = [
    *("secret", "aws_secret_access_key", "secret_key", "Secret access key", "AWS", "amazon key", "s3_key", "# ", " = ",
      ": ", ",", ", ", ";", "|", "\n", "\r\n", "\t", '"', "'", "`", "/", "+", "=", "\\n", "\\u002F", "\\/", "%2B",
      "%3D",
      "&#43;", "&#x2F;", "\\x22", "\x1b[33m", "AKIAIOSFODNN7EXAMPLE/", "AKIAIOSFODNN7EXAMPLE", "ENC[", "://", "arn:aws",
      "user,", "sha256-", "0123456789abcdef0123456789abcdef01234567", "com/example/SecretManager/pkg/ProvidersOfMany",
      "x" * 300),
    SECRET, SECRET, SECRET[:39], SECRET.replace("/", "\\/").replace("+", "%2B"),
    base64.b64encode(SECRET.encode()).decode(), base64.b64encode(SECRET.encode() + b"\n").decode(),
]  # fmt: skip


SOURCES = (*local_files._FILES, *local_files._CACHES)


@cache
def scanner() -> Scanner:
    return Scanner([get_default_part(rule) for rule in load_rules() if rule.in_hooks])


@cache
def eye() -> prefilter.Prefilter:
    return prefilter.Prefilter(prefilter.serialize_prefilter(scanner().matcher))


def sees(data: bytes) -> bool:
    fresh = eye()
    fresh._again = 0
    return fresh.may_match(data) and fresh.needs_scan([memoryview(data)])


def texts() -> Iterator[object]:
    """Every text of the case files that a hook would see."""
    for file in sorted(CASES.glob("*.yaml")):
        content = read_cases(file)
        for kind in ("good", "bad"):
            for case in content[kind]:
                if "text" in case and "home" not in case and "environ" not in case:
                    name = f"{file.stem}-{case['name']}"
                    yield pytest.param(Filler(f"{file.stem}: {case['name']}"), case, id=name)


@pytest.mark.parametrize(("filler", "case"), list(texts()))
def test_what_the_rules_find_is_seen(filler: Filler, case: dict[str, str]) -> None:
    data = filler.fill(case["text"]).encode(case.get("encoding", "utf-8"))
    path = filler.fill(case.get("path", "x"))
    if scanner().scan_blob(Blob(data, path)):
        assert sees(data)
        # Between others in one piece, as objects come from git.
        piece = b"0 blob 3\nabc\n1 blob %d\n%b\n2 blob 0\n\n" % (len(data), data)
        assert eye().may_match(piece)


@pytest.mark.slow
@settings(max_examples=600, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14))
def test_whatever_stands_around_a_secret(parts: list[str]) -> None:
    data = "".join(parts).encode()
    if not sees(data):
        assert not scanner().scan_blob(Blob(data, "x.txt")), data


@pytest.mark.parametrize(
    "text",
    [
        'aws_secret_access_key = os.environ["AWS_SECRET_ACCESS_KEY"]\n',
        "secrets.AWS # actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683\n",
        "secret github.com/example/SecretManager/pkg/Providers/AmazonSecretsManagerProvider\n",
        "secret_key integrity sha512-" + "ab/" * 29 + "==\n",
        "secret " + "#" * 80 + "\n" + "/" * 80,
    ],
)
def test_what_is_seen_to_mean_nothing(text: str) -> None:
    data = text.encode()
    assert eye().may_match(data) and not sees(data)


def test_much_text_is_looked_at_again_by_what_it_is_made_of() -> None:
    words = b"secret_key of nothing\n" * 200_000
    assert not sees(words)
    assert sees(words + b"a1/" * 20)


def test_own_values_in_much_and_in_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".boto").write_text(f"[Credentials]\naws_secret_access_key = {SECRET}\n")
    own = prefilter._OwnValues()
    assert own.may_be_in(b"x" + SECRET.encode()) and not own.may_be_in(b"x")
    assert own.may_be_in(base64.b64encode(b"ab" + SECRET.encode()))
    assert not own.may_be_in(bytes(prefilter._COMPILE_AFTER))
    assert own._database is not None
    assert own.may_be_in(memoryview(b"x" + SECRET.encode())) and not own.may_be_in(b"x")


@pytest.mark.parametrize("name", [*local_files._VARIABLES, local_files._BEARER + "X", *(v for v, _ in SOURCES if v)])
def test_variables_that_may_lead_to_own_values(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not prefilter._has_own()
    monkeypatch.setenv(name, "x")
    assert prefilter._has_own()


@pytest.mark.parametrize("path", [usual for _, usual in SOURCES if usual])
def test_files_that_may_hold_own_values(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / path.removeprefix("~/")).mkdir(parents=True)
    assert prefilter._has_own()


def test_patterns_do_not_look_at_where_a_blob_begins() -> None:
    """Objects are looked at many at a time; what only their very beginning or end can tell would be missed."""
    patterns = {p.name: p for rule in load_rules() for p in get_default_part(rule).patterns}
    for pattern in patterns.values():
        assert not pattern.expression.startswith((b"^", rb"\A")) or pattern.multiline, pattern.name
        if pattern.expression.endswith(rb"\z"):
            assert any(
                p.expression.startswith(pattern.expression[:-2]) for p in patterns.values() if p is not pattern
            ), pattern.name
    assert isinstance(scanner().matcher, Matcher)

"""What other scanners hold for known, read and found again among our findings."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credguard.errors import CredguardError
from credguard.model.findings import Location
from credguard.suppressions.import_baselines import FindingView, build_finding_view, match_imported, read
from tests.keys import Filler
from tests.pace import PACE

KEY, SECRET, OTHER = Filler("adoption").fill("{{AKID}} {{SECRET}} {{AKID.2}}").split()
ID = FindingView("a.py", 3, 3, KEY.encode(), f"id = '{KEY}'".encode())
VALUE = FindingView("a.py", 4, 4, SECRET.encode(), f"key = '{SECRET}'".encode())
PEM = FindingView("a.py", 7, 9, b"-----BEGIN", b"-----BEGIN")
ELSEWHERE = FindingView("b.py", 3, 3, KEY.encode(), f"id = '{KEY}'".encode())
SEEN = [("CG103", [ID, VALUE]), ("CG150", [PEM]), ("CG101", [ELSEWHERE]), ("CG201", []), ("CG501", [ID])]


def adopted(data: object, name: str = "report.json") -> tuple[list[int], int]:
    """Which of SEEN the file speaks of, and how many of its entries fit nothing."""
    text = data if isinstance(data, str) else json.dumps(data)
    found, unused = match_imported(read(text.encode(), name), SEEN, "CG150")
    assert not any(SECRET in repr(entry) for entry in (*found.values(), *unused))
    return sorted(found), len(unused)


def sha1(value: str) -> str:
    return hashlib.sha1(value.encode(), usedforsecurity=False).hexdigest()


def hashed(path: str, value: str, kind: str = "AWS Access Key", line: int = 99, **more: object) -> dict[str, object]:
    entry = {"type": kind, "filename": path, "hashed_secret": sha1(value), "line_number": line, **more}
    return {"version": "1.5.0", "results": {path: [entry]}}


class TestDetectSecrets:
    @pytest.mark.parametrize("value", [KEY, SECRET])
    def test_by_the_hash_of_either_half(self, value: str) -> None:
        assert adopted(hashed("a.py", value)) == ([0], 0)

    def test_in_that_file_only(self) -> None:
        assert adopted(hashed("b.py", KEY)) == ([2], 0)
        assert adopted(hashed("c.py", KEY)) == ([], 1)
        assert adopted(hashed("a.py", OTHER)) == ([], 1)

    def test_a_private_key_has_only_its_place(self) -> None:
        assert adopted(hashed("a.py", "BEGIN RSA PRIVATE KEY", "Private Key", 7)) == ([1], 0)
        assert adopted(hashed("a.py", "BEGIN RSA PRIVATE KEY", "Private Key", 3)) == ([], 1)

    def test_labels(self) -> None:
        for label, words in ((True, "as a secret"), (False, "as not a secret")):
            (entry,) = read(json.dumps(hashed("a.py", KEY, is_secret=label)).encode(), "x")
            assert words in entry.note

    def test_slim(self) -> None:
        (entry,) = read(json.dumps({"results": {"a.py": [{"hashed_secret": sha1(KEY)}]}}).encode(), "x")
        assert entry.where == "x, a.py entry 1"


class TestGitleaks:
    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("a.py:aws-access-token:3", [0]),
            ("./a.py:generic-api-key:4", [0]),
            ("0123456789abcdef0123456789abcdef01234567:a.py:aws-access-token:3", [0]),
            ("a.py:aws-access-token:5", []),
            ("c.py:aws-access-token:3", []),
            ("a.py:private-key:8", [1]),
            ("a.py:aws-access-token:8", []),
            ("a.py:private-key:3", []),
        ],
    )
    def test_ignore_files(self, line: str, found: list[int]) -> None:
        assert adopted(f"# known\n\n{line}\n", ".gitleaksignore") == (found, 0 if found else 1)

    @pytest.mark.parametrize("secret", ["REDACTED", "", "AKIA...", None])
    def test_redacted_reports_go_by_place(self, secret: object) -> None:
        finding = {"RuleID": "aws-access-token", "File": "a.py", "StartLine": 3, "EndLine": 3, "Secret": secret}
        assert adopted([finding]) == ([0], 0)
        assert adopted([{**finding, "StartLine": 1, "EndLine": 1}]) == ([], 1)

    def test_plain_reports_go_by_value(self) -> None:
        finding = {"RuleID": "aws-access-token", "File": "a.py", "StartLine": 99, "EndLine": 99, "Secret": KEY}
        assert adopted([finding]) == ([0], 0)
        assert adopted([{**finding, "StartLine": 3, "Secret": OTHER}]) == ([], 1)

    def test_of_betterleaks(self) -> None:
        place = {"path": "./a.py", "start_line": 3, "end_line": 3}
        finding = {"rule_id": "aws-access-token", "match": {"value": "REDACTED"}, "location": place}
        assert adopted({"schema_version": "1", "findings": [finding]}) == ([0], 0)
        lines = "\n".join(json.dumps({**finding, "location": {**place, "path": path}}) for path in ("a.py", "b.py"))
        assert adopted(lines) == ([0, 2], 0)

    def test_an_empty_report(self) -> None:
        assert adopted([]) == adopted({"findings": []}) == ([], 0)


class TestGitAllowed:
    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            (r"^a\.py:[0-9]+:", [0, 1]),
            (r"(a|b)\.py:3:", [2]),
            (r"b\.py:[[:digit:]]:id = '" + KEY, [2]),
            ("id = ", [2]),
            ("id = |key = ", [0, 2]),
            ("nothing", []),
        ],
    )
    def test_every_line_of_the_finding_has_it(self, pattern: str, found: list[int]) -> None:
        assert adopted(f"# comment\n{pattern}\n", "sub/.gitallowed") == (found, 0 if found else 1)

    @pytest.mark.parametrize("pattern", ["(", r"(a)\1", "x*", "a" * 2000, "(?<=a)b"])
    def test_what_is_no_pattern_fits_nothing(self, pattern: str) -> None:
        assert adopted(pattern, ".gitallowed") == ([], 1)

    def test_a_pattern_is_not_shown(self) -> None:
        (entry,) = read(SECRET.encode(), ".gitallowed")
        assert entry.where == ".gitallowed:1"


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"\xff", ".gitleaksignore", "UTF-8"),
        (b"hello\n", ".gitleaksignore", ".gitleaksignore:1"),
        (b"a.py:rule:3\na.py:rule\n", "x", "x:2"),
        (b"{", "report.json", "report.json:1:2: is not valid JSON"),
        (b"[" * 100_000, "report.json", "not valid JSON"),
        (b"[1]", "report.json", "finding 1"),
        (b'[{"RuleID": "x"}]', "report.json", "no file and line"),
        (b'[{"File": "a", "StartLine": "3"}]', "report.json", "no file and line"),
        (b'[{"File": "a", "StartLine": -3}]', "report.json", "no file and line"),
        (b'{"findings": [{"location": {"path": 1, "start_line": 1}}]}', "report.json", "no file and line"),
        (b'{"results": {"a.py": [{"hashed_secret": "xyz"}]}}', ".secrets.baseline", "no hashed_secret"),
        (b'{"results": {"a.py": 3}}', ".secrets.baseline", "no hashed_secret"),
        (b"1" * 5000, "x", "x:1"),
        (b"[" + b"1" * 5000 + b"]", "x", "not valid JSON"),
    ],
)
def test_what_is_none_of_them_ends_in_one_line(data: bytes, name: str, said: str) -> None:
    with pytest.raises(CredguardError) as error:
        read(data, name)
    assert said in error.value.message and "\n" not in error.value.message


@given(st.binary(max_size=200), st.sampled_from([".gitallowed", ".gitleaksignore", "report.json"]))
def test_any_bytes_end_in_entries_or_one_error(data: bytes, name: str) -> None:
    try:
        known = read(data, name)
    except CredguardError:
        return
    match_imported(known, SEEN, "CG150")


def test_many_entries_and_findings_cost_little() -> None:
    lines = "\n".join(f"f{number}.py:aws-access-token:3" for number in range(20_000))
    seen = [("CG101", [FindingView(f"f{number}.py", 3, 3, b"x", b"x")]) for number in range(20_000)]
    start = time.process_time()
    found, unused = match_imported(read(lines.encode(), ".gitleaksignore"), seen, "CG150")
    assert len(found) == 20_000 and not unused
    assert time.process_time() - start < 5 * PACE


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_sights(encoding: str) -> None:
    data = "a\r\né = 'käy' # b\r\nc\r\n".encode(encoding)
    assert build_finding_view(data, Location("a.py", 2, 6, 2, 9)) == FindingView(
        "a.py", 2, 2, "käy".encode(), "é = 'käy' # b".encode()
    )
    assert build_finding_view(data, Location("a.py", 2, 6, 3, 2)).value == "käy' # b\r\nc".encode()
    assert build_finding_view(data, Location("a.py", 99)).value == b""

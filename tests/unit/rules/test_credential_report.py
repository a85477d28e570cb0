"""IAM credential reports: any order of columns, any CSV, and what counts as today."""

from __future__ import annotations

import csv
import io
import random
from datetime import datetime, timedelta, timezone
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.aws import credential_report
from credguard.aws.credential_report import find_report, parse_iso_date
from credguard.errors import UnreadableError
from credguard.model.findings import Blob, BlobKind
from credguard.rules.account import key_older_than_limit, mfa_disabled, unused_key
from credguard.rules.account.key_older_than_limit import check_key_age, make_limit_rule
from credguard.rules.root_user import root_key_active
from credguard.scanning.scanner import Scanner
from tests.keys import Filler

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
COLUMNS = (
    "user arn user_creation_time password_enabled password_last_used password_last_changed password_next_rotation "
    "mfa_active access_key_1_active access_key_1_last_rotated access_key_1_last_used_date "
    "access_key_1_last_used_region "
    "access_key_1_last_used_service access_key_2_active access_key_2_last_rotated access_key_2_last_used_date "
    "access_key_2_last_used_region access_key_2_last_used_service cert_1_active cert_1_last_rotated cert_2_active "
    "cert_2_last_rotated"
).split()
ROOT = {"user": "<root_account>", "arn": "arn:aws:iam::123456789012:root"}
RULES = (key_older_than_limit.RULE, unused_key.RULE, mfa_disabled.RULE, root_key_active.RULE)


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


def text(*rows: dict[str, str], columns: list[str] = COLUMNS) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="N/A", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"arn": f"arn:aws:iam::123456789012:user/{row.get('user')}"} | row for row in rows)
    return out.getvalue().encode()


def found(data: bytes, made: datetime | None = NOW, limit: int = 90) -> list[tuple[str, int, str]]:
    """Rule, line and cell of each finding in a report that the user has given."""
    scanner = Scanner((make_limit_rule(limit), *RULES[1:]), known=RULES)
    findings = scanner.scan_blob(Blob(data, "r.csv", BlobKind.CREDENTIAL_REPORT, made))
    assert not scanner.failures, scanner.failures
    return [(f.rule_id, f.locations[0].line, cell(data, f.locations[0].line, f.locations[0].column)) for f in findings]


@cache
def everything() -> Scanner:
    return Scanner(RULES)


def cell(data: bytes, line: int, column: int) -> str:
    rest = data.decode().split("\n")[line - 1][column - 1 :]
    return rest.split('"')[0].split(",")[0]


def key(rotated: str, used: str = "N/A", number: int = 1, active: str = "true") -> dict[str, str]:
    stem = f"access_key_{number}_"
    return {f"{stem}active": active, f"{stem}last_rotated": rotated, f"{stem}last_used_date": used}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (key(ago(90), ago(1)), []),
        (key(ago(91), ago(1)), [("CG501", 2, ago(91))]),
        (key(ago(30), ago(45)), []),
        (key(ago(60), ago(46)), [("CG503", 2, ago(46))]),
        (key(ago(0.5)), []),
        (key(ago(2)), [("CG503", 2, "N/A")]),
        (key(ago(2), "no_information"), [("CG503", 2, "no_information")]),
        (key(ago(400), active="false"), []),
        (key(ago(400), ago(399), active="TRUE"), [("CG501", 2, ago(400)), ("CG503", 2, ago(399))]),
        (key(ago(5), ago(1), 2), []),
        (key(ago(95), ago(1), 2), [("CG501", 2, ago(95))]),
        ({"password_enabled": "true", "mfa_active": "false"}, [("CG504", 2, "false")]),
        ({"password_enabled": "true", "mfa_active": "True"}, []),
        ({"password_enabled": "false", "mfa_active": "false"}, []),
        (
            {"user": "<root_account>", "arn": "arn:aws:iam::123456789012:root", "mfa_active": "false",
             "password_enabled": "not_supported"},
            [("CG504", 2, "false")],
        ),
        (
            ROOT | {"mfa_active": "true"} | key(ago(900)),
            [("CG303", 2, "root_account>")],
        ),
    ],
)  # fmt: skip
def test_judged(row: dict[str, str], expected: list[tuple[str, int, str]]) -> None:
    assert found(text({"user": "alice", "password_enabled": "false"} | row)) == expected


def test_limit_of_the_policy() -> None:
    data = text({"user": "alice"} | key(ago(40), ago(1)))
    assert found(data) == []
    assert found(data, limit=30) == [("CG501", 2, ago(40))]


@pytest.mark.parametrize("seed", range(20))
def test_columns_in_any_order_with_more_of_them(seed: int) -> None:
    rows = [
        ROOT | {"mfa_active": "true"} | key(ago(10), ago(1)),
        {"user": "a,b", "password_enabled": "true", "mfa_active": "false"} | key(ago(200), ago(1), 2),
        {"user": "never"} | key(ago(3)),
    ]  # fmt: skip
    columns = [*COLUMNS, "additional_credentials_info", "team"]
    random.Random(seed).shuffle(columns)
    expected = {("CG303", 2), ("CG501", 3), ("CG504", 3), ("CG503", 4)}
    data = text(*rows, columns=columns)
    for written in (data, b"\xef\xbb\xbf" + data, data.replace(b"\n", b"\r\n"), b"\n" + data):
        shift = 1 if written[:1] == b"\n" else 0
        assert {(rule, line - shift) for rule, line, _ in found(written)} == expected


def test_a_report_in_a_tree_counts_to_today_and_says_how_old_it_is() -> None:
    data = text({"user": "alice"} | key(ago(100), ago(80))).replace(b"123456789012", b"604179283516")
    rule = make_limit_rule(90, NOW + timedelta(days=10))
    findings = Scanner((rule,), known=RULES).scan_blob(Blob(data, "docs/r.csv"))
    assert [f.attributes["age_days"] for f in findings] == [110]
    assert "with newest entry of 2026-03-13" in findings[0].message


def test_a_rotated_key_is_another_finding() -> None:
    scanner = Scanner((RULES[0],), known=RULES)
    prints = {
        scanner.scan_blob(
            Blob(text({"user": "alice"} | key(ago(days), ago(1))), "r.csv", BlobKind.CREDENTIAL_REPORT, NOW)
        )[0].fingerprint
        for days in (100, 100, 200)
    }
    assert len(prints) == 2


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-01-02T03:04:05+00:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        ("2026-01-02 05:04:05+02:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=timezone.utc)),
        ("N/A", None), ("", None), ("1/2/2026 3:04", None), ("2026-13-45", None), ("²²²²-01-01", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)  # fmt: skip
def test_dates(written: str, expected: datetime | None) -> None:
    assert parse_iso_date(written) == expected


@pytest.mark.parametrize(("days", "told"), [(90, False), (91, True), (-3, False)])
def test_older_than(days: int, told: bool) -> None:
    one = check_key_age(NOW - timedelta(days=days), NOW, 90, "AKIAIOSFODNN7EXAMPLE")
    assert (one is not None) == told
    if one:
        assert one.attributes["age_days"] == 91 and "AKIAIOSFODNN7EXAMPLE" in one.message


def test_what_cannot_be_judged_is_a_problem() -> None:
    rows = text({"user": "a"} | key("some day"), {"user": "b", "additional_credentials_info": "2"},
                columns=[*COLUMNS, "additional_credentials_info"])  # fmt: skip
    parsed = find_report(Blob(rows + b"c,arn\n", "r.csv", BlobKind.CREDENTIAL_REPORT, NOW))
    assert parsed is not None
    assert [problem.partition(":")[0] for problem in parsed.problems] == [
        "line 2",
        "line 3",
        "line 4 has fewer columns than the header",
    ]


def test_broken_csv() -> None:
    with pytest.raises(UnreadableError, match="line 2 of the credential report is broken"):
        find_report(Blob(b"user,mfa_active\n" + b'"' + b"x" * 200_000, "r.csv"))


def test_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credential_report, "_MOST_ROWS", 5)
    with pytest.raises(UnreadableError, match="over 5 rows"):
        find_report(Blob(b"user,mfa_active\n" + b"a,true\n" * 6, "r.csv"))


CELLS = st.sampled_from(
    ["true", "FALSE", "N/A", "no_information", "not_supported", "<root_account>", "arn:aws:iam::123456789012:root", '"',
     '""', "\0", "\r", "2026-01-01T00:00:00+00:00", "9999-12-31T23:59:59-23:59", "user", "é", ",", ";", "\n", "=cmd()"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.lists(CELLS, max_size=24), max_size=6), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_any_csv_is_survived(rows: list[list[str]], delimiter: str, bom: bool) -> None:
    data = delimiter.join(COLUMNS) + "\n" + "\n".join(delimiter.join(row) for row in rows)
    scanner = everything()
    scanner.scan_blob(Blob((b"\xef\xbb\xbf" if bom else b"") + data.encode(), "r.csv", BlobKind.CREDENTIAL_REPORT, NOW))
    assert not scanner.failures


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_survived(tail: bytes) -> None:
    scanner = everything()
    for data in (tail, b"user,arn,mfa_active,access_key_1_active\n" + tail):
        scanner.scan_blob(Blob(data, "r.csv"))
    assert not scanner.failures


@pytest.mark.parametrize("column", range(len(COLUMNS)))
def test_a_secret_in_any_cell_is_never_shown(column: int) -> None:
    filler = Filler(f"column {column}")
    secret = filler.fill("{{SECRET}}")
    row = {"user": "alice", "password_enabled": "true", "mfa_active": "false"} | key(ago(200), ago(100))
    data = text(row | {COLUMNS[column]: secret}, {"user": "bob"} | key(ago(300)))
    findings = Scanner(RULES).scan_blob(Blob(data, "r.csv", BlobKind.CREDENTIAL_REPORT, NOW))
    assert findings
    assert secret[4:] not in repr(findings)

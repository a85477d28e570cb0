"""The page of a fleet of ten thousand repositories, in a real browser."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from credguard.engine.repository_result import RepositoryResult
from credguard.errors import ExitCode
from credguard.fleet.merge import Merge, MergedRow, describe, replace_target
from credguard.fleet.page import render, write_page
from credguard.fleet.plan import make_entry, order_entries
from credguard.fleet.record import Record, make_target
from credguard.model.findings import Confidence, Coverage, Finding, Location, Outcome, ScanResult, Severity, Verdict
from credguard.model.practice import PracticeStatus, Standing
from credguard.model.practices import PRACTICES
from tests.pages import CHROMIUM, launch_browser, opened

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 10_000
MARKUP = "</script><img src=x onerror=document.title=1>"
NOW = datetime(2026, 11, 30, tzinfo=timezone.utc)


def make_merge(count: int) -> Merge:
    """As many rows; every tenth fails a practice, one was not reached, and one is named as no repository should be."""
    entries = order_entries(make_entry(f"https://host.example/team/r{number:05}") for number in range(count))
    rows, verdicts = [], []
    for number, entry in enumerate(entries):
        status = PracticeStatus.FAIL if number % 10 == 0 else PracticeStatus.PASS
        standings = tuple(Standing(practice, status, 0) for practice in PRACTICES)
        result = ScanResult({}, (), Coverage(), ExitCode.CLEAN, "", "", standings)
        part = RepositoryResult(make_target(entry), result)
        state = "unreachable" if number == 7 else "whole"
        rows.append(
            MergedRow(
                entry,
                state,
                MARKUP if number == 7 else "",
                Record(entry.id, state, result=part, run={"seconds": "2.5"}),
            )
        )
        if number % 10 == 0:
            finding = Finding(
                "CG103", "aws-key-pair", Severity.CRITICAL, Confidence.HIGH, f"a key {MARKUP}", f"{number:032x}",
                (Location(f"{entry.name}/{MARKUP}"),), exposure={"pushed": True, "age_days": number},
            )  # fmt: skip
            verdicts.append(Verdict(finding, Outcome.REPORT))
    merged = Merge(rows, ScanResult({}, tuple(verdicts), Coverage(), ExitCode.FINDINGS, "", ""))
    fleet = describe(merged, NOW)
    nights = [fleet["night"] | {"blocking": blocking} for blocking in (5, 3, 9)]
    return replace_target(merged, fleet | {"trend": nights})


def test_the_page_stays_small() -> None:
    page = render(make_merge(COUNT))
    assert len(page) < 100 * COUNT and MARKUP.encode() not in page


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; Debian's package is `chromium`")
def test_ten_thousand_rows_are_searched_and_sorted_in_a_browser(tmp_path: Path) -> None:
    write_page(str(tmp_path / "fleet.html"), make_merge(COUNT))
    with launch_browser() as browser:
        page, record = opened(browser, tmp_path / "fleet.html")
        assert "1,000 findings block; 1 of 10,000 repositories were not scanned whole" in page.inner_text("h1")
        assert page.locator("#heat tbody tr").count() == 50 and "of 10000" in page.inner_text("#place")
        page.fill("#words", "r09999")
        assert page.locator("#heat tbody tr").count() == 1
        page.fill("#words", "")
        page.select_option("#only", "f")
        assert "of 1000" in page.inner_text("#place")
        page.click("#after")
        assert page.inner_text("#place").startswith("51–100")
        page.click("#heat thead button >> nth=0")
        assert page.inner_text("#heat tbody tr >> nth=0 >> td >> nth=0") == "host.example/team/r00000"
        page.select_option("#only", "!")
        assert "unreachable" in page.inner_text("#heat tbody")
        assert page.title() != "1" and not record.words and len(record.requests) == 1
        assert page.locator("#trend polyline").count() == 1

"""The HTML report in a real browser: it renders, filters, copies, asks for nothing, and makes no markup of its data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.keys import Filler
from tests.pages import CHROMIUM, MARKUP, many, opened

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; Debian's package is `chromium`")


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, report_page: Path) -> None:
    for scheme in ("light", "dark"):
        page, seen = opened(browser, report_page, color_scheme=scheme)
        assert page.title().startswith("credguard: ")
        assert page.locator("#list > li").count() == len(MARKUP) + 3  # and a key and two faults of app/.env
        assert page.locator("tbody tr").count() == 0, "the practices belong to an audit"
        assert seen.requests == [report_page.as_uri()] and seen.words == []
        page.close()


def test_hostile_names_are_shown_and_do_nothing(browser: Browser, report_page: Path) -> None:
    page, _ = opened(browser, report_page)
    page.select_option("#outcome", "")
    text = page.locator("#list").inner_text()
    for name in MARKUP:
        assert name in text
    for summary in page.locator("summary").all():
        summary.click()
    assert page.title().startswith("credguard: ")
    assert page.locator("#list img, #list svg, #list script, #list h1, #list b").count() == 0
    page.close()


def test_a_content_security_policy_stands_even_against_markup(browser: Browser, report_page: Path) -> None:
    page, _ = opened(browser, report_page)
    blocked: list[str | None] = []
    page.on("requestfailed", lambda request: blocked.append(request.failure))
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=https://example.com/x onerror=\"window.hit=1\">')"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert blocked == ["csp"]
    page.close()


def test_filters_and_search(browser: Browser, report_page: Path) -> None:
    page, _ = opened(browser, many(report_page, 600))
    assert "600 of 600" in page.locator("#count").inner_text()
    assert page.locator("#list > li").count() == 50
    page.fill("#search", "module5/ file5")
    shown = page.locator("#list > li")
    assert 0 < shown.count() < 10 and "module5/file5" in shown.first.inner_text()
    page.click("#clear")
    page.select_option("#severity", "high")
    assert "200 of 600" in page.locator("#count").inner_text()
    page.select_option("#exposure", "pushed")
    assert "100 of 600" in page.locator("#count").inner_text()
    page.click("#next")
    assert "Page 2 of 2" in page.locator("#page").inner_text()
    page.close()


def test_steps_can_be_copied(browser: Browser, report_page: Path) -> None:
    page, _ = opened(browser, report_page)
    page.locator("summary").first.click()
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name="Copy all steps").first.click()
    copied = page.evaluate("window.copied")
    assert copied.index("--status Inactive") < copied.index("git filter-repo")
    lines = copied.splitlines()
    assert lines[0].startswith("# deactivate") and all(line.startswith(("# ", "aws ", "git ")) for line in lines), lines
    assert page.get_by_role("button", name="Copy all steps").first.inner_text() == "Copied"
    page.close()


def test_it_works_by_keyboard_and_says_what_things_are(browser: Browser, report_page: Path) -> None:
    page, _ = opened(browser, report_page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.keyboard.press("Enter")
    page.locator("#search").focus()
    passed = []
    while (here := page.evaluate("document.activeElement.id || document.activeElement.tagName")) != "SUMMARY":
        passed.append(here)
        page.keyboard.press("Tab")
        assert len(passed) < 20, passed
    assert passed == ["search", "severity", "rule", "practice", "outcome", "exposure", "group", "clear", "csv", "print"]
    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == 1
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input,select')].filter(e => !e.labels.length).length"
        " + [...document.querySelectorAll('button')].filter(e => !e.textContent.trim()).length"
    )
    assert unnamed == 0
    assert page.evaluate("document.documentElement.lang") == "en"
    page.close()


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, report_page: Path, audit_page: Path) -> None:
    for file in (report_page, audit_page):
        page, _ = opened(browser, file, viewport={"width": 320, "height": 640})
        page.select_option("#group", "path")
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        page.close()


def test_ten_thousand_findings_stay_usable(browser: Browser, report_page: Path) -> None:
    file = many(report_page, 10_000)
    assert file.stat().st_size <= 5_000_000
    page, seen = opened(browser, file)
    assert "10000 of 10000" in page.locator("#count").inner_text()
    page.fill("#search", "file9999.py")
    assert "1 of 10000" in page.locator("#count").inner_text()
    assert page.locator("#list > li").count() == 1 and seen.words == []
    page.close()


def test_the_page_shows_context_without_secrets(report_page: Path) -> None:
    text = report_page.read_text(encoding="utf-8")
    secrets = Filler("html")
    for n in (*range(len(MARKUP)), 99):
        secrets.fill(f"{{{{SECRET.{n}}}}}")
    assert not [secret for secret in secrets.secrets if secret[5:] in text]
    assert re.search(r"aws_secret_access_key=\w{4}\*\*\*\*|aws_secret_access_key=[\w/+]{4}\*\*\*\*", text)

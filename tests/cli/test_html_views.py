"""What the HTML report shows first, by whom and where it groups, and what of it can be linked, printed and exported."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.pages import CHROMIUM, KEY_ID, many, opened
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; Debian's package is `chromium`")


def test_an_audit_has_the_practices_after_the_findings(browser: Browser, audit_page: Path) -> None:
    page, seen = opened(browser, audit_page)
    titles = page.locator("h2").all_inner_texts()
    assert titles.index("Findings") < titles.index("The twenty practices") and page.locator("tbody tr").count() == 20
    page.locator("button[data-practice=P01]").click()
    assert page.evaluate("document.activeElement.id") == "findings" and page.input_value("#practice") == "P01"
    assert seen.words == []
    page.close()


def test_the_head_names_commit_remote_and_options(browser: Browser, audit_page: Path) -> None:
    page, _ = opened(browser, audit_page)
    head = page.locator("header").inner_text()
    commit = Repository(audit_page.parent / "audited").git("rev-parse", "HEAD").strip()
    assert f"{commit} on main, of https://example.com/a/b.git" in head
    assert "--fail-on low" in head and "audited" in head and "word" not in head
    page.close()


def test_severities_and_charts_are_on_the_first_screen(browser: Browser, audit_page: Path) -> None:
    page, _ = opened(browser, audit_page, viewport={"width": 1280, "height": 800})
    bottoms = page.evaluate("[...document.querySelectorAll('canvas')].map(e => e.getBoundingClientRect().bottom)")
    assert len(bottoms) == 2 and all(0 < bottom <= 800 for bottom in bottoms)
    assert "critical" in page.locator(".numbers").inner_text()
    assert page.locator(".numbers").bounding_box()["y"] < 400  # type: ignore[index]
    page.locator("button[data-severity=critical]").click()
    assert page.input_value("#severity") == "critical"
    page.close()


def test_a_credential_in_many_places_is_one_entry_with_its_steps_once(browser: Browser, audit_page: Path) -> None:
    page, _ = opened(browser, audit_page)
    page.fill("#search", f"{KEY_ID} CG103")
    assert page.locator("#list > li").count() == 1
    entry = page.locator("#list > li").first
    assert "3 of " in page.locator("#count").inner_text() and ", 1 different" in page.locator("#count").inner_text()
    entry.locator("summary").click()
    assert "and 2 other places" in entry.inner_text()
    assert {name for name in ("a.py", "b.py", "deep/c.py") if f"{name}:1" in entry.inner_text()} == {
        "a.py",
        "b.py",
        "deep/c.py",
    }
    assert entry.locator("ol.steps").count() == 1
    page.close()


@pytest.mark.parametrize(
    ("group", "titles"),
    [
        ("account", ["no account known", "account"]),
        ("author", ["ada@example.com", "grace@example.com"]),
        ("path", ["a.py", "b.py", "deep/c.py", "d.txt"]),
    ],
)
def test_groups(browser: Browser, audit_page: Path, group: str, titles: list[str]) -> None:
    page, _ = opened(browser, audit_page)
    page.select_option("#outcome", "")
    page.select_option("#group", group)
    shown = page.locator("#list h3").all_inner_texts()
    if group == "account":
        assert any(one[:12].isdigit() and one[12] == ":" for one in shown)
    else:
        assert not [title for title in titles if not any(title in one for one in shown)]
    assert all("finding" in one for one in shown)
    page.close()


def test_the_address_holds_the_filters(browser: Browser, report_page: Path) -> None:
    page, _ = opened(browser, many(report_page, 600))
    file = page.url
    page.select_option("#severity", "high")
    page.select_option("#group", "path")
    page.fill("#search", "module1 file")
    assert page.evaluate("location.href") == f"{file}#search=module1+file&severity=high&group=path"
    count, first = page.locator("#count").inner_text(), page.locator("#list").inner_text()
    again, _ = opened(browser, report_page.parent / "many.html", "#search=module1+file&severity=high&group=path")
    assert (again.locator("#count").inner_text(), again.locator("#list").inner_text()) == (count, first)
    assert again.input_value("#search") == "module1 file"
    again.click("#clear")
    assert again.evaluate("location.href") == file and "600 of 600" in again.locator("#count").inner_text()
    again.click("#next")
    assert again.evaluate("location.href") == f"{file}#page=2"
    again.evaluate("location.hash = 'severity=nonsense&page=999'")
    again.wait_for_function("document.getElementById('page').textContent.startsWith('Page 12')")
    assert again.input_value("#severity") == ""
    again.close()
    page.close()


def test_everything_is_printed(browser: Browser, report_page: Path) -> None:
    page, seen = opened(browser, many(report_page, 120), color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#list > li").count() == 120 and page.locator("details[open]").count() == 120
    assert page.locator("ol.steps").count() == 120
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#list > li").count() == 50 and seen.words == []
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf())) > 20
    page.close()


def test_the_csv_of_the_page_is_that_of_the_command(browser: Browser, report_page: Path, tmp_path: Path) -> None:
    page, _ = opened(browser, report_page)
    page.select_option("#outcome", "")
    with page.expect_download() as waiting:
        page.click("#csv")
    waiting.value.save_as(tmp_path / "page.csv")
    assert waiting.value.suggested_filename == "credguard.csv"
    command = subprocess.run(
        [sys.executable, "-m", "credguard", "report", "convert", f"{report_page}.json", "--format=csv"],
        check=True, capture_output=True, timeout=120,
    ).stdout  # fmt: skip
    head, *rows = (tmp_path / "page.csv").read_bytes().split(b"\r\n")
    assert [head, *sorted(rows)] == [(lines := command.split(b"\r\n"))[0], *sorted(lines[1:])]
    page.close()

"""The HTML report in a real browser: it renders, filters, copies, asks for nothing, and makes no markup of its data."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; Debian's package is `chromium`")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
MARKUP = (
    "<script>document.title=1<script>.txt", "<img src=x onerror=document.title=1>.txt",
    "<svg onload=document.title=1>.txt",
    "{{7*7}}.txt", "{% for x in y %}.txt", "${7*7}.txt", "<!--.txt", "]]>.txt", "\"onmouseover=\"document.title=1.txt",
    "javascript:document.title=1.txt", "&lt;b&gt;.txt", "</title><h1>x.txt".replace("/", "\u2215"),
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Seen:
    """What a page did beside being shown: requests, and words on the console."""

    def __init__(self, page: Page) -> None:
        self.requests: list[str] = []
        self.words: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.words.append(message.text))
        page.on("pageerror", lambda error: self.words.append(str(error)))


def opened(browser: Browser, file: Path, **options: Any) -> tuple[Page, Seen]:  # noqa: ANN401 - what Playwright takes
    page = browser.new_page(**options)
    seen = Seen(page)
    page.goto(file.as_uri())
    return page, seen


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a scan of hostile names that hold keys."""
    fill = Filler("html").fill
    repo = Repository(tmp_path_factory.mktemp("html") / "repo")
    pair = "aws_access_key_id={{{{AKID.{0}}}}}\naws_secret_access_key={{{{SECRET.{0}}}}}\n"
    repo.write({name: fill(pair.format(n)) for n, name in enumerate(MARKUP)} | {"app/.env": fill(pair.format(99))})
    repo.add()
    file = repo.folder.parent / "report.html"
    done = subprocess.run(
        [sys.executable, "-m", "credguard", "scan", "--quiet", f"--report=html={file}", f"--report=json={file}.json"],
        cwd=repo.folder, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return file


def many(report: Path, count: int) -> Path:
    """A page of many findings with exposures over years, converted from a saved report."""
    saved = json.loads(report.with_name(report.name + ".json").read_text())
    model = next(finding for finding in saved["findings"] if finding["outcome"] == "report")
    saved["findings"] = [
        model
        | {
            "fingerprint": f"{n:032x}",
            "locations": [model["locations"][0] | {"path": f"src/module{n % 97}/file{n}.py", "line": n + 1}],
            "severity": ("critical", "high", "medium")[n % 3],
            "exposure": {
                "first_seen": f"20{10 + n % 15}-{1 + n % 12:02}-01T00:00:00Z", "in_head": n % 4 == 0,
                "pushed": n % 2 == 0,
            },
        }
        for n in range(count)
    ]  # fmt: skip
    (report.parent / "many.json").write_text(json.dumps(saved))
    page = report.parent / "many.html"
    subprocess.run(
        [sys.executable, "-m", "credguard", "report", "convert", "many.json", "--format=html", f"--output={page}"],
        cwd=report.parent, check=True, timeout=120,
    )  # fmt: skip
    return page


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, report: Path) -> None:
    for scheme in ("light", "dark"):
        page, seen = opened(browser, report, color_scheme=scheme)
        assert page.title().startswith("credguard: ")
        assert page.locator("tbody tr").count() == 20
        assert seen.requests == [report.as_uri()] and seen.words == []
        page.close()


def test_hostile_names_are_shown_and_do_nothing(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report)
    page.select_option("#outcome", "")
    text = page.locator("#list").inner_text()
    for name in MARKUP:
        assert name in text
    for summary in page.locator("summary").all():
        summary.click()
    assert page.title().startswith("credguard: ")
    assert page.locator("#list img, #list svg, #list script, #list h1, #list b").count() == 0
    page.close()


def test_a_content_security_policy_stands_even_against_markup(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report)
    blocked: list[str | None] = []
    page.on("requestfailed", lambda request: blocked.append(request.failure))
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=https://example.com/x onerror=\"window.hit=1\">')"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    assert blocked == ["csp"]
    page.close()


def test_filters_and_search(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, many(report, 600))
    assert "600 of 600" in page.locator("#count").inner_text()
    assert page.locator("#list > li").count() == 50
    page.fill("#search", "module5/ file5")
    shown = page.locator("#list > li")
    assert 0 < shown.count() < 10 and "module5/file5" in shown.first.inner_text()
    page.click("button[type=reset]")
    page.select_option("#severity", "high")
    assert "200 of 600" in page.locator("#count").inner_text()
    page.select_option("#exposure", "pushed")
    assert "100 of 600" in page.locator("#count").inner_text()
    page.click("#next")
    assert "Page 2 of 2" in page.locator("#page").inner_text()
    page.close()


def test_steps_can_be_copied(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report)
    page.locator("summary").first.click()
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.get_by_role("button", name="Copy all steps").first.click()
    assert "--status Inactive" in page.evaluate("window.copied")
    assert page.get_by_role("button", name="Copy all steps").first.inner_text() == "Copied"
    page.close()


def test_it_works_by_keyboard_and_says_what_things_are(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.keyboard.press("Enter")
    page.locator("#search").focus()
    for _ in range(7):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == 1
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input,select')].filter(e => !e.labels.length).length"
        " + [...document.querySelectorAll('button')].filter(e => !e.textContent.trim()).length"
    )
    assert unnamed == 0
    assert page.evaluate("document.documentElement.lang") == "en"
    page.close()


def test_a_phone_needs_no_sideways_scrolling(browser: Browser, report: Path) -> None:
    page, _ = opened(browser, report, viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_ten_thousand_findings_stay_usable(browser: Browser, report: Path) -> None:
    page, seen = opened(browser, many(report, 10_000))
    assert "10000 of 10000" in page.locator("#count").inner_text()
    page.fill("#search", "file9999.py")
    assert "1 of 10000" in page.locator("#count").inner_text()
    assert page.locator("#list > li").count() == 1 and seen.words == []
    page.close()


def test_the_page_shows_context_without_secrets(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    secrets = Filler("html")
    for n in (*range(len(MARKUP)), 99):
        secrets.fill(f"{{{{SECRET.{n}}}}}")
    assert not [secret for secret in secrets.secrets if secret[5:] in text]
    assert re.search(r"aws_secret_access_key=\w{4}\*\*\*\*|aws_secret_access_key=[\w/+]{4}\*\*\*\*", text)

"""Report pages, and a browser that shows them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
KEY_ID = Filler("html").fill("{{AKID}}")
MARKUP = (
    "<script>document.title=1<script>.txt", "<img src=x onerror=document.title=1>.txt",
    "<svg onload=document.title=1>.txt",
    "{{7*7}}.txt", "{% for x in y %}.txt", "${7*7}.txt", "<!--.txt", "]]>.txt", "\"onmouseover=\"document.title=1.txt",
    "javascript:document.title=1.txt", "&lt;b&gt;.txt", "</title><h1>x.txt".replace("/", "\u2215"),
)  # fmt: skip


@contextmanager
def launch_browser() -> Iterator[Browser]:
    """A Chromium that is closed at the end."""
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


def opened(browser: Browser, file: Path, address: str = "", **options: Any) -> tuple[Page, Seen]:  # noqa: ANN401
    """A page as Playwright takes its options; `address` follows that of the file."""
    page = browser.new_page(**options)
    seen = Seen(page)
    page.goto(file.as_uri() + address)
    return page, seen


def write_report(folder: Path) -> Path:
    """The report of a scan of hostile names that hold keys."""
    fill = Filler("html").fill
    repo = Repository(folder / "repo")
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


def write_audit(folder: Path) -> Path:
    """The audit of a repository with one pair in three files, by two authors, and a lone key ID."""
    fill = Filler("html").fill
    repo = Repository(folder / "audited")
    pair = fill("aws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n")
    for author, files in (
        ("ada", {"a.py": pair, "b.py": pair, "deep/c.py": pair}),
        ("grace", {"d.txt": fill("key {{AKID.2}}\n")}),
    ):
        repo.write(files)
        repo.add()
        repo.git("commit", "-qm", author, "--author", f"{author} <{author}@example.com>")
    repo.git("remote", "add", "origin", "https://ada:pass1word@example.com/a/b.git")
    file = repo.folder.parent / "audit.html"
    done = subprocess.run(
        [sys.executable, "-m", "credguard", "audit", "--quiet", f"--html={file}", "--fail-on", "low", repo.folder],
        cwd=repo.folder.parent, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return file


def many(report: Path, count: int) -> Path:
    """A page of many findings with exposures over years, converted from a saved report."""
    saved = json.loads(report.with_name(report.name + ".json").read_text())
    model = next(finding for finding in saved["findings"] if finding["outcome"] == "report")
    key = model["attributes"]["access_key_id"]
    saved["findings"] = [
        model
        | {
            "fingerprint": f"{n:032x}", "message": f"{model['message']} of user {n}",
            "context": [{"line": n + 1, "text": f"user_{n} = {model['context'][0]['text']}"}],
            "remediation": [step.replace(key, f"AKID{n:016}") for step in model["remediation"]],
            "attributes": model["attributes"] | {"access_key_id": f"AKID{n:016}", "account": f"{n % 40:012}"},
            "locations": [model["locations"][0] | {"path": f"src/module{n % 97}/file{n}.py", "line": n + 1}],
            "severity": ("critical", "high", "medium")[n % 3],
            "exposure": {
                "first_seen": f"20{10 + n % 15}-{1 + n % 12:02}-01T00:00:00Z", "in_head": n % 4 == 0,
                "pushed": n % 2 == 0, "author": f"dev{n % 30}@example.com", "first_commit": f"{n % 900:040x}",
                "paths": [f"src/module{n % 97}/file{n}.py"], "age_days": n % 700,
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

"""The pages made from the rules are what the rules say."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from credguard.rules import load_rules

ROOT = Path(__file__).parent.parent
_SPEC = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
assert _SPEC is not None and _SPEC.loader is not None
docs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(docs)


def test_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_missing_or_left_over_page_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(docs, "PAGES", tmp_path / "docs" / "rules")
    assert "docs/rules.md" in docs.stale()
    (tmp_path / "docs").mkdir()
    assert docs.main([]) == 0
    assert docs.stale() == []
    (tmp_path / "docs" / "rules" / "CG999.md").write_text("old\n")
    (tmp_path / "docs" / "rules" / "CG101.md").write_text("old\n")
    assert docs.stale() == ["docs/rules/CG101.md", "docs/rules/CG999.md"]
    assert docs.main(["--check"]) == 1
    assert docs.main([]) == 0
    assert docs.stale() == []


@pytest.mark.parametrize("rule", [rule.id for rule in load_rules()])
def test_every_page_has_its_headings(rule: str) -> None:
    text = docs.pages()[docs.PAGES / f"{rule}.md"]
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [*docs.HEADINGS, "Standards"]
    assert re.search(rf"^# {rule} ", text, re.MULTILINE)


def test_a_number_of_a_benchmark_names_its_version() -> None:
    """Numbers move between versions."""
    for rule in load_rules():
        for line in rule.standards:
            assert line.startswith(("CIS AWS Foundations Benchmark: ", "AWS Security Hub: ", "AWS Config: ")), rule.id
            numbers = re.findall(r"\d+\.\d+(?:\.\d+)? (.{3})", line) if line.startswith("CIS") else []
            assert all(word.startswith("(v") for word in numbers), (rule.id, line)


def _find_anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and mkdocs make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs"])
def test_links_lead_somewhere(name: str) -> None:
    start = ROOT / name
    for page in start.rglob("*.md") if start.is_dir() else (start,):
        for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = link.partition("#")
            if ":" not in path:
                target = page.parent / path if path else page
                assert target.exists(), (page, link)
                assert not anchor or anchor in _find_anchors(target), (page, link)


def test_the_site_lists_every_page() -> None:
    """A page that no menu names is found by nobody; the pages of rules are listed in docs/rules.md."""
    listed = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not page.startswith("rules/")} == listed

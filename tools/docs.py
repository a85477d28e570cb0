"""Writes docs/rules.md, docs/rules/ and docs/practices.md from the rules: `python tools/docs.py [--check]`.

With `--check` nothing is written; it ends with 1 and names what is stale. Pages of rules that are no more are named
as stale too, and deleted when the others are written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.model.practices import NEEDS, PRACTICES, list_practice_ids
from credguard.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.practice import Practice
    from credguard.rule import Rule

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = DOCS / "rules"
HEADINGS = ("What it does", "Why it matters", "How to fix", "References")
_NOTE = "<!-- Made by tools/docs.py from the rules; edit those. -->"
_CODE = re.compile(r"(`[^`]*`)")
_FAMILIES = {
    "CG0": "The run itself", "CG1": "Secret values", "CG2": "Files", "CG3": "The root user",
    "CG4": "Identity and permission", "CG5": "Life cycle", "CG6": "This machine",
}  # fmt: skip


def pages() -> dict[Path, str]:
    """What every page has to hold, by its path."""
    found = {PAGES / f"{rule.id}.md": _page(rule) for rule in load_rules()}
    return found | {DOCS / "rules.md": _table(), DOCS / "practices.md": _practices()}


def stale() -> list[str]:
    """The pages that hold something else, are missing, or belong to no rule."""
    wanted = pages()
    odd = [path for path in PAGES.glob("*.md") if path not in wanted]
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return [str(path.relative_to(ROOT)) for path in (*changed, *odd)]


def _page(rule: Rule) -> str:
    return "\n".join((_NOTE, *_rule_lines(rule))) + "\n"


def _rule_lines(rule: Rule) -> Iterator[str]:
    sentence, sections = _sections(rule)
    yield f"# {rule.id} {rule.name}\n"
    yield _marked(sentence) + "\n"
    yield "| severity | confidence | speaks in | practices | since |"
    yield "|---|---|---|---|---|"
    practices = ", ".join(f"[{one}](../practices.md)" for one in _practices_of(rule)) or "none"
    cells = (rule.severity.label, rule.confidence.label, _stages(rule), practices, rule.since)
    yield f"| {' | '.join(cells)} |\n"
    for heading in HEADINGS:
        yield f"## {heading}\n"
        yield _marked(sections[heading]) + "\n"
        if heading == "How to fix" and rule.remediation:
            yield "Step by step:\n"
            yield "```text\n" + "\n".join(rule.remediation) + "\n```\n"
        if heading == "References":
            yield from (f"- <{url}>" for url in rule.references)
            yield from ([""] if rule.references else [])
    yield "## Standards\n"
    yield (
        "\n".join(f"- {_marked(line)}" for line in rule.standards) or "No control of CIS or Security Hub asks for this."
    )


def _sections(rule: Rule) -> tuple[str, dict[str, str]]:
    """The page's first sentence, and the text below each heading."""
    first, *lines = rule.page.strip().splitlines()
    sections: dict[str, list[str]] = {}
    for line in lines:
        if line and not line.startswith(" "):
            sections[line] = []
        elif line and sections:
            next(reversed(sections.values())).append(line.strip())
    return first, {heading: "\n".join(text) for heading, text in sections.items()}


def _practices_of(rule: Rule) -> list[str]:
    return sorted({*rule.practices, *list_practice_ids(rule.id)})


def _stages(rule: Rule) -> str:
    if rule.id == "CG005":
        return "CI, pre-receive, `scan --range`"
    if rule.id.startswith("CG00"):
        return "every run"
    if not rule.check_blob and not rule.check_tree:
        return "`credguard doctor`" if "doctor" in NEEDS.get(rule.id, "") else "`credguard audit`"
    return "hooks, CI, scan, audit" if rule.in_hooks else "CI, scan, audit"


def _marked(text: str) -> str:
    """Plain text as Markdown: outside of code, nothing in it is markup."""
    parts = _CODE.split(text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*<\[\]|])", r"\\\1", part) for part in parts)


def _table() -> str:
    lines = [_NOTE, "# Rules\n", "`credguard rules` lists them, `credguard explain CG103` shows a page.\n"]
    for family, title in _FAMILIES.items():
        rules = [rule for rule in load_rules() if rule.id.startswith(family)]
        lines += [f"## {family}xx: {title.lower()}\n", "| rule | name | severity | what it reports | speaks in |"]
        lines += ["|---|---|---|---|---|", *map(_row, rules), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(rule: Rule) -> str:
    what = _marked(rule.summary)
    return f"| [{rule.id}](rules/{rule.id}.md) | {rule.name} | {rule.severity.label} | {what} | {_stages(rule)} |"


def _practices() -> str:
    lines = [
        _NOTE, "# Practices\n",
        "Twenty practices from AWS credential guides, the rules that check each, and what else enforces it.",
        "`credguard practices` lists them; `credguard audit` says where a repository stands:\n",
        "| standing | when |", "|---|---|",
        "| pass | all of the practice's rules had what they judge, and nothing is reported |",
        "| fail | at least one finding is reported; P20 also where neither a hook nor CI calls credguard |",
        "| partial | nothing is reported, and some of it was not looked at; the reason says what would |",
        "| not checked | none of its rules had what they judge; the reason says what would |\n",
        "Findings that a baseline, an exception or a comment suppresses do not count. P01 and P19 pass only where the",
        "history was looked at. P19 fails while a secret stands in the files; for those of the past it is partial, as",
        "only AWS knows whether they were deactivated. P09 and P10 never pass: the account, and mail and chat, are in",
        "no repository.\n",
        "`enforced_in` of the JSON report names the hooks that git runs in this clone (`pre-commit`), files that set",
        "hooks up for everybody (`hooks:.pre-commit-config.yaml`) and CI files (`ci:.github/workflows/credguard.yml`).",
        "For P20, a CI step that judges a change by the change's own policy (`credguard audit`, hooks run in CI), or",
        "whose failure does not count, is not enough.\n",
        "| | practice | rules | what else enforces it |", "|---|---|---|---|",
        *map(_practice, PRACTICES),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _practice(practice: Practice) -> str:
    rules = " ".join(f"[{rule.id}](rules/{rule.id}.md)" for rule in load_rules() if practice.is_checked_by(rule.id))
    return f"| {practice.id} | {_marked(practice.title)} | {rules} | {_marked(practice.also)} |"


def main(arguments: list[str]) -> int:
    """Checks or writes; gives the exit code."""
    left = stale()
    if arguments == ["--check"]:
        print(f"stale: {', '.join(left)}; run python tools/docs.py" if left else "the pages are what the rules say")
        return 1 if left else 0
    PAGES.mkdir(exist_ok=True)
    wanted = pages()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
    for path in PAGES.glob("*.md"):
        if path not in wanted:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

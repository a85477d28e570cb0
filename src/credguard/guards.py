"""Where a repository calls credguard: hook settings and CI steps, and what a change takes away from them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.regex import regex
from credguard.terms import skipped, terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from credguard.config.place import Place
    from credguard.terms import Term

    Call = tuple[str, str]  # whose, and in what words

_FILES = (
    ".pre-commit-config.yaml", "prek.toml", "lefthook.yml", ".lefthook.yml", "lefthook.yaml", ".lefthook.yaml",
    ".gitlab-ci.yml", ".circleci/config.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", "buildspec.yml",
    "Jenkinsfile", ".travis.yml", ".drone.yml", ".woodpecker.yml", "Makefile", "tox.ini", "noxfile.py",
    ".pre-commit-config.yml", "azure-pipelines.yaml", "buildspec.yaml", "appveyor.yml", ".cirrus.yml",
    "cloudbuild.yaml", "justfile", "Taskfile.yml", "package.json",
)  # fmt: skip
_MOST = 20
"""Calls of one file around which more than the step is looked at."""
_STEP = 60
"""Lines around a call that may belong to its step."""
_BLANK = 1 << 20
"""The depth of an empty line: deeper than any, so that it ends nothing."""
_FOLDERS = (".github/workflows", ".husky", ".gitlab", ".woodpecker", ".buildkite", ".githooks")
_COMMENT = regex(r"(?:^|\s)(?:#|//).*")
_CALL = regex(r"credguard[\w-]*(?:[ \t]+(?:hook[ \t]+[a-z-]+|ci|scan|audit|install)\b)?")
_OWNED = regex(r"[ \t]*(?:-[ \t]+)?(?:uses|repo)[ \t]*[:=]")
_OWNER = regex(r"[\w.:/-]*")
_MUTED = regex(
    r"\|\|[ \t]*(?:(?:/usr)?/bin/)?(?:true|:|exit 0|echo\b)|;[ \t]*(?:true|exit 0)\b|--exit-zero\b"
    r"|\b(?:echo|printf)\b[^|;&]{0,200}credguard|(?:\bif[ \t]+|![ \t]+)credguard"
)
_SHRUG = regex(
    r"^[ \t]*(?:-[ \t]+)?(?:continue-on-error:[ \t]*(?![\"']?false|[\"']?$)\S|allow_failure:[ \t]*true"
    r"|if:[ \t]*(?:\$\{\{[ \t]*)?[\"']?false|continueOnError:[ \t]*true|when:[ \t]*never|(?:run:[ \t]*)?set \+e\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of credguard in one file, those among them whose failure does not count, and on what terms they
    are made. A call is told by its words and by whose credguard it is."""

    every: Counter[Call] = field(default_factory=Counter)
    muted: Counter[Call] = field(default_factory=Counter)
    terms: Counter[Term] = field(default_factory=Counter)


def calls(place: Place) -> dict[str, Calls]:
    """By path: the calls of credguard in the file.

    A file that cannot be read calls nothing.
    """
    texts = place.texts(_FILES, _FOLDERS)
    read = {path: data for path, data in texts.items() if b"credguard" in data and _is_heeded(path)}
    found = {path: _calls(path, data.decode("utf-8", "replace")) for path, data in read.items()}
    return {path: told for path, told in found.items() if told.every}


def _is_heeded(path: str) -> bool:
    return not path.startswith(".github/workflows/") or path.endswith((".yml", ".yaml"))


def _calls(path: str, text: str) -> Calls:
    lines = [_COMMENT.sub("", line) for line in text.splitlines()]
    depths = [len(line) - len(line.lstrip()) if line.strip() else _BLANK for line in lines]
    items = [line.lstrip().startswith("- ") for line in lines]
    shrugs = [_SHRUG.match(line) is not None for line in lines]
    every: Counter[Call] = Counter()
    muted: Counter[Call] = Counter()
    numbers: list[int] = []
    scopes: list[list[int]] = []
    skips: Counter[Term] = Counter()
    for number, line in enumerate(lines):
        found = [(_owner(line, call.start()), call[0]) for call in _CALL.finditer(line)] if "credguard" in line else []
        if found and skipped(lines, number):
            skips["skip", ""] += 1
            continue
        every.update(found)
        if found:
            step = range(*_step(depths, items, number))
            above = _above(depths, items, step) if len(numbers) < _MOST else []
            numbers.append(number)
            scopes.append([*step, *above])
            if _MUTED.search(line) or any(shrugs[one] for one in scopes[-1]):
                muted.update(found)
    return Calls(every, muted, terms(path, lines, numbers, scopes) + skips if every else skips)


def _owner(line: str, start: int) -> str:
    """Whose credguard a `uses:` or `repo:` names, from the right."""
    found = _OWNER.match(line[max(0, start - 200) : start][::-1]) if _OWNED.match(line) else None
    return found[0] if found else ""


def _above(depths: list[int], items: list[bool], step: range) -> list[int]:
    """The lines beside the step, and beside what holds it, on each level up to the top."""
    found: list[int] = []
    for numbers in (range(step.start - 1, -1, -1), range(step.stop, len(depths))):
        limit = depths[step.start]
        for number in numbers:
            if depths[number] <= limit:
                limit = depths[number]
                if not items[number]:
                    found.append(number)
    return found


def _step(depths: list[int], items: list[bool], number: int) -> tuple[int, int]:
    """Where the list item that the line stands in begins and ends, by indentation; the line where there is none."""
    start = end = number
    depth, first = depths[number], max(0, number - _STEP)
    while not items[start]:
        start -= 1
        while start >= first and depths[start] >= depth:
            start -= 1
        if start < first:
            return number, number + 1
        depth = depths[start]
    last = min(len(depths), number + _STEP)
    while end + 1 < last and depths[end + 1] > depth:
        end += 1
    return start, end + 1


def taken_away(before: Mapping[str, Calls], after: Mapping[str, Calls]) -> Iterator[tuple[str, str]]:
    """Path and words for each file whose calls of credguard are gone, no longer count, or depend on more.

    A call that another file has gained counts as moved, and its terms with it.
    """
    moved: Counter[Call] = Counter()
    terms: Counter[Term] = Counter()
    for path, told in after.items():
        moved += told.every - before.get(path, Calls()).every
        terms += Counter() if path in before else told.terms
    for path, told in before.items():
        now = after.get(path, Calls())
        gone = told.every - now.every
        lost = gone - moved
        more = (now.terms + terms if gone else now.terms) - told.terms
        if lost:
            yield path, f"no longer calls {_words(call for _, call in lost)}"
        elif now.muted - told.muted:
            yield path, f"lets {_words(call for _, call in now.muted - told.muted)} fail without consequence"
        elif more:
            yield path, f"calls credguard only on more terms ({_words(name for name, _ in more)})"


def _words(found: Iterable[str]) -> str:
    return ", ".join(sorted(set(found)))

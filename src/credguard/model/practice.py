"""One practice, and where a repository stands with it."""

from __future__ import annotations

from dataclasses import dataclass

from credguard.model.text_enum import TextEnum


class PracticeStatus(TextEnum):
    """Where a repository stands with a practice."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    ACCEPTED = "accepted"
    PARTIAL = "partial"
    NOT_CHECKED = "not-checked"
    IDLE = "nothing-to-check"


@dataclass(frozen=True, slots=True)
class Practice:
    """One practice, and what enforces it beside its rules (which name it in `Rule.practices`).

    `about` are the things that it is about, without which there is nothing to check; `place` is the role
    of the files in which a secret fails it, empty for any. `unknown` is what no file can tell, so that a
    clean run is not a pass; `history` is set where only a scan of all commits is one.
    """

    id: str
    title: str
    also: str
    about: str = ""
    place: str = ""
    unknown: str = ""
    history: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a repository stands with a practice, and why.

    `findings` are those that fail it, `accepted` those that somebody has accepted. `reason` says what keeps
    it from a pass and what would check the rest; `enforced_in` are the hooks that run here, `hooks:FILE` for
    hooks set up for everybody, and `ci:FILE`. `rules` are the IDs of the rules that check it.
    """

    practice: Practice
    status: PracticeStatus
    findings: int
    reason: str = ""
    enforced_in: tuple[str, ...] = ()
    accepted: int = 0
    rules: tuple[str, ...] = ()

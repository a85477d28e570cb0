"""One practice, and where a repository stands with it."""

from __future__ import annotations

from dataclasses import dataclass

from credguard.lazy_re import compile_lazily

VALUES = ("CG101", "CG102", "CG103", "CG104", "CG105", "CG106", "CG107", "CG108", "CG109", "CG150")
_PROVIDER = compile_lazily(r"CG1[6-9]\d")


@dataclass(frozen=True, slots=True)
class Practice:
    """One practice, the rules that check it (IDs), and what enforces it beside them.

    `unknown` is what no file can tell, so that a clean run is not a pass; `history` is set where only
    a look at all commits is one.
    """

    id: str
    title: str
    rules: tuple[str, ...]
    also: str
    unknown: str = ""
    history: bool = False

    def is_checked_by(self, rule_id: str) -> bool:
        """True for its own rules, and for other providers' tokens where secret values are meant."""
        return rule_id in self.rules or (VALUES[-1] in self.rules and _PROVIDER.fullmatch(rule_id) is not None)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a repository stands with a practice: pass, fail, partial or not-checked.

    `reason` says what keeps it from a pass and what would check the rest; `enforced_in` are the hooks
    that run here, `hooks:FILE` for hooks set up for everybody, and `ci:FILE`.
    """

    practice: Practice
    status: str
    findings: int
    reason: str = ""
    enforced_in: tuple[str, ...] = ()

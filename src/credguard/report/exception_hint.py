"""How a finding that is no secret is recorded as an exception, for someone whom a hook has stopped: with a command, or
under the pre-commit framework, whose environments put no `credguard` on PATH, with lines to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.findings import PartRole
from credguard.report.origin import format_place
from credguard.rule import ABOUT_CREDGUARD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.model.findings import Finding, ScanResult

_MOST_COMMANDS, _MOST_ENTRIES = 3, 5
_SHORT = 12
"""Digits of a fingerprint that `credguard allow` takes for the whole."""
_AGAIN = {
    "pre-commit": "stage that and test it: pre-commit run credguard",
    "commit-msg": "stage that and commit again",
    "pre-push": "commit that and push again",
}


def format_exception_hint(result: ScanResult, findings: Iterable[Finding]) -> Iterator[str]:
    """Lines on the findings that block; none where no hook of this machine ran, or an exception settles nothing."""
    hook = str(result.target.get("hook", ""))
    if result.target.get("kind") != "hook" or hook == "pre-receive":
        return
    own = [finding for finding in findings if not finding.rule_id.startswith(ABOUT_CREDGUARD)]
    if own and result.target.get("framework"):
        yield from _list_entries(own, hook)
    elif own:
        yield from _list_commands(own)


def _list_commands(findings: Sequence[Finding]) -> Iterator[str]:
    several = len(findings) > 1
    yield f"{'For each that' if several else 'If it'} is no secret, record an exception:"
    for finding in findings[:_MOST_COMMANDS]:
        what = f"  # {format_place(finding)}" if several else ""
        yield f'  credguard allow {finding.fingerprint[:_SHORT]} --reason "why"{what}'
    if len(findings) > _MOST_COMMANDS:
        yield f"  and so on for {len(findings) - _MOST_COMMANDS} more; -v shows their fingerprints"


def _list_entries(findings: Sequence[Finding], hook: str) -> Iterator[str]:
    again = _AGAIN.get(hook, _AGAIN["pre-commit"])
    yield f"{'What' if len(findings) > 1 else 'If it'} is no secret, add it to .credguard.yaml:"
    yield "  allow:"
    for finding in findings[:_MOST_ENTRIES]:
        entry = f'{{rule: {finding.rule_id}, fingerprint: "{finding.fingerprint}", reason: "why"}}'
        yield f"  - {entry}  # {format_place(finding)}"
    if len(findings) > _MOST_ENTRIES:
        yield f"  # and {len(findings) - _MOST_ENTRIES} more; `args: [--verbose]` in .pre-commit-config.yaml shows all"
    lined = next((one for one in findings if one.locations[0].role != PartRole.FILE), None)
    if lined and again is _AGAIN["pre-commit"]:
        yield f"or write a comment on its line: credguard: allow {lined.rule_id} -- why"
    yield f"Then {again}"

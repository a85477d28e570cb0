"""The way out for who is stopped under the pre-commit framework, whose environments put no `credguard` on PATH."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.policy.model import is_whole_credential
from credguard.report import make_printable
from credguard.rule import ABOUT_CREDGUARD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.findings import ScanResult

_SHOWN = 5


def format_framework_hint(result: ScanResult) -> bytes:
    """Lines to paste, empty where no finding blocks that an exception may settle."""
    return "".join(f"{line}\n" for line in _list_lines(result)).encode("utf-8", "backslashreplace")


def _list_lines(result: ScanResult) -> Iterator[str]:
    found = [v.finding for v in result.verdicts if v.outcome == "report"]
    findings = list({f.fingerprint: f for f in found if not f.rule_id.startswith(ABOUT_CREDGUARD)}.values())
    if not findings:
        return
    yield "Under pre-commit, where `credguard` may not be on PATH, paste what is no secret into .credguard.yaml:"
    yield "  allow:"
    for one in findings[:_SHOWN]:
        place = make_printable(one.locations[0].path)
        yield f'  - {{rule: {one.rule_id}, fingerprint: {one.fingerprint}, reason: "why"}}  # {place}'
    if len(findings) > _SHOWN:
        yield f"  # and {len(findings) - _SHOWN} more, which pre-commit run --verbose shows"
    half = next((one for one in findings if not is_whole_credential(one.rule_id)), None)
    if half:
        yield f"or write a comment on its line: credguard: allow {half.rule_id} -- why"
    yield "Then stage it, and try again: pre-commit run credguard"

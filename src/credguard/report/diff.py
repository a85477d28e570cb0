"""What changed between two runs: findings that are new, fixed, moved or unchanged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.model.findings import SHOWN, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.model.findings import Finding, ScanResult

    Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ReportDifference:
    """Findings of the later run (`fixed`: of the earlier one); `blocking` when a new one blocks."""

    new: tuple[Finding, ...]
    fixed: tuple[Finding, ...]
    moved: tuple[Finding, ...]
    unchanged: tuple[Finding, ...]
    blocking: bool

    def iter_kinds(self) -> Iterator[tuple[str, tuple[Finding, ...]]]:
        """Each kind's name with its findings."""
        for name in ("new", "fixed", "moved", "unchanged"):
            yield name, getattr(self, name)


def compare(old: ScanResult, new: ScanResult) -> ReportDifference:
    """The difference by fingerprint: the same value at another path has moved, at another line it has not.

    Only what each run reported counts; a finding that was suppressed meanwhile is fixed, and one
    whose suppression went is new.
    """
    before, after = _index_reported(old), _index_reported(new)
    gone = {key: finding for key, finding in before.items() if key not in after}
    come = {key: finding for key, finding in after.items() if key not in before}
    left = Counter(fingerprint for fingerprint, _ in gone)
    moved = {key: finding for key, finding in come.items() if _take(left, key[0])}
    fresh = {key: finding for key, finding in come.items() if key not in moved}
    fixed = [finding for (fingerprint, _), finding in gone.items() if _take(left, fingerprint)]
    same = [finding for key, finding in after.items() if key in before]
    blocks = {_identify(v.finding) for v in new.verdicts if v.outcome is Outcome.REPORT}
    return ReportDifference(
        tuple(fresh.values()), tuple(fixed), tuple(moved.values()), tuple(same), any(key in blocks for key in fresh)
    )


def _take(left: Counter[str], fingerprint: str) -> bool:
    """Takes one of those left, if there is one."""
    left[fingerprint] -= 1
    return left[fingerprint] >= 0


def _index_reported(result: ScanResult) -> dict[Identity, Finding]:
    shown: Iterable[Finding] = (v.finding for v in result.verdicts if v.outcome in SHOWN)
    return {_identify(finding): finding for finding in shown}


def _identify(finding: Finding) -> Identity:
    return finding.fingerprint, finding.locations[0].path

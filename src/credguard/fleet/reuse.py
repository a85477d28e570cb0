"""Which credentials, users and accounts several repositories of a fleet have in common, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from credguard.engine.key_reuse import group_by_credential
from credguard.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from credguard.engine.repository_result import RepositoryResult
    from credguard.model.findings import Finding

_SHOWN = 3


def list_reuse(parts: Sequence[RepositoryResult]) -> list[dict[str, Any]]:
    """What stands in two repositories or more: `kind` credential, user or account; its name where that is public, how
    many repositories and the first of them, since when, and whether it was pushed or may still work."""
    pairs = [(part, finding) for part in parts for finding in part.compared if finding.values]
    found = [*_group_credentials(pairs), *_group_by_name(pairs, "user"), *_group_by_name(pairs, "account")]
    return sorted(found, key=_order)


def _group_credentials(pairs: Sequence[tuple[RepositoryResult, Finding]]) -> Iterator[dict[str, Any]]:
    owners: dict[int, list[str]] = {}
    for part, finding in pairs:
        owners.setdefault(id(finding), []).append(part.target.label)
    for group in group_by_credential([finding for _, finding in pairs]):
        labels = {label for finding in group for label in owners[id(finding)]}
        if len(labels) > 1:
            name = next((str(f.attributes["access_key_id"]) for f in group if f.attributes.get("access_key_id")), "")
            yield _build_row("credential", name, labels, group)


def _group_by_name(pairs: Sequence[tuple[RepositoryResult, Finding]], kind: str) -> Iterator[dict[str, Any]]:
    labels: dict[str, set[str]] = {}
    findings: dict[str, list[Finding]] = {}
    for part, finding in pairs:
        name = finding.attributes.get(kind)
        if isinstance(name, str) and name:
            account = finding.attributes.get("account")
            full = f"{account}/{name}" if kind == "user" and account else name
            labels.setdefault(full, set()).add(part.target.label)
            findings.setdefault(full, []).append(finding)
    for name, some in labels.items():
        if len(some) > 1:
            yield _build_row(kind, name, some, findings[name])


def _build_row(kind: str, name: str, labels: set[str], group: Sequence[Finding]) -> dict[str, Any]:
    exposures: list[Mapping[str, Any]] = [finding.exposure for finding in group]
    seen = [str(one["first_seen"]) for one in exposures if one.get("first_seen")]
    alive = [one.get("alive") for one in exposures]
    return {
        "kind": kind, "name": name, "severity": max(finding.severity for finding in group).label,
        "count": len(labels), "repositories": [label.rstrip("/") for label in sorted(labels)[:_SHOWN]],
        "since": min(seen, default=""), "pushed": any(one.get("pushed") is True for one in exposures),
        "alive": True if True in alive else None if None in alive or not alive else False,
    }  # fmt: skip


def _order(row: Mapping[str, Any]) -> tuple[object, ...]:
    kinds = ("credential", "user", "account")
    severity = Severity[str(row["severity"]).upper()]
    return -int(severity), not row["pushed"], -int(row["count"]), kinds.index(row["kind"]), row["name"], row["since"]

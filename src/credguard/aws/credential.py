"""One AWS credential from its parts: key ID, secret and session token of a blob, however far apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from credguard.aws import key_id as _key_id
from credguard.aws import secret_key, session_token
from credguard.aws.signed_request import is_inside_signed_request
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Confidence, Detection, Part, PartRole, Severity
from credguard.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

ID, SECRET, TOKEN = PartRole.ACCESS_KEY_ID, PartRole.SECRET_ACCESS_KEY, PartRole.SESSION_TOKEN
PATTERNS = (_key_id.KEY_ID, _key_id.KEY_ID_BASE64, *secret_key.PATTERNS, *session_token.PATTERNS)
_MANY = 200
_GAP = 2000
_BREAK = compile_lazily(rb"\n[ \t\r]{0,40}(?:\n|\[[^\]\n]{1,80}\][ \t\r]{0,40}\n)")
"""Above this many single halves they are paired in order: searching the nearest takes quadratic time."""


class CredentialKind(Enum):
    """What of a credential was found; each has a rule of its own."""

    ID_ALONE = "key ID alone"
    KEY_ALONE = "secret alone"
    PAIR = "long-lived pair"
    TEMPORARY = "temporary credentials"


@dataclass(slots=True)
class Credential:
    """The parts that belong together, one value per role; `parts` has every location of each."""

    parts: list[Part] = field(default_factory=list)
    sure: bool = True

    def get_value(self, role: str) -> bytes | None:
        """The raw value of a role, None when that part is missing."""
        return next((part.secret.reveal() for part in self.parts if part.role == role), None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The roles that are required to use the credential and were not found."""
        needed = (ID, SECRET, TOKEN) if self.temporary else (ID, SECRET)
        return tuple(role for role in needed if self.get_value(role) is None)

    @property
    def temporary(self) -> bool:
        """True for credentials of the Security Token Service."""
        key_id = self.get_value(ID)
        return key_id.startswith(b"ASIA") if key_id else self.get_value(TOKEN) is not None

    @property
    def kind(self) -> CredentialKind:
        """What of it was found."""
        roles = {part.role for part in self.parts}
        if TOKEN in roles or (self.temporary and SECRET in roles):
            return CredentialKind.TEMPORARY
        if roles == {ID, SECRET}:
            return CredentialKind.PAIR
        return CredentialKind.ID_ALONE if ID in roles else CredentialKind.KEY_ALONE


_last: tuple[Blob, list[Credential]] | None = None


def find_credentials(blob: Blob, hits: Hits) -> list[Credential]:
    """The blob's credentials in order of their first part; the last blob's result is cached."""
    global _last  # noqa: PLW0603 - four rules ask in turn
    known = _last
    if known is None or known[0] is not blob:
        known = _last = (blob, _find(blob, hits))
    return known[1]


def detect_credentials(kind: CredentialKind, blob: Blob, hits: Hits) -> Iterator[Detection]:
    """A detection for each credential of this kind in the blob."""
    return (_describe(one) for one in find_credentials(blob, hits) if one.kind is kind)


def _find(blob: Blob, hits: Hits) -> list[Credential]:
    data = blob.data
    anchors = sorted(_key_id.find_all_key_ids(blob, hits))
    ids = [one for one in anchors if one[2]]
    parts = [Part(ID, s, e, Secret(v, public=True)) for s, e, v in ids if not is_inside_signed_request(data, s, e)]
    secrets = secret_key.find_secret_keys(
        blob, hits, [(s, e, b"" if _key_id.is_wordlike(v) else v) for s, e, v in anchors]
    )
    unsure = {key.value for key in secrets} - {key.value for key in secrets if key.sure}
    parts += [Part(SECRET, key.start, key.end, Secret(key.value)) for key in secrets]
    for start, end, value in session_token.find_session_tokens(blob, hits):
        in_query = data[start - 1 : start] == b"=" or data[start - 3 : start].lower() == b"%3d"
        if not (in_query and is_inside_signed_request(data, start, end)):
            parts.append(Part(TOKEN, start, end, Secret(value)))
    groups = _join(_group(sorted(parts, key=lambda part: part.start), data))
    for group in groups:
        group.sure = group.get_value(SECRET) not in unsure
    # A bare random token near an ID that stays unpaired is not a finding.
    return [group for group in groups if group.sure or group.kind is not CredentialKind.KEY_ALONE]


def _group(parts: list[Part], data: bytes) -> list[Credential]:
    """Neighbors of different roles form a credential; a repeated role starts the next one.

    Blocks of equal length (all IDs, then all secrets) are paired column by column. A blank line or a section header
    ends the current credential.
    """
    runs: list[list[Part]] = []
    breaks: set[int] = set()
    for part in parts:
        parted = bool(runs) and _has_break(data, runs[-1][-1].end, part.start)
        if runs and runs[-1][0].role == part.role and not parted:
            runs[-1].append(part)
        else:
            runs.append([part])
        if parted:
            breaks.add(len(runs) - 1)
    groups: list[Credential] = []
    opened: list[Credential] = []
    for number, run in enumerate(runs):
        if number in breaks:
            opened = []
        if len(opened) == len(run) and all(one.get_value(run[0].role) is None for one in opened):
            for one, part in zip(opened, run, strict=True):
                one.parts.append(part)
        elif opened and opened[-1].get_value(run[0].role) is None:
            opened[-1].parts.append(run[0])
            opened = [opened[-1]] if len(run) == 1 else [Credential([part]) for part in run[1:]]
            groups += opened if len(run) > 1 else []
        else:
            opened = [Credential([part]) for part in run]
            groups += opened
    return groups


def _has_break(data: bytes, start: int, end: int) -> bool:
    gap = data[start:end] if end - start <= _GAP else data[start : start + _GAP]
    return _BREAK.search(gap) is not None


def _join(groups: list[Credential]) -> list[Credential]:
    """One credential per value: repeats become further locations, single halves are paired."""
    whole = [one for one in groups if len(one.parts) > 1]
    merged: dict[tuple[bytes | None, ...], Credential] = {}
    owner: dict[tuple[str, bytes], Credential] = {}
    for one in whole + [one for one in groups if len(one.parts) == 1]:
        key = tuple(one.get_value(role) for role in (ID, SECRET, TOKEN))
        first = one.parts[0]
        known = merged.get(key) or (owner.get((first.role, first.secret.reveal())) if len(one.parts) == 1 else None)
        if known is not None:
            known.parts += one.parts
            continue
        merged[key] = one
        for part in one.parts:
            owner.setdefault((part.role, part.secret.reveal()), one)
    result = _pair_halves(list(merged.values()))
    for one in result:
        one.parts.sort(key=lambda part: (part.role != ID, part.role == TOKEN, part.start))
        one.parts = _order_parts(one.parts)
    return sorted(result, key=lambda one: one.parts[0].start)


def _order_parts(parts: list[Part]) -> list[Part]:
    """The first location of each role, then the repeats."""
    seen: set[str] = set()
    first = [part for part in parts if not (part.role in seen or seen.add(part.role))]  # type: ignore[func-returns-value]
    return first + [part for part in parts if part not in first]


def _pair_halves(found: list[Credential]) -> list[Credential]:
    """Pairs IDs without a secret and secrets without an ID, nearest first."""
    ids = [one for one in found if one.get_value(ID) and not one.get_value(SECRET)]
    secrets = [one for one in found if one.get_value(SECRET) and not one.get_value(ID)]
    if len(ids) == len(secrets) or max(len(ids), len(secrets)) > _MANY:
        pairs = list(zip(ids, secrets, strict=False))
    else:
        pairs = [(_take_nearest(ids, half), half) for half in secrets[: len(ids)]]
    for partner, half in pairs:
        partner.parts += half.parts
    gone = {id(half) for _, half in pairs}
    tokens = [one for one in found if {part.role for part in one.parts} == {TOKEN}]
    waiting = [one for one in found if one.get_value(ID) and one.temporary and not one.get_value(TOKEN)]
    for partner, half in zip(waiting, tokens, strict=False):
        partner.parts += half.parts
        gone.add(id(half))
    return [one for one in found if id(one) not in gone]


def _take_nearest(ids: list[Credential], half: Credential) -> Credential:
    nearest = min(ids, key=lambda one: abs(one.parts[0].start - half.parts[0].start))
    ids.remove(nearest)
    return nearest


def _describe(one: Credential) -> Detection:
    attributes: dict[str, object] = {"missing": list(one.missing)}
    key_id = one.get_value(ID)
    severity = confidence = None
    words = ["temporary"] if one.temporary else []
    if key_id:
        kind = _key_id.classify_key_id(key_id)
        account = _key_id.decode_account(key_id)
        attributes |= {"access_key_id": key_id.decode(), "account": account, "kind": kind}
        words = [kind] + ([f"account {account}"] if account else [])
        severity, confidence = _grade(kind, one)
    if not one.sure:
        confidence = Confidence.LOW
    names: dict[str, str] = {ID: "access key ID", SECRET: "secret access key", TOKEN: "session token"}
    shown = [f"{names[p.role]} {p.secret.shown}" for p in _pick_firsts(one.parts)]
    message = "AWS " + ", ".join(shown) + (f" ({', '.join(words)})" if words else "")
    if one.missing:
        message += "; not found nearby: " + ", ".join(names[role] for role in one.missing)
    return Detection(message, tuple(one.parts), severity, confidence, attributes)


def _pick_firsts(parts: list[Part]) -> list[Part]:
    roles: dict[str, Part] = {}
    for part in parts:
        roles.setdefault(part.role, part)
    return list(roles.values())


def _grade(kind: str, one: Credential) -> tuple[Severity | None, Confidence | None]:
    if kind in ("canary", "example-account"):
        return Severity.LOW, None
    if one.kind is not CredentialKind.ID_ALONE:
        return None, None
    if _key_id.is_wordlike(one.get_value(ID) or b""):
        return Severity.LOW, Confidence.LOW
    if kind == "unknown-format":
        return Severity.MEDIUM, Confidence.LOW
    return (Severity.MEDIUM, None) if one.temporary else (None, None)

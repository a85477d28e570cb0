"""Builds the rules for other providers' tokens: kinds of token, each with a pattern, a form and a grade."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.heuristics.assigned_value import is_opaque
from credguard.heuristics.boundaries import COLOUR, EMPHASIS
from credguard.heuristics.expiry import format_expiry, format_rfc3339, grade_by_expiry
from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.heuristics.published_values import is_no_secret
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Detection, Part, PartRole, Severity
from credguard.model.secret import Secret
from credguard.rule import SECRET_PRACTICES, Rule
from credguard.rules.tokens import _detect_secrets

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.rule import BlobCheck, Trait

BEFORE = (
    rb"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt])|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u00[0-9A-Fa-f]{2})|(?<=%[23][0-9A-Fa-f])"
    rb"|(?<=%25[23][0-9A-Fa-f])|" + COLOUR + rb"|" + EMPHASIS + rb")"
)
"""What may come before a token: not part of a longer word, except the end of an escape, a color code or an emphasis."""
AFTER = rb"(?![A-Za-z0-9]|_[A-Za-z0-9_])"
AFTER_DASH = rb"(?![A-Za-z0-9\-]|_[A-Za-z0-9_\-])"
ENOUGH = 31
"""Characters of a class that a pattern requires: from 32 on, hyperscan finds less of what comes before them."""
_HISTORY = (
    "git filter-repo --sensitive-data-removal --replace-text expressions.txt  # only after that, in a fresh clone"
)
_BEFORE, _AHEAD = 60, 400
_MARGIN, _GAP = 4, 12
"""How far the end of an own pattern may be from a match: after a URL's password, before a named value."""
_AROUND = b" \t=:\"'"
_MOST = 2_000
"""Most findings of one kind in one file; more of them are not credentials."""


@dataclass(frozen=True, slots=True)
class Grade:
    """The severity and confidence of a value that is more than a placeholder; None means the rule's own."""

    severity: Severity | None = None
    confidence: Confidence | None = None
    note: str = ""
    attributes: Mapping[str, object] = field(default_factory=dict)
    expires: datetime | None = None


PLAIN = Grade()


def grade_opaque(value: bytes) -> Grade | None:
    """A value that no one typed: not a placeholder, not an example, not a sequence."""
    return None if is_placeholder(value) or is_no_secret(value) or _is_repetitive(value) else PLAIN


def _is_repetitive(value: bytes) -> bool:
    """A run of one character such as `xxxx`, or too few distinct characters for the length."""
    return len(value) >= 16 and (len(set(value)) < 7 or compute_entropy(value.lower()) < 2.6)


def is_generated(value: bytes) -> bool:
    """A value without readable words, as programs generate them; required for a plugin's match."""
    return is_opaque(value, 16)


@dataclass(frozen=True, slots=True)
class TokenKind:
    """One form of token: `pattern` matches its first `width` bytes, `token` all of it from there.

    Group 1, if there is one, is the value that is graded and reported; `judge` gets it. With `width` 0 the token is
    what follows the pattern, as after a name; with `back`, up to that many bytes of it come before. `lead` is a literal
    that all of its tokens begin with: kinds that share a pattern are told apart by it. What stands before a token must
    not match `unless`.
    """

    name: str
    called: str
    pattern: Pattern
    width: int
    token: re.Pattern[bytes]
    judge: Callable[[bytes], Grade | None] = grade_opaque
    back: int = 0
    lead: bytes = b""
    unless: re.Pattern[bytes] | None = None

    def find_values(self, data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
        """The locations of the values whose pattern ends at `ends`."""
        done = 0
        for end in ends[:_MOST]:
            match = self._match(data, end, done)
            if match:
                done = match.end()
                yield match.span(match.re.groups and 1)

    def _match(self, data: bytes, end: int, done: int) -> re.Match[bytes] | None:
        start = end - self.width
        if start < done or not data.startswith(self.lead, start):
            return None
        if self.unless and self.unless.search(data, max(0, start - _BEFORE), start):
            return None
        if not self.back:
            return self.token.match(data, start)
        match = self.token.search(data, max(done, start - self.back), end + _AHEAD)
        return match if match and match.start() <= start and match.end() >= end else None


def make_kind(
    name: str,
    called: str,
    prefix: bytes,
    least: tuple[bytes, int],
    rest: bytes = b"",
    after: bytes = AFTER,
    judge: Callable[[bytes], Grade | None] = grade_opaque,
) -> TokenKind:
    """A kind whose tokens begin with `prefix` (of fixed width), continue with a number of characters of a class, then
    `rest`."""
    characters, count = least
    seen = min(count, ENOUGH)
    return TokenKind(
        name,
        called,
        Pattern(f"token-{name}", prefix + characters + b"{%d}" % seen),
        compute_width(prefix) + seen,
        compile_lazily(BEFORE + prefix + characters + b"{%d}" % count + rest + after),
        judge,
    )


_CLASS = compile_lazily(rb"(?:\[[^\]]+\]|\\.|[^\[\\])(?:\{(\d+)\})?")


def compute_width(prefix: bytes) -> int:
    """How many bytes a pattern of literals and classes matches."""
    return sum(int(count or 1) for count in _CLASS.findall(prefix))


def find_tokens(blob: Blob, hits: Hits, kinds: Sequence[TokenKind]) -> Iterator[tuple[TokenKind, int, int]]:
    """Every match of every kind, without those inside another one."""
    places = [
        (start, -end, one) for one in kinds for start, end in one.find_values(blob.data, hits.get(one.pattern.name, ()))
    ]
    done = 0
    for start, minus, one in sorted(places, key=lambda place: place[:2]):
        if start >= done:
            done = -minus
            yield one, start, done


def build_token_detection(
    one: TokenKind, data: bytes, start: int, end: int, grade: Grade, severity: Severity
) -> Detection:
    """The detection of a value at its location."""
    part = Part(PartRole.TOKEN, start, end, Secret(data[start:end]))
    attributes = {"kind": one.name, **grade.attributes}
    message = f"{one.called} {part.secret.shown}"
    if grade.expires:
        attributes["expires"] = format_rfc3339(grade.expires)
        message += f", {format_expiry(grade.expires)}"
    message += f" ({grade.note})" if grade.note else ""
    worth = grade_by_expiry(grade.expires, severity if grade.severity is None else grade.severity)
    return Detection(message, (part,), worth, grade.confidence, attributes)


def detect_tokens(blob: Blob, hits: Hits, kinds: Sequence[TokenKind], severity: Severity) -> Iterator[Detection]:
    """All detections of these kinds in a blob."""
    for one, start, end in find_tokens(blob, hits, kinds):
        grade = one.judge(blob.data[start:end])
        if grade:
            yield build_token_detection(one, blob.data, start, end, grade, severity)


def _find_plugin_places(
    rule_id: str, blob: Blob, hits: Hits, own: Sequence[Pattern], judge: Callable[[bytes], object]
) -> Iterator[tuple[int, int]]:
    """Matches of a plugin where no pattern of the rule itself matched, because there the rule has already decided."""
    if not any(pattern.name in hits for pattern in _detect_secrets.list_plugin_patterns(rule_id)):
        return
    judged = sorted(offset for pattern in own for offset in hits.get(pattern.name, ()))
    data, done = blob.data, 0

    def is_wanted(left: int, right: int) -> object:
        place = _trim_value(data, left, right, judged)
        return place and judge(data[slice(*place)])

    for left, right in sorted(_detect_secrets.find_plugin_values(rule_id, data, hits, is_wanted)):
        place = _trim_value(data, left, right, judged)
        if place and place[0] >= done:
            done = place[1]
            if judge(data[slice(*place)]):
                yield place


def _trim_value(data: bytes, left: int, right: int, judged: Sequence[int]) -> tuple[int, int] | None:
    """Only the value of a plugin's match, unless it is part of a word or the rule has already graded it."""
    value = data[left:right]
    start = right - len(value.lstrip(_AROUND))
    end = left + len(value.rstrip(_AROUND))
    at = bisect_right(judged, start - _GAP)
    told = at < len(judged) and judged[at] <= end + _MARGIN
    return None if told or data[max(0, start - 1) : start].isalnum() else (start, end)


def _build_plugin_detection(called: str, data: bytes, start: int, end: int) -> Detection:
    part = Part(PartRole.TOKEN, start, end, Secret(data[start:end]))
    message = f"what looks like {called} {part.secret.shown}"
    return Detection(message, (part,), Severity.MEDIUM, Confidence.LOW, {"kind": "detect-secrets"})


def build_token_rule(
    number: int,
    name: str,
    summary: str,
    kinds: Sequence[TokenKind],
    *,
    revoke: str,
    references: tuple[str, ...],
    severity: Severity = Severity.HIGH,
    confidence: Confidence = Confidence.HIGH,
    more: tuple[Pattern, ...] = (),
    also: BlobCheck | None = None,
    judge: Callable[[bytes], object] = is_generated,
    traits: frozenset[Trait] = frozenset(),
    yields_to: tuple[str, ...] = (),
) -> Rule:
    """The rule that detects these kinds; `revoke` says where a leaked one is revoked. `also` is an additional check
    with `more` patterns, for credentials of several values. Matches of plugins only are graded by `judge`."""
    number_of = f"CG{number}"
    own = (*{one.pattern.name: one.pattern for one in kinds}.values(), *more)
    called = summary[:1].lower() + summary[1:]

    def check(blob: Blob, hits: Hits) -> Iterator[Detection]:
        yield from detect_tokens(blob, hits, kinds, severity)
        if also:
            yield from also(blob, hits)
        for start, end in _find_plugin_places(number_of, blob, hits, own, judge):
            yield _build_plugin_detection(called, blob.data, start, end)

    return Rule(
        id=number_of,
        name=name,
        severity=severity,
        confidence=confidence,
        summary=summary,
        hint=f"revoke it: {revoke}",
        practices=SECRET_PRACTICES,
        traits=traits,
        patterns=(*own, *_detect_secrets.list_plugin_patterns(number_of)),
        check_blob=check,
        remediation=(
            f"revoke it first: {revoke}",
            "check the provider's audit log for how it was used",
            "issue a new one with minimal permissions, and keep it in a secrets store or the CI's own store",
            _HISTORY,
        ),
        references=references,
        yields_to=yields_to,
    )

"""Converts a policy's custom rules to Rules: hyperscan finds the end of a match, an automaton its captured value."""

from __future__ import annotations

from collections import Counter
from functools import cached_property, lru_cache
from hashlib import blake2b
from math import log2
from typing import TYPE_CHECKING

import hyperscan

from credguard.matching.database import Matcher
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Detection, Part
from credguard.model.secret import Secret
from credguard.policy.custom_rules.automaton import MatchBudget, build_automaton
from credguard.policy.custom_rules.dialect import DialectError, translate_to_python
from credguard.policy.custom_rules.syntax_tree import PatternError, parse_pattern
from credguard.rule import SECRET_PRACTICES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.policy.custom_rules.automaton import Automaton, CapturedMatch
    from credguard.policy.custom_rules.spec import CustomRule

_STEPS = 1_000_000
"""Steps for one rule and blob, about a second; the rest is reported as one finding."""
_MOST = 2_000
"""The most values of one rule that are reported for one blob."""


def build_expression(pattern: str) -> bytes:
    """The pattern for a database whose dot matches line ends, which a custom rule's does not."""
    return b"(?-s)" + pattern.encode("ascii", "replace")


def read(pattern: str, capture: str = "") -> Automaton:
    """The automaton of a pattern in hyperscan's syntax; raises PatternError with the reason if there is none."""
    try:
        return build_automaton(translate_to_python(pattern), capture)
    except DialectError as error:
        raise PatternError(str(error)) from None


def find_pattern_problem(pattern: str, capture: str = "") -> str:
    """Why the pattern's value cannot be located, "" if it can."""
    try:
        parse_pattern(translate_to_python(pattern), capture)
    except (DialectError, PatternError) as error:
        return str(error)
    return ""


def find_rule_values(spec: CustomRule, text: bytes) -> list[bytes]:
    """The values that the rule finds in a text."""
    check = CustomRuleChecker(spec, _Search((spec.pattern,)), 0)
    if not any(word.lower().encode() in text.lower() for word in spec.keywords):
        return []
    return [value for value in check.extract_values(text) if value and check.is_reportable(value)]


def find_uncompilable(patterns: Sequence[str]) -> tuple[int, str] | None:
    """The number of the first pattern that hyperscan cannot compile, and why; None if it compiles all."""
    try:
        _build_matcher(tuple(patterns))
        return None
    except hyperscan.error:
        reasons = ((number, _explain_failure(pattern)) for number, pattern in enumerate(patterns))
        together = (0, "it is too large together with the others")
        return next((one for one in reasons if one[1]), together)


def _explain_failure(pattern: str) -> str:
    """Why hyperscan cannot compile a pattern, "" if it can."""
    try:
        Matcher([Pattern("one", build_expression(pattern))], cache=False)
        return ""
    except hyperscan.error as error:
        return str(error).partition(";")[0].rstrip(".")


@lru_cache(maxsize=8)
def _build_matcher(patterns: tuple[str, ...]) -> Matcher:
    # Not cached: a pattern is a policy's text, and may contain the secret it detects.
    return Matcher([Pattern(f"{number:06}", build_expression(one)) for number, one in enumerate(patterns)], cache=False)


class _Search:
    """The ends of a policy's patterns in a blob; the rules query the same blob one after the other."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns
        self._last: tuple[bytes, Mapping[str, Sequence[int]]] = (b"", {})

    def find_ends(self, data: bytes, number: int) -> Sequence[int]:
        """The ascending ends of one pattern's matches."""
        if self._last[0] is not data:
            self._last = (data, _build_matcher(self._patterns).find_hits(data))
        return self._last[1].get(f"{number:06}", ())


class CustomRuleChecker:
    """Checks blobs for one custom rule."""

    def __init__(self, spec: CustomRule, search: _Search, number: int) -> None:
        self._spec, self._search, self._number = spec, search, number

    @cached_property
    def _automaton(self) -> Automaton:
        return read(self._spec.pattern, self._spec.capture)

    @cached_property
    def _exceptions(self) -> list[Automaton]:
        return [read(pattern) for pattern in self._spec.excepted]

    def __call__(self, blob: Blob, hits: Hits) -> Iterator[Detection]:  # noqa: ARG002 - a keyword's hit is enough
        """The rule's detections in a blob."""
        data, budget, told = blob.data, MatchBudget(_STEPS), 0
        for found in self._iter_matches(data, budget):
            value = data[slice(*found.value)]
            if value and self.is_reportable(value):
                told += 1
                part = Part("value", *found.value, Secret(value))
                yield Detection(f"{self._spec.name} {part.secret.shown}", (part,), attributes={"custom": True})
            if told == _MOST:
                break
        if budget.left <= 0 or told == _MOST:
            message = f"more values look like {self._spec.name} than are reported individually: check the file"
            yield Detection(message, path=blob.path, identity=(b"more", blob.path.encode("utf-8", "surrogateescape")))

    def extract_values(self, text: bytes) -> list[bytes]:
        """Every value in a short text, reportable or not; without hyperscan."""
        budget, values, position = MatchBudget(_STEPS), [], 0
        while position <= len(text) and (found := self._automaton.search(text, position, len(text), budget)):
            values.append(text[slice(*found.value)])
            position = max(found.end, found.start + 1)
        return values

    def _iter_matches(self, data: bytes, budget: MatchBudget) -> Iterator[CapturedMatch]:
        """The matches from left to right, without overlaps."""
        done = 0
        for end in self._search.find_ends(data, self._number):
            if end > done and budget.left > 0:
                found = self._automaton.search(data, max(done, end - self._automaton.longest), end, budget)
                if found:
                    done = max(found.end, found.start + 1)
                    yield found

    def is_reportable(self, value: bytes) -> bool:
        """True for a value that is random enough and not excepted."""
        low = value.lower()
        return (
            value not in self._spec.examples
            and (not self._spec.entropy or _compute_entropy(value) >= self._spec.entropy)
            and not any(word.encode() in low for word in self._spec.stop_words)
            and not any(one.search(value, 0, len(value), MatchBudget(_STEPS)) for one in self._exceptions)
        )


def _compute_entropy(value: bytes) -> float:
    """Shannon entropy in bits per byte."""
    size = len(value)
    return -sum(count / size * log2(count / size) for count in Counter(value).values())


@lru_cache(maxsize=16)
def compile_custom_rules(specs: tuple[CustomRule, ...]) -> tuple[Rule, ...]:
    """The Rules of a policy's custom rules."""
    patterns = tuple(dict.fromkeys(spec.pattern for spec in specs))
    search = _Search(patterns)
    return tuple(_make_rule(spec, CustomRuleChecker(spec, search, patterns.index(spec.pattern))) for spec in specs)


def _make_rule(spec: CustomRule, check: CustomRuleChecker) -> Rule:
    return Rule(
        id=spec.id,
        name=spec.name,
        severity=spec.severity,
        summary=spec.summary,
        hint="revoke it where it was issued; keep the new one in a secrets store",
        practices=SECRET_PRACTICES,
        confidence=Confidence.MEDIUM,
        patterns=(_build_keyword_pattern(spec),),
        check_blob=check,
        page=_format_page(spec),
    )


def _build_keyword_pattern(spec: CustomRule) -> Pattern:
    """Matches if a blob may contain something for the rule: one of its keywords, in any case."""
    words = sorted({word.lower() for word in spec.keywords})
    alternatives = b"|".join(_escape_word(word.encode()) for word in words)
    return Pattern(f"custom-{blake2b(alternatives, digest_size=8).hexdigest()}", alternatives, caseless=True)


def _escape_word(word: bytes) -> bytes:
    return b"".join(bytes((byte,)) if byte < 128 and chr(byte).isalnum() else b"\\x%02x" % byte for byte in word)


def _format_page(spec: CustomRule) -> str:
    lines = [f"{spec.summary}", "", "What it does"]
    lines += [f"    Searches for `{spec.pattern}` in files that contain {', '.join(spec.keywords)}."]
    if spec.entropy:
        lines += [f"    Reports values with at least {spec.entropy:g} bits per character."]
    if spec.paths:
        lines += [f"    Applies only to {', '.join(spec.paths)}."]
    return "\n".join([*lines, "", "Where it comes from", f"    {spec.source[0]}:{spec.source[1]}"])

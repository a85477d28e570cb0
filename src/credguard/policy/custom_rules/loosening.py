"""Whether a change makes a policy's custom rules find less than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.policy.custom_rules.spec import CustomRule


def find_loosened_rules(before: Sequence[CustomRule], after: Sequence[CustomRule]) -> Iterator[tuple[str, str]]:
    """ID and description of each rule that finds less after the change than before it, or may."""
    left = {rule.id: rule for rule in after}
    for old in before:
        new = left.get(old.id)
        if new is None:
            yield old.id, f"removes the custom rule {old.id}"
        else:
            yield from ((old.id, f"{what} of the custom rule {old.id}") for what in _compare_rules(old, new))


def _compare_rules(old: CustomRule, new: CustomRule) -> Iterator[str]:
    if (new.pattern, new.capture) != (old.pattern, old.capture):
        yield "changes the pattern"
    if not _normalize_words(old.keywords) <= _normalize_words(new.keywords):
        yield "removes a keyword"
    if new.severity < old.severity:
        yield f"lowers the severity (from {old.severity.label} to {new.severity.label})"
    if new.entropy > old.entropy:
        yield f"raises the entropy (from {old.entropy:g} to {new.entropy:g})"
    if new.paths != old.paths and new.paths:
        yield "changes the paths"
    if not set(new.excepted) <= set(old.excepted) or not _normalize_words(new.stop_words) <= _normalize_words(
        old.stop_words
    ):
        yield "adds an exception"
    if not set(new.examples) <= set(old.examples):
        yield "adds an example"


def _normalize_words(words: Sequence[str]) -> set[str]:
    return {word.lower() for word in words}

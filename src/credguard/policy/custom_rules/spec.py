"""A custom rule as the policy defines it."""

from __future__ import annotations

from dataclasses import dataclass, field

from credguard.model.findings import Severity


@dataclass(frozen=True, slots=True)
class CustomRule:
    """A validated custom rule of a policy.

    A value of `capture` (a group's number or name, "" for the first group or the whole) is searched with `pattern` in
    blobs that contain one of `keywords`, at `paths` if there are any. It is reported with at least `entropy` bits per
    character, unless one of the `excepted` patterns matches it, it contains one of `stop_words`, or it is one of the
    policy's own `examples`.
    """

    id: str
    name: str
    summary: str
    keywords: tuple[str, ...]
    pattern: str
    severity: Severity = Severity.HIGH
    capture: str = ""
    entropy: float = 0.0
    paths: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    stop_words: tuple[str, ...] = ()
    examples: tuple[bytes, ...] = field(default=(), repr=False)
    source: tuple[str, int] = field(default=("", 1), compare=False)

"""A custom rule as the policy states it."""

from __future__ import annotations

from dataclasses import dataclass, field

from credguard.model.findings import Severity


@dataclass(frozen=True, slots=True)
class CustomRule:
    """What a policy says of a rule of its own, checked already.

    A value of `capture` (a group's number or name, "" for the first group or the whole) is looked for with
    `pattern` in blobs that hold one of `keywords`, at `paths` where there are any. It counts with at least
    `entropy` bits a character, unless one of the `excepted` patterns matches it, it holds one of `stop_words`, or
    it is one of the policy's own `examples`.
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

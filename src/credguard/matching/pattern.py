"""A pattern of the database, and its hits in a blob."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Hits = Mapping[str, Sequence[int]]

REACH = 1 << 9
"""No pattern's match is longer (ensured by tests), except for one unbounded repetition of characters other than line
breaks."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Locates candidates: hyperscan syntax, reported by the offset where a match ends.

    It only locates: literals or keyword-led, never a bare character class, so that the database stays fast. `caseless`
    ignores ASCII case; `.` and classes match newlines. `is_worth(data, end)` returns False if the match at `end` cannot
    lead to a finding. It reads at most REACH bytes on either side, so that the result is the same wherever the same
    bytes occur.
    """

    name: str
    expression: bytes
    caseless: bool = False
    multiline: bool = False
    is_worth: Callable[[bytes, int], bool] | None = field(default=None, repr=False)

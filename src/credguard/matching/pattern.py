"""What the pattern database looks for, and what it says of a blob."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Hits = Mapping[str, Sequence[int]]

REACH = 1 << 9
"""No pattern's match is longer (tests see to it), but for one repetition without end of characters that
are no line break."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A candidate maker: hyperscan syntax, reported by the offset where a match ends.

    It only says "look here": literals or keyword-led, never a bare character class, so that
    the database keeps its speed. `caseless` ignores ASCII case; `.` and classes match newlines.
    `is_worth(data, end)` may say of a match's end that nothing can come of it there. It looks at REACH bytes on
    either side at most, so that its word holds wherever the same bytes stand.
    """

    name: str
    expression: bytes
    caseless: bool = False
    multiline: bool = False
    is_worth: Callable[[bytes, int], bool] | None = field(default=None, repr=False)

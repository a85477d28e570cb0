"""Words that stand in reports, as an enumeration."""

from __future__ import annotations

from enum import Enum


class TextEnum(str, Enum):
    """A closed set of words; each is its own text in JSON, in CSV and in messages, as with `StrEnum` of Python 3.11."""

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

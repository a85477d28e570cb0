"""What an account is asked about, and what it did not answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credguard.aws.live.client import CallError

ROOT, SHARING, PERMISSIONS, ROTATION, MFA, TRAILS, UNUSED, LEAKED = (
    "P04", "P05", "P06", "P07", "P08", "P09", "P11", "P19",
)  # fmt: skip
ACCOUNT_PRACTICES = (ROOT, SHARING, PERMISSIONS, ROTATION, MFA, TRAILS, UNUSED, LEAKED)
"""The practices that an account answers."""
OF_REPORT = (ROOT, SHARING, ROTATION, MFA, UNUSED)
"""Those that need its credential report."""


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing of an answer, and the practices (IDs) that it leaves open. With a `place` something was asked and
    not answered, which makes the run incomplete."""

    practices: tuple[str, ...]
    reason: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What the standing of these practices says of a pass as well."""

    practices: tuple[str, ...]
    text: str


def make_gap(practices: tuple[str, ...], failure: CallError, place: str, more: str = "") -> Gap:
    """The gap that a failed call leaves."""
    return Gap(practices, failure.text + (f"; {more}" if more else ""), place)

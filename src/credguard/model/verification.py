"""What its issuer says of a credential: the states, and the answer as a finding has it."""

from __future__ import annotations

from dataclasses import dataclass

LIVE, GONE, WRONG, EXPIRED, UNKNOWN, CANARY, NOT_ASKED = (
    "live", "inactive-or-unknown", "secret-wrong", "expired", "unknown", "canary", "not-asked",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verification:
    """What the issuer said: the status, and why where that needs a word. Of AWS's keys, `arn`, `account` and
    `partition`, and `last_used` from before it was asked; of others' tokens, whose it is (`owner`) and what it may do
    (`rights`), as their service says it."""

    status: str
    reason: str = ""
    checked_at: str = ""
    arn: str = ""
    account: str = ""
    partition: str = ""
    last_used: str = ""
    owner: str = ""
    rights: str = ""

    def build_attributes(self) -> dict[str, object]:
        """The attribute of a finding: what is known of it."""
        return {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)}

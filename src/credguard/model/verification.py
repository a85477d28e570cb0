"""What its issuer says of a credential: the states, and the answer as a finding has it."""

from __future__ import annotations

from dataclasses import dataclass

from credguard.model.text_enum import TextEnum


class VerificationStatus(TextEnum):
    """What is known of a credential after its issuer was asked, or why it was not."""

    LIVE = "live"
    GONE = "inactive-or-unknown"
    WRONG = "secret-wrong"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    CANARY = "canary"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class Verification:
    """What the issuer said: the status, and why where that needs a word. Of AWS's keys, `arn`, `account` and
    `partition`, and `last_used` from before it was asked; of others' tokens, whose it is (`owner`) and what it may do
    (`rights`), as their service says it."""

    status: VerificationStatus
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

"""Secret values: the only code that holds one, and that decides how much of it may be shown."""

from __future__ import annotations

import hmac
from hashlib import blake2b

SHOWN_CHARACTERS = 4
_FINGERPRINT_KEY = b"credguard fingerprint v1"


class Secret:
    """A credential value, redacted the moment it is built.

    `value` is the raw bytes as found. A `public` value (an access key ID, an account) may be
    shown whole; of any other only the first four characters ever appear. Neither `repr`, `str`,
    formatting, pickling nor an exception can reveal the rest.
    """

    __slots__ = ("_value", "public", "shown")

    def __init__(self, value: bytes, *, public: bool = False) -> None:
        self._value = value
        self.public = public
        text = value.decode("ascii", "replace")
        self.shown = text if public else text[:SHOWN_CHARACTERS] + "****"

    def reveal(self) -> bytes:
        """The raw value, for comparing and decoding; it must not reach any output."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.shown})"

    __str__ = __repr__

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret cannot be stored")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)


def compute_fingerprint(rule_id: str, values: tuple[bytes, ...]) -> str:
    """The identity of a finding: 32 hex digits of keyed BLAKE2b over the rule and its values.

    It depends on neither path, line nor redaction, so it survives edits and renames, and the
    values cannot be read back from it.
    """
    digest = blake2b(rule_id.encode(), digest_size=16, key=_FINGERPRINT_KEY)
    for value in values:
        digest.update(len(value).to_bytes(8, "big"))
        digest.update(value)
    return digest.hexdigest()

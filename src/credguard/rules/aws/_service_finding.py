"""Builds the detection of a service credential: its kind, its parts and its expiry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.expiry import format_expiry, format_rfc3339, grade_by_expiry
from credguard.model.findings import Confidence, Detection, Part, Severity
from credguard.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

NO_ATTRIBUTES: Mapping[str, object] = {}


def make_secret_part(role: str, data: bytes, start: int, end: int) -> Part:
    """A part whose value is data[start:end], to be redacted."""
    return Part(role, start, end, Secret(data[start:end]))


def build_service_detection(
    kind: str,
    called: str,
    parts: Sequence[Part],
    attributes: Mapping[str, object] = NO_ATTRIBUTES,
    *,
    expires: datetime | None = None,
    alive: Severity = Severity.HIGH,
    confidence: Confidence = Confidence.HIGH,
) -> Detection:
    """The detection of a credential whose first part is its secret; low severity once `expires` has passed."""
    told = {"kind": kind, **{name: value for name, value in attributes.items() if value is not None}}
    message = f"{called} {parts[0].secret.shown}"
    if account := told.get("account"):
        message += f", account {account}"
    if expires:
        told["expires"] = format_rfc3339(expires)
        message += f", {format_expiry(expires)}"
    return Detection(message, tuple(parts), grade_by_expiry(expires, alive), confidence, told)

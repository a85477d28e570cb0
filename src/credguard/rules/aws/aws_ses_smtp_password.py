"""An Amazon SES SMTP password: base64 of 44 characters, derived from an IAM user's secret access key.

What it does
    Finds values in the format that SES uses (a version byte and 32 bytes, so `B…` or, before 2019, `A…`) that are
    assigned to the name of a mail password, or are close to their user name, an access key ID, or to the host
    `email-smtp.REGION.amazonaws.com`. The access key ID is part of the finding. Digests of the same length are not
    reported.

Why it matters
    Anyone with both can send mail as the domain until the key is deactivated: spam and phishing that pass SPF and DKIM,
    at the account's expense and reputation. The underlying IAM key can be used for the API as well.

How to fix
    Deactivate the IAM user's access key; this also disables the SMTP password. Let applications call the SES API with a
    role. If SMTP is needed, read the password from a secrets store at run time.

References
    Amazon SES Developer Guide, "Obtaining Amazon SES SMTP credentials" (the algorithm and the regions).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from heapq import merge
from typing import TYPE_CHECKING

from credguard.aws.key_id import ID_LENGTH, KEY_ID, classify_key_id, decode_account, find_key_ids
from credguard.heuristics import labels
from credguard.heuristics.boundaries import LEFT, PAD, RIGHT, UNIT, decode_base64, unescape_base64
from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Detection, Part, PartRole, Severity
from credguard.model.secret import Secret
from credguard.rule import SECRET_PRACTICES, Rule, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

    Place = tuple[int, int, bytes]

_NAMED = Pattern(
    "mail-password-name", rb"(?:smtp|mail|pass).{0,80}[^A-Za-z0-9][ABQ][A-Za-z0-9+/%\\]{42}", caseless=True
)
_HOST = Pattern("ses-smtp-host", rb"email-smtp[.\-]")

_PASSWORD = compile_lazily(LEFT + rb"(?:B[A-P]|A[g-v])" + UNIT + rb"{42}" + RIGHT)
# The same encoded once more in base64, with or without a newline, as Kubernetes stores it.
_ENCODED = compile_lazily(LEFT + rb"Q[WUk][A-Za-z0-9+/]{57}" + PAD + rb"?[A-Za-z0-9+/]?" + RIGHT)
_SHAPE = compile_lazily(rb"(?:B[A-P]|A[g-v])[A-Za-z0-9+/]{42}")
_REGION = compile_lazily(rb"email-smtp(?:-fips)?\.([a-z]{2}(?:-[a-z]{2,4})?-[a-z]{4,9}-\d)\.amazonaws")

_NEAR, _MAIL_NEAR = 300, 600
_MAIL = compile_lazily(rb"smtp|mail|sendmail|postfix|^ses|sasl")
_SECRET_WORD = compile_lazily(rb"pass|pwd|secret|credential|auth|token|key$")
_DIGEST = compile_lazily(rb"hash|sha\d|digest|checksum|integrity|etag|fingerprint|signature|nonce|salt")
_MAIL_CONTEXT = compile_lazily(rb"smtp|mail|sendmail|postfix|(?<![a-z])ses(?![a-z])|amazonses", re.IGNORECASE)
_MIN_ENTROPY = 4.1


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    data, ids = blob.data, None
    hosts = hits.get(_HOST.name, ())
    for start, end, value in _find_candidates(data, hits):
        if ids is None:
            ids = [place for place in find_key_ids(blob, hits) if place[1] - place[0] == ID_LENGTH]
        user = _find_nearest(ids, start, end)
        at_host = bisect_left(hosts, start - _MAIL_NEAR) != bisect_right(hosts, start + _MAIL_NEAR)
        confidence = _rate_confidence(data, start, user, at_host=at_host)
        if confidence:
            yield _describe(Part("ses_smtp_password", start, end, Secret(value)), user, data, confidence)


def _find_nearest(ids: list[Place], start: int, end: int) -> Place | None:
    """The access key ID closest to data[start:end], if it is close enough to be its user name."""
    at = bisect_left(ids, (start, end, b""))
    near = [place for place in ids[max(0, at - 1) : at + 1] if _compute_distance(place, start, end) <= _MAIL_NEAR]
    return min(near, key=lambda place: _compute_distance(place, start, end), default=None)


def _find_candidates(data: bytes, hits: Hits) -> Iterator[Place]:
    """Every value of this format near a hit, once: start, end and decoded value."""
    for low, high in _merge_areas(hits):
        done = 0
        for start, end, value in _find_shaped(data, max(low, 0), high):
            if start >= done and _is_random(value):
                done = end
                yield start, end, value


def _merge_areas(hits: Hits) -> Iterator[tuple[int, int]]:
    """The areas around the hits, with overlapping ones merged."""
    areas = merge(
        ((end - 60, end + 120) for end in hits.get(_NAMED.name, ())),
        ((end - _NEAR, end + _NEAR) for end in hits.get(KEY_ID.name, ())),
        ((end - _MAIL_NEAR, end + _MAIL_NEAR) for end in hits.get(_HOST.name, ())),
    )  # ascending and not stored: a hostile file has millions
    joined: tuple[int, int] | None = None
    for low, high in areas:
        if joined and low <= joined[1]:
            joined = joined[0], max(joined[1], high)
            continue
        if joined:
            yield joined
        joined = low, high
    if joined:
        yield joined


def _find_shaped(data: bytes, low: int, high: int) -> Iterator[Place]:
    for match in _PASSWORD.finditer(data, low, high):
        yield *match.span(), unescape_base64(match[0])
    for match in _ENCODED.finditer(data, low, high):
        value = decode_base64(match[0]).rstrip(b"\r\n")
        if _SHAPE.fullmatch(value):
            yield *match.span(), value


def _is_random(value: bytes) -> bool:
    mixed = any(48 <= c <= 57 for c in value) and value.upper() != value and value.lower() != value
    if not mixed or compute_entropy(value) < _MIN_ENTROPY or is_placeholder(value):
        return False
    return decode_base64(value)[:1] in (b"\x02", b"\x04")


def _compute_distance(place: Place, start: int, end: int) -> int:
    return max(place[0] - end, start - place[1])


def _rate_confidence(data: bytes, start: int, user: Place | None, *, at_host: bool) -> Confidence | None:
    """How likely it is a mail password; None if its name contradicts that or nothing supports it."""
    label = labels.label_before(data, start)
    if label == labels.KEY_ID_LABEL:
        return Confidence.HIGH
    if _DIGEST.search(label) or not _SECRET_WORD.search(label):
        return None
    mail = _MAIL.search(label) is not None
    if at_host or (user and (mail or _is_mail_near(data, start))):
        return Confidence.HIGH
    return Confidence.MEDIUM if mail else None


def _is_mail_near(data: bytes, start: int) -> bool:
    return _MAIL_CONTEXT.search(data, max(0, start - _MAIL_NEAR), start + _MAIL_NEAR) is not None


def _describe(part: Part, user: Place | None, data: bytes, confidence: Confidence) -> Detection:
    attributes: dict[str, object] = {}
    region = _REGION.search(data, max(0, part.start - _MAIL_NEAR), part.end + _MAIL_NEAR)
    if region:
        attributes["region"] = region[1].decode()
    message = f"Amazon SES SMTP password {part.secret.shown}"
    parts: tuple[Part, ...] = (part,)
    if user:
        start, end, key_id = user
        parts = (part, Part(PartRole.ACCESS_KEY_ID, start, end, Secret(key_id, public=True)))
        attributes |= {
            "access_key_id": key_id.decode(),
            "account": decode_account(key_id),
            "kind": classify_key_id(key_id),
        }
        message += f" of access key {key_id.decode()}"
    severity = Severity.LOW if attributes.get("kind") == "canary" else None
    return Detection(message, parts, severity, confidence, attributes)


RULE = Rule(
    id="CG107",
    name="aws-ses-smtp-password",
    severity=Severity.HIGH,
    summary="An Amazon SES SMTP password, derived from an IAM user's secret key",
    hint="deactivate the IAM user's access key; send through the API with a role",
    practices=SECRET_PRACTICES,
    traits=frozenset((Trait.LONG_LIVED, Trait.OF_ACCOUNT)),
    patterns=(_NAMED, _HOST, KEY_ID),
    check_blob=_check,
    remediation=(
        "aws iam get-access-key-last-used --access-key-id AKID  # the SMTP user name is the key ID; shows the IAM user",
        "aws iam update-access-key --user-name USER --access-key-id AKID --status Inactive  # first: disables SMTP too",
        "aws ses get-send-statistics --region REGION  # what was sent with it",
        "create new SMTP credentials, or better a role with ses:SendRawEmail, then delete the old key",
    ),
    references=("https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",),
)

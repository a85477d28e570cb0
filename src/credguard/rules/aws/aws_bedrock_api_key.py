"""An Amazon Bedrock API key or another AWS bearer token: one string that authenticates without a signature.

What it does
    Finds long-term keys (`ABSK…`, whose decoded body contains a user and an account), short-term keys
    (`bedrock-api-key-…`, a pre-signed URL that contains its expiry) and values of AWS_BEARER_TOKEN_… variables. Keys in
    base64, as Kubernetes stores them, are found too. Expired short-term keys are low.

Why it matters
    Anyone with the string can call the models from anywhere, at the account's expense. A long-term key belongs to an
    IAM user created for it and is valid until its expiry date, which may be never.

How to fix
    Deactivate or delete the service-specific credential of the IAM user. A short-term key expires with the session that
    signed it. Let applications sign requests with a role, or use short-term keys created at run time where that is not
    possible.

References
    Amazon Bedrock User Guide, "Generate Amazon Bedrock API keys" and "Handle compromised API keys"; IAM API Reference,
    CreateServiceSpecificCredential.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.key_id import decode_account
from credguard.aws.signed_request import find_embedded_request
from credguard.heuristics.assigned_value import find_assigned_value, is_opaque
from credguard.heuristics.boundaries import LEFT, PAD, RIGHT, UNIT, decode_base64, unescape_base64
from credguard.heuristics.expiry import format_expiry, format_rfc3339, grade_by_expiry
from credguard.heuristics.placeholders import compute_entropy, is_example, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Detection, Part, Severity
from credguard.model.secret import Secret
from credguard.rule import SECRET_PRACTICES, Rule, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_LONG = Pattern("bedrock-long-term-key", rb"ABSK[A-Za-z0-9+/]{32}")
_SHORT = Pattern("bedrock-short-term-key", rb"-api-key-[A-Za-z0-9+/]{32}")
# "ABSK" and "bedrock-api-key-" in base64.
_ENCODED_LONG = Pattern("bedrock-long-term-key-base64", rb"QUJTS[A-Za-z0-9+/]{40}")
_ENCODED_SHORT = Pattern("bedrock-short-term-key-base64", rb"YmVkcm9jay1hcGkta2V5L[A-Za-z0-9+/]{24}")
_NAMED = Pattern("aws-bearer-token-name", rb"AWS_BEARER_TOKEN_[A-Z]", caseless=True)

_LONG_KEY = compile_lazily(LEFT + rb"ABSK" + UNIT + rb"{32,800}" + PAD + rb"{0,2}" + RIGHT)
_SHORT_KEY = compile_lazily(rb"((?:[a-z0-9]{2,24}-){1,6}api-key-)([A-Za-z0-9+/]{32,12000})={0,2}")
_SHORT_BODY = compile_lazily(rb"[A-Za-z0-9+/]{32,12000}={0,2}")
_SHORT_LEAD = compile_lazily(rb"(?:[a-z0-9]{2,24}-){1,6}api-key-\Z")
_RUN = compile_lazily(rb"[A-Za-z0-9+/]{40,16000}={0,2}")
_BODY = compile_lazily(rb"([A-Za-z0-9+=,.@_\-]{1,64})-at-(\d{12}):(.{8,300})", re.DOTALL)
_NAME_REST = compile_lazily(rb"[A-Za-z0-9_]{0,40}")
_PREFIX_ROOM = 150
_OPAQUE_BODY, _OPAQUE_ENTROPY = 100, 4.5


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    data = blob.data
    done = 0
    found = [*_find_plain_keys(data, hits), *_find_encoded_keys(data, hits), *_find_named_tokens(data, hits)]
    for detection in sorted(found, key=lambda one: (one.parts[0].start, -one.parts[0].end)):
        if detection.parts[0].start >= done:
            done = detection.parts[0].end
            yield detection


def _find_plain_keys(data: bytes, hits: Hits) -> Iterator[Detection]:
    done = 0
    for end in hits.get(_LONG.name, ()):
        match = _LONG_KEY.match(data, end - 36) if end > done else None
        if match:
            done = match.end()
            yield from _check_long_term(match[0], match.start(), match.end())
    done = 0
    for end in hits.get(_SHORT.name, ()):
        body = _SHORT_BODY.match(data, end - 32) if end > done else None
        lead = _SHORT_LEAD.search(data, max(0, end - _PREFIX_ROOM), end - 32) if body else None
        if body and lead:
            done = body.end()
            yield from _check_short_term(data[lead.start() : done], lead.start(), done)


def _find_encoded_keys(data: bytes, hits: Hits) -> Iterator[Detection]:
    """Keys encoded once more in base64, as in a Kubernetes Secret."""
    for pattern, shape, describe in (
        (_ENCODED_LONG, _LONG_KEY, _check_long_term),
        (_ENCODED_SHORT, _SHORT_KEY, _check_short_term),
    ):
        done = 0
        for end in hits.get(pattern.name, ()):
            match = _RUN.match(data, end - 45) if end > done else None
            done = match.end() if match else done
            value = decode_base64(match[0]).strip() if match else b""
            if match and shape.fullmatch(value):
                yield from describe(value, *match.span())


def _find_named_tokens(data: bytes, hits: Hits) -> Iterator[Detection]:
    """Values of AWS_BEARER_TOKEN_… that do not have the shape of a known key."""
    done = 0
    for end in hits.get(_NAMED.name, ()):
        name = _NAME_REST.match(data, end)
        place = find_assigned_value(data, name.end() if name else end) if end > done else None
        if place and data[place[0] - 1 : place[0] + 1] == b":-":  # a shell's default: ${NAME:-value}
            place = place[0] + 1, place[1]
        done = place[1] if place else done
        value = data[slice(*place)] if place else b""
        if place and not value.startswith((b"ABSK", b"bedrock-api-key-")) and is_opaque(value, 32):
            part = Part("bearer_token", *place, Secret(value))
            yield _build_detection("AWS bearer token", part, {"kind": "bearer-token"}, confidence=Confidence.MEDIUM)


def _check_long_term(value: bytes, start: int, end: int) -> Iterator[Detection]:
    text = unescape_base64(value)
    if is_example(text):
        return
    part = Part("bedrock_api_key", start, end, Secret(text))
    attributes: dict[str, object] = {"kind": "long-term"}
    body = _BODY.fullmatch(decode_base64(text[4:]))
    if body and not is_placeholder(body[3]):
        attributes |= {"account": body[2].decode(), "user": body[1].decode()}
        yield _build_detection("Amazon Bedrock long-term API key", part, attributes)
    elif (
        not body and len(text) >= _OPAQUE_BODY and compute_entropy(text) > _OPAQUE_ENTROPY and not is_placeholder(text)
    ):
        yield _build_detection("what looks like an Amazon Bedrock API key", part, attributes, confidence=Confidence.LOW)


def _check_short_term(value: bytes, start: int, end: int) -> Iterator[Detection]:
    request = find_embedded_request(decode_base64(value.rpartition(b"-")[2]))
    if request is None or is_placeholder(request[0]):
        return
    key_id, signed = request
    part = Part("bedrock_api_key", start, end, Secret(value))
    attributes: dict[str, object] = {"kind": "short-term", "access_key_id": key_id.decode()}
    attributes |= {"account": decode_account(key_id), "region": signed.region, "service": signed.service}
    attributes["expires"] = format_rfc3339(signed.expires) if signed.expires else None
    called = f"AWS short-term API key for {signed.service} ({format_expiry(signed.expires)})"
    yield _build_detection(called, part, attributes, severity=grade_by_expiry(signed.expires, Severity.HIGH))


def _build_detection(
    called: str,
    part: Part,
    attributes: dict[str, object],
    *,
    severity: Severity | None = None,
    confidence: Confidence | None = None,
) -> Detection:
    account = attributes.get("account")
    message = f"{called} {part.secret.shown}" + (f", account {account}" if account else "")
    return Detection(message, (part,), severity, confidence, attributes)


RULE = Rule(
    id="CG106",
    name="aws-bedrock-api-key",
    severity=Severity.HIGH,
    summary="An Amazon Bedrock API key or another AWS bearer token",
    hint="delete the service-specific credential; let the application sign requests with a role",
    practices=SECRET_PRACTICES,
    traits=frozenset((Trait.LONG_LIVED, Trait.OF_ACCOUNT)),
    patterns=(_LONG, _SHORT, _ENCODED_LONG, _ENCODED_SHORT, _NAMED),
    check_blob=_check,
    remediation=(
        "aws iam list-service-specific-credentials --user-name USER --service-name bedrock.amazonaws.com",
        "aws iam update-service-specific-credential --user-name USER --service-specific-credential-id ACCA…"
        " --status Inactive  # first: stops use, reversible",
        "aws iam delete-service-specific-credential --user-name USER --service-specific-credential-id ACCA…  # last",
        "short-term key: end the session that signed it: AWSRevokeOlderSessions on the role, or deactivate the key",
    ),
    references=(
        "https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html",
        "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html",
    ),
)

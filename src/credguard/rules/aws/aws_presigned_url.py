"""A signed AWS request: a pre-signed URL, form or header that works for anyone until it expires.

What it does
    Finds pre-signed URLs (Signature Version 4 and 2; plain, percent-encoded, in JSON, HTML or HAR files), signed POST
    forms and Authorization headers, and computes when they expire. An expired request is low, one without a known
    expiry is medium. Requests signed with documented example IDs are not reported.

Why it matters
    Until it expires, anyone can repeat the request and download or overwrite the object without credentials. Afterwards
    it still reveals the account and the key that signed it. The key itself is not leaked: its secret is not in the URL.

How to fix
    Let it expire, or invalidate it now: deactivate the access key, or for a role, deny all sessions issued so far.
    Create the URL when it is needed, valid for minutes, and keep it out of files and logs.

References
    Amazon S3 User Guide, "Download and upload objects with presigned URLs"; Amazon S3 API Reference, "Authenticating
    Requests: Using Query Parameters (AWS Signature Version 4)" and "Signing and authenticating REST requests".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.key_id import ID_LENGTH, KEY_ID, classify_key_id, decode_account, find_key_ids
from credguard.aws.signed_request import find_signed_request
from credguard.heuristics.expiry import format_expiry, format_rfc3339, grade_by_expiry
from credguard.model.findings import Confidence, Detection, Part, PartRole, Severity
from credguard.model.secret import Secret
from credguard.rule import SECRET_PRACTICES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.signed_request import SignedRequest
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_CALLED = {"v4": "signed AWS request (Signature Version 4)", "v2": "signed AWS request (Signature Version 2)"}


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    for start, end, value in find_key_ids(blob, hits):
        request = find_signed_request(blob.data, start, end) if end - start == ID_LENGTH else None
        if request:
            signature = blob.data[slice(*request.signature)]
            parts = (
                Part(PartRole.ACCESS_KEY_ID, start, end, Secret(value, public=True)),
                Part("signature", *request.signature, Secret(signature)),
            )
            yield _describe(request, value, parts)


def _describe(request: SignedRequest, key_id: bytes, parts: tuple[Part, ...]) -> Detection:
    account, kind = decode_account(key_id), classify_key_id(key_id)
    attributes: dict[str, object] = {"access_key_id": key_id.decode(), "account": account, "method": request.method}
    attributes |= {"service": request.service, "region": request.region}
    attributes["expires"] = format_rfc3339(request.expires) if request.expires else None
    words = [format_expiry(request.expires), request.service, request.region, f"account {account}" if account else None]
    called = _CALLED.get(request.method, "signed AWS request header")
    message = f"{called} by {key_id.decode()}: {', '.join(word for word in words if word)}"
    severity = Severity.LOW if kind == "canary" else grade_by_expiry(request.expires, Severity.MEDIUM)
    confidence = Confidence.LOW if kind == "unknown-format" else None
    return Detection(message, parts, severity, confidence, attributes)


RULE = Rule(
    id="CG105",
    name="aws-presigned-url",
    severity=Severity.MEDIUM,
    summary="A signed AWS request: anyone can repeat it until it expires",
    hint="create the URL when it is needed, with a short lifetime, and never store it",
    practices=SECRET_PRACTICES,
    patterns=(KEY_ID,),
    check_blob=_check,
    remediation=(
        "if it has not expired: aws iam update-access-key --user-name USER --access-key-id AKID --status Inactive"
        "  # or, signed by a role (ASIA…): attach AWSRevokeOlderSessions",
        "remove the URL from the file; sign a new one, with a short lifetime, when it is used",
    ),
    references=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html",
        "https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html",
    ),
)

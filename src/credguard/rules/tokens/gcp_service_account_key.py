"""The key file of a Google Cloud service account.

What it does
    Finds JSON with a complete `private_key` and a `client_email` of a service account, plain or inside a string, and
    reports the account. A private key elsewhere is reported by CG150.

Why it matters
    The key signs in as the service account, from anywhere, until it is deleted or expires after ten years.

How to fix
    Delete the key, not the account; check the audit log. Use workload identity federation or the metadata server.

References
    https://cloud.google.com/iam/docs/keys-create-delete
    https://cloud.google.com/iam/docs/best-practices-for-managing-service-account-keys
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Detection, Part, PartRole
from credguard.model.secret import Secret
from credguard.rules.tokens._pem import read_body
from credguard.rules.tokens._token_rule import build_token_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_FIELD = Pattern("gcp-private-key", rb"private_key\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"-----BEGIN PRIVATE KEY-----")
_END = b"-----END PRIVATE KEY-----"
_EMAIL = compile_lazily(
    rb"client_email\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"([A-Za-z0-9_.\-]{1,80}@[A-Za-z0-9_.\-]{1,80}gserviceaccount\.com)"
)
_HEADER = len(b"-----BEGIN PRIVATE KEY-----")
_KEY, _AROUND = 6_000, 1_500


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    data, done = blob.data, 0
    for end in hits.get(_FIELD.name, ()):
        stop = data.find(_END, end, end + _KEY) if end > done else -1
        email = _find_account(data, end, stop) if stop >= 0 else None
        body = read_body(data[end:stop], b"") if email else None
        if email and body:
            done = stop + len(_END)
            part = Part(PartRole.PRIVATE_KEY, end - _HEADER, done, Secret(data[end - _HEADER : done]))
            message = f"key of the Google Cloud service account {email}"
            yield Detection(
                message,
                (part,),
                attributes={"kind": "gcp-service-account", "service_account": email},
                identity=(body.text,),
            )


def _find_account(data: bytes, start: int, stop: int) -> str | None:
    """The account name after the key or before it."""
    match = _EMAIL.search(data, stop, stop + _AROUND) or _EMAIL.search(data, max(0, start - _AROUND), start)
    return match[1].decode() if match else None


RULE = build_token_rule(
    169,
    "gcp-service-account-key",
    "The key file of a Google Cloud service account",
    (),
    more=(_FIELD,),
    also=_check,
    revoke="gcloud iam service-accounts keys delete KEY_ID --iam-account ACCOUNT",
    references=(
        "https://cloud.google.com/iam/docs/keys-create-delete",
        "https://cloud.google.com/iam/docs/best-practices-for-managing-service-account-keys",
    ),
)

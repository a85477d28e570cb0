"""An Azure credential: a storage or service key, a shared access signature, or an application's secret.

What it does
    Finds `AccountKey=` and `SharedAccessKey=` of connection strings, named account keys, keys with the signature of
    their service (`+ASt`, `ACDb`, `APIM`, `AzFu`, `AzSe`, `+ACR`, `AIoT`, `+ASb`, `AZDO`, `JQQJ99` …), the `sig=` of
    shared access signatures with their expiry from `se=` (expired ones are low), named DevOps tokens, passwords of
    publishing profiles, and client secrets of Entra applications (three characters, a digit, `Q~`). The documented keys
    of the storage and Cosmos DB emulators are not reported.

Why it matters
    An account key can read and write everything in the storage account and cannot be restricted; a client secret signs
    in as the application.

How to fix
    Rotate the leaked key (each account has two for this purpose), remove the client secret. Use managed identities.

References
    https://learn.microsoft.com/azure/storage/common/storage-account-keys-manage
    https://learn.microsoft.com/azure/storage/common/storage-sas-overview
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import COLOUR, EMPHASIS
from credguard.heuristics.expiry import build_datetime, parse_epoch, parse_iso_time
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Severity
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_detection, build_token_rule, grade_opaque

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

# The keys of Azurite and the Cosmos DB emulator: public, the same everywhere.
_EMULATORS = (b"Eby8vdM02xNOcqFlqUwJPLlm", b"C2y6yDjf5/R+ob0N8A7Cgv30")
_SIGNATURE = Pattern("token-azure-sas", rb"(?:[?&;]|u0026|x26)sig=[A-Za-z0-9%+/]{43}")
_SIG = compile_lazily(rb"sig=((?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd]))")
_QUERY = compile_lazily(rb"[^\s\"'<>]{0,600}")
_END = compile_lazily(rb"(?:[?&;]|u0026|x26)se=(?:(\d{4}-\d\d-\d\d)(T[0-9A-Za-z%:]{0,20})?|(\d{10}))(?![0-9])")
_VERSION = compile_lazily(rb"(?:[?&;]|u0026|x26|^|Signature )s[vrp]=")


def _grade_key(value: bytes) -> Grade | None:
    return None if value.startswith(_EMULATORS) else grade_opaque(value)


def _grade_mixed(value: bytes) -> Grade | None:
    return grade_opaque(value) if re.search(rb"[a-z]", value) and re.search(rb"[A-Z]", value) else None


def _grade_digits(value: bytes) -> Grade | None:
    return grade_opaque(value) if sum(48 <= byte <= 57 for byte in value) >= 3 else None


# The signatures that identify Azure's newer keys: service, characters before, signature and what follows.
_SIGNED = (
    ("DevOps", 76, rb"AZDO[A-Za-z0-9]{4}"),
    ("service", 52, rb"JQQJ99[A-Z][A-L][A-Za-z0-9]{24}"),
    ("API Management", 76, rb"APIM[A-Za-z0-9+/]{5}[AQgw]=="),
    ("Cosmos DB", 76, rb"ACDb[A-Za-z0-9+/]{5}[AQgw]=="),
    ("Storage", 76, rb"\+ASt[A-Za-z0-9+/]{5}[AQgw]=="),
    ("Batch", 76, rb"\+ABa[A-Za-z0-9+/]{5}[AQgw]=="),
    ("Functions", 44, rb"AzFu[A-Za-z0-9_\-]{5}[AQgw]=="),
    ("IoT Hub", 33, rb"AIoT[A-P][A-Za-z0-9+/]{5}="),
    ("Service Bus", 33, rb"\+ASb[A-P][A-Za-z0-9+/]{5}="),
    ("Event Hubs", 33, rb"\+AEh[A-P][A-Za-z0-9+/]{5}="),
    ("Relay", 33, rb"\+ARm[A-P][A-Za-z0-9+/]{5}="),
    ("Event Grid", 33, rb"AZEG[A-P][A-Za-z0-9+/]{5}="),
    ("Cache", 33, rb"AzCa[A-P][A-Za-z0-9+/]{5}="),
    ("Search", 42, rb"AzSe[A-D][A-Za-z0-9+/]{5}"),
    ("Container Registry", 42, rb"\+ACR[A-D][A-Za-z0-9+/]{5}"),
)
_LONGEST = 110
_SEAM = rb"(?<=\\[nrt])|" + COLOUR
"""What ends with a letter and may come before a key: an escape, a color code."""


def _make_signed_kind(service: str, before: int, rest: bytes) -> TokenKind:
    name = f"azure-{service.lower().replace(' ', '-')}-key"
    lead = (rb"[A-Za-z0-9_\-]" if rest.startswith(b"AzFu") else rb"[A-Za-z0-9+/]") + b"{%d}" % before
    token = compile_lazily(rb"(?:(?<![A-Za-z0-9+/])|" + _SEAM + rb")" + lead + rest + rb"(?![A-Za-z0-9+/=])")
    return TokenKind(name, f"Azure {service} key", Pattern(f"token-{name}", rest), 1, token, _grade_mixed, _LONGEST)


_KINDS = (
    TokenKind(
        "azure-account-key",
        "Azure account key",
        Pattern("token-azure-account-key", rb"AccountKey=[A-Za-z0-9+/]{43}"),
        43,
        compile_lazily(rb"((?:[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{43}=))(?![A-Za-z0-9+/=])"),
        _grade_key,
    ),
    TokenKind(
        "azure-shared-access-key",
        "Azure shared access key",
        Pattern("token-azure-shared-key", rb"SharedAccessKey=[A-Za-z0-9+/]{43}="),
        44,
        compile_lazily(rb"([A-Za-z0-9+/]{43}=)"),
    ),
    TokenKind(
        "azure-named-key",
        "Azure account key",
        Pattern(
            "token-azure-key-name",
            rb"(?:azure|storage|cosmos|account)[a-z0-9_.\-]{0,24}key\\{0,3}[\"']?\s{0,3}[:=,]\s{0,3}\\{0,3}[\"']?[a-z0-9+/]{43}",
            caseless=True,
        ),
        43,
        compile_lazily(rb"([A-Za-z0-9+/]{86}==)(?![A-Za-z0-9+/=])"),
        _grade_key,
    ),
    *(_make_signed_kind(*form) for form in _SIGNED),
    TokenKind(
        "azure-devops",
        "Azure DevOps token",
        Pattern(
            "token-azure-devops-name",
            rb"(?:azure_?devops|azdo|vsts|system_access|ado)[a-z0-9_.\-]{0,16}(?:pat|token)[\"']?\s{0,3}[:=]\s{0,3}[\"']?[a-z2-7]{52}",
            caseless=True,
        ),
        52,
        compile_lazily(rb"([a-z2-7]{52})(?![A-Za-z0-9])"),
        _grade_digits,
    ),
    TokenKind(
        "azure-publish-profile",
        "Azure publishing password",
        Pattern("token-azure-publish", rb"userPWD=\\{0,3}[\"'][A-Za-z0-9]{40}"),
        40,
        compile_lazily(rb"([A-Za-z0-9]{50,70})(?![A-Za-z0-9])"),
        _grade_digits,
    ),
    TokenKind(
        "azure-client-secret",
        "Azure client secret",
        Pattern("token-azure-client-secret", rb"[0-9]Q~[A-Za-z0-9_~.\-]{31}"),
        34,
        compile_lazily(
            rb"(?:(?<![A-Za-z0-9_~.\-])|(?<=\A-)|(?<=\n-)|" + _SEAM + rb"|" + EMPHASIS + rb")"
            rb"[A-Za-z0-9_~.\-]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}(?![A-Za-z0-9~\-]|_[A-Za-z0-9_~\-])"
        ),
        _grade_mixed,
        back=3,
    ),
)
_SAS = TokenKind("azure-sas", "Azure shared access signature", _SIGNATURE, 0, _SIG)


def _find_signatures(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Signatures in a query that also contains a version, a resource or permissions."""
    data, done = blob.data, 0
    for end in hits.get(_SIGNATURE.name, ()):
        match = _SIG.search(data, max(done, end - 48), end + 100) if end > done else None
        if not match:
            continue
        done = match.end()
        before = data[max(0, match.start() - 600) : match.start()]
        query = before[max(before.rfind(sign) for sign in (b"\n", b" ", b'"', b"'")) + 1 :]
        rest = _QUERY.match(data, done)
        query += rest[0] if rest else b""
        if _VERSION.search(query) and grade_opaque(match[1]):
            yield build_token_detection(_SAS, data, *match.span(1), Grade(expires=_read_expiry(query)), Severity.HIGH)


def _read_expiry(query: bytes) -> datetime | None:
    match = _END.search(query.replace(b"%3A", b":").replace(b"%3a", b":"))
    if not match:
        return None
    if match[3]:
        return parse_epoch(match[3])
    day = match[1].decode()
    return parse_iso_time(match[1] + (match[2] or b"")) or build_datetime(
        lambda: datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    )


RULE = build_token_rule(
    170,
    "azure-credential",
    "An Azure key, shared access signature or client secret",
    _KINDS,
    more=(_SIGNATURE,),
    also=_find_signatures,
    revoke="az storage account keys renew --key primary --account-name NAME --resource-group GROUP; a client secret:"
    " az ad app credential delete --id APP --key-id KEY",
    references=(
        "https://learn.microsoft.com/azure/storage/common/storage-account-keys-manage",
        "https://learn.microsoft.com/azure/storage/common/storage-sas-overview",
    ),
)

"""A private key with its body: RSA, EC, DSA, PKCS #8, OpenSSH, PGP, SSH2, PuTTY, JWK, bare DER or PKCS #12.

What it does
    Reports a block from its BEGIN to its END line if there is a real base64 body between them: in a separate file,
    indented, in a string literal with `\\n`, in JSON or YAML, in a patch, or encoded once more in base64 as in a
    kubeconfig. The outer length field of the body is checked: a complete key has high confidence, a truncated one low.
    Without armour, base64 must have the parts of a key. Also finds private keys in JSON (the member `d`, or `k` of a
    shared one), and PKCS #12 files with a key that an empty or a default password opens. Encrypted keys are medium.
    Headers alone, public keys, certificates and placeholders are not reported.

Why it matters
    The key of an EC2 instance, a deployment, a certificate or a service account lets anyone log in or sign as its
    owner. It does not expire with a session.

How to fix
    Replace the key: remove its public half from every authorized_keys, account and certificate, then create a new one.
    Keep private keys in an agent, a secrets store or a key management service; generate test keys in the test.

References
    RFC 7468 (PEM), RFC 5958 (PKCS #8), RFC 4716 (SSH2 files), RFC 9580 (OpenPGP); OpenSSH PROTOCOL.key; PuTTY user
    manual, "PPK file format".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import decode_base64
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Detection, Part, PartRole, Severity
from credguard.model.secret import Secret
from credguard.rule import SECRET_PRACTICES, Rule, Trait
from credguard.rules.tokens import _bare_key, _jwk, _pkcs12
from credguard.rules.tokens._pem import Body, BodyState, is_likely_key, read_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

    Found = tuple[int, int, str, Body]

_GAP = rb"(?: |%20|\+)"
_BEGIN = Pattern(
    "private-key-begin",
    rb"-----BEGIN(?:"
    + _GAP
    + rb"[A-Z0-9]{2,12}){0,3}"
    + _GAP
    + rb"PRIVATE"
    + _GAP
    + rb"KEY(?:"
    + _GAP
    + rb"BLOCK)?-----",
)
_SSH2 = Pattern("private-key-ssh2", rb"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----")
_PUTTY = Pattern("private-key-putty", rb"PuTTY-User-Key-File-[123]:")
_ENCODED = Pattern("private-key-base64", rb"LS0tLS1CRUdJTiB[A-Za-z0-9+/]{60}")

_LABEL = compile_lazily(rb"-----BEGIN(?: |%20|\+)([A-Z0-9 %+]{0,48})KEY")
_END = compile_lazily(rb"-----END[A-Z0-9 %+]{1,60}-----")
_SSH2_END = compile_lazily(rb"---- END SSH2[A-Z0-9 ]{1,40}----")
_NO_END = compile_lazily(rb"[A-Za-z0-9+/=\s\\\"'`,]{0,16000}")
_LINE = compile_lazily(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{48,}={0,2}")
_RUN = compile_lazily(rb"[A-Za-z0-9+/]{75,40000}={0,2}")
_PUTTY_PARTS = compile_lazily(
    rb"PuTTY-User-Key-File-[123]:[^\n]{1,80}\nEncryption: ([a-z0-9\-]{1,30})\n(?:[^\n]{0,2000}\n){1,200}?"
    rb"Private-Lines: (\d{1,3})\n((?:[A-Za-z0-9+/=]{1,128}(?:\n|\Z)){1,400})"
)
_PUTTY_HEAD = b"PuTTY-User-Key-File-2:"
_HEADER_END = compile_lazily(rb"PRIVATE KEY(?: BLOCK)?-----")
_LINE_END = compile_lazily(rb"\\{1,3}r\\{1,3}n|\\{1,3}n|\r\n")
_LONGEST = {b"PGP": 400_000}
_LONG = 16_000
_LEAST_WITHOUT_END = 200
_LEAST_OF_PUTTY = 48
"""Characters of the private half alone, which is 36 bytes for Ed25519."""
_KINDS = {b"": "PKCS #8", b"ENCRYPTED": "PKCS #8"}
_CONFIDENCE = {
    BodyState.WHOLE: Confidence.HIGH,
    BodyState.UNCHECKED: Confidence.MEDIUM,
    BodyState.TRUNCATED: Confidence.LOW,
}


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    found = [
        *_find_blocks(blob.data, hits.get(_BEGIN.name, ())),
        *_find_ssh2(blob.data, hits.get(_SSH2.name, ())),
        *_find_putty(blob.data, hits.get(_PUTTY.name, ())),
        *_find_encoded(blob.data, hits.get(_ENCODED.name, ())),
        *_bare_key.find_bare_keys(blob.data, hits),
        *_jwk.find_web_keys(blob.data, hits),
        *_pkcs12.find_open_files(blob.data, hits),
    ]
    for start, end, kind, body in sorted(found, key=lambda one: one[0]):
        yield _describe(Part(PartRole.PRIVATE_KEY, start, end, Secret(blob.data[start:end])), kind, body)


def _find_blocks(data: bytes, ends: Sequence[int]) -> Iterator[Found]:
    done = 0
    for end in ends:
        start = data.rfind(b"-----BEGIN", max(done, end - 90), end)
        label = _LABEL.match(data, start) if start >= 0 else None
        if not label:
            continue
        kind = label[1].replace(b"%20", b" ").replace(b"+", b" ").removesuffix(b"PRIVATE ").strip()
        block = _read_block(data, end, kind)
        if block:
            done, body = block
            yield start, done, _KINDS.get(kind, kind.decode()) + " private key", body


def _read_block(data: bytes, begin: int, label: bytes) -> tuple[int, Body] | None:
    """The end of the block whose header ends at `begin`, and its body."""
    limit = min(len(data), begin + _LONGEST.get(label[:3], _LONG))
    following = data.find(b"-----BEGIN", begin, limit)
    limit = following if following >= 0 else limit
    stop = data.find(b"-----END", begin, limit)
    if stop < 0:
        return _read_without_end(data, begin, limit)
    tail = _END.match(data, stop)
    body = read_body(data[begin:stop], label)
    return (tail.end() if tail else stop, body) if body else None


def _read_without_end(data: bytes, begin: int, limit: int) -> tuple[int, Body] | None:
    """Complete lines of base64 after a header that has no END line."""
    text = _NO_END.match(data, begin, limit)
    lines = list(_LINE.finditer(data, begin, text.end())) if text else []
    body = b"".join(match[0] for match in lines)
    if len(body) < _LEAST_WITHOUT_END or not is_likely_key(body):
        return None
    return lines[-1].end(), Body(body, encrypted=False, state=BodyState.TRUNCATED)


def _find_ssh2(data: bytes, ends: Sequence[int]) -> Iterator[Found]:
    for end in ends:
        following = data.find(b"---- BEGIN", end, end + _LONG)
        tail = _SSH2_END.search(data, end, following if following >= 0 else end + _LONG)
        body = read_body(data[end : tail.start()], b"SSH2") if tail else None
        if tail and body:
            encrypted = b"none" not in decode_base64(body.text)[:80]
            yield (
                end - len(_SSH2.expression),
                tail.end(),
                "SSH2 private key",
                Body(body.text, encrypted, BodyState.UNCHECKED),
            )


def _find_putty(data: bytes, ends: Sequence[int]) -> Iterator[Found]:
    for end in ends:
        start = end - len(_PUTTY_HEAD)
        following = data.find(_PUTTY_HEAD[:-2], end, end + _LONG)
        high = following if following >= 0 else end + _LONG
        match = _PUTTY_PARTS.match(_LINE_END.sub(b"\n", data[start:high]))
        lines = match[3].split() if match else []
        text = b"".join(lines)
        if match and is_likely_key(text, _LEAST_OF_PUTTY):
            last = data.find(lines[-1], data.find(lines[0], end, high), high)
            stop = last + len(lines[-1]) if last >= 0 else min(high, len(data))
            yield start, stop, "PuTTY private key", Body(text, match[1] != b"none", BodyState.UNCHECKED)


def _find_encoded(data: bytes, ends: Sequence[int]) -> Iterator[Found]:
    """PEM encoded once more in base64: Kubernetes Secrets, kubeconfig's client-key-data."""
    done = 0
    for end in ends:
        run = _RUN.match(data, end - 75) if end - 75 >= done else None
        if not run:
            continue
        done = run.end()
        text = decode_base64(run[0])
        header = _HEADER_END.search(text)
        for _, _, kind, body in _find_blocks(text, (header.end(),) if header else ()):
            yield run.start(), done, kind, body


def _describe(part: Part, kind: str, body: Body) -> Detection:
    words = [f"{kind} ({len(body.text) * 3 // 4} bytes)"]
    words += ["encrypted"] if body.encrypted else []
    words += ["truncated"] if body.state is BodyState.TRUNCATED else []
    attributes = {
        "kind": kind.removesuffix(" private key") or "PKCS8",
        "encrypted": body.encrypted,
        "state": body.state.value,
    }
    severity = Severity.MEDIUM if body.encrypted else None
    return Detection(", ".join(words), (part,), severity, _CONFIDENCE[body.state], attributes, identity=(body.text,))


RULE = Rule(
    id="CG150",
    name="private-key",
    severity=Severity.HIGH,
    summary="A private key with its body",
    hint="replace the key everywhere it is trusted; keep the new one in an agent or a secrets store",
    practices=SECRET_PRACTICES,
    traits=frozenset((Trait.HALF,)),
    patterns=(_BEGIN, _SSH2, _PUTTY, _ENCODED, *_bare_key.PATTERNS, _jwk.KEY_TYPE, *_pkcs12.PATTERNS),
    check_blob=_check,
    remediation=(
        "remove the public half where it is trusted (authorized_keys, deploy keys, accounts); revoke its certificates",
        "EC2 key pair: aws ec2 delete-key-pair --key-name NAME, and remove the key from the instances' authorized_keys",
        "create a new key; keep it in an agent, a secrets store or a key management service",
        "git filter-repo --sensitive-data-removal --invert-paths --path FILE  # only after that, in a fresh clone",
    ),
    references=(
        "https://www.rfc-editor.org/rfc/rfc7468",
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-key-pairs.html",
    ),
)

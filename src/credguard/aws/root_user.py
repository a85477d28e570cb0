"""What the root-user rules share: root ARNs of real accounts, unescaped text, names of root, the remediation."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from credguard.aws.key_id import KEY_ID, classify_key_id, decode_account, find_key_ids
from credguard.heuristics.placeholders import measure_step_run
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

ROOT_ARN = Pattern("root-arn", rb"arn:aws[a-z\-]{0,10}:iam::[0-9]{12}:root")
_ARN = compile_lazily(rb"arn:aws[a-z\-]{0,10}:iam::(\d{12}):root(?![\w/\-])")
_ARN_ROOM = 48

# Accounts used in AWS's documentation and by emulators. Sequences, repetitions and few digits are recognized by their
# shape.
_EXAMPLE_ACCOUNTS = frozenset({b"123456789012", b"111122223333", b"444455556666", b"000000000000", b"112233445566"})
_FEWEST_DIGITS = 4
_LONGEST_SEQUENCE = 7

# \" \n \t \/ \u0022 \u003c \u003e, however often escaped, and HTML's entities of the same characters.
_ESCAPE = compile_lazily(rb"\\{1,7}(?:u00(?:22|3[cCeE])|[\"'/nrt])|&(?:quot|lt|gt|#34|#39);")
_STANDS_FOR = dict(zip(b"nrt/'cCeE", b"\n \t/'<<>>", strict=True))
_ENTITIES = {b"&lt;": ord("<"), b"&gt;": ord(">"), b"&#39;": ord("'")}
_KEY_ROOM = 4000
_CODE = tuple(
    ".py .pyi .js .jsx .mjs .cjs .ts .tsx .mts .cts .go .rb .java .kt .kts .scala .groovy .cs .fs .vb .php .rs .swift "
    ".c .cc .cpp .h .hpp .m .pl .pm .lua .r .dart .ex .exs .erl .clj .hs .sh .bash .zsh .fish .ps1 .psm1 .bat .cmd .tf "
    ".sql .vue .svelte .bats .feature".split()
)

# Single words, in a name split by case and punctuation, that make its "root" another one than the AWS root user.
_OTHER_ROOTS = frozenset(
    "non not no without minio ceph gitlab mysql mariadb mongo mongodb postgres document chroot module ca cert device "
    "bucket path dir folder domain volume web".split()
)

REMEDIATION = (
    "sign in as the root user, open Security credentials, set the access key to inactive, then delete it"
    "  # with the root key itself: aws iam update-access-key --access-key-id AKID --status Inactive",
    "change the root password, keep MFA enabled, and check CloudTrail for what root did: aws cloudtrail"
    " lookup-events --lookup-attributes AttributeKey=Username,AttributeValue=root --region REGION",
    "aws iam get-account-summary --query SummaryMap.AccountAccessKeysPresent  # must be 0 afterwards",
    "in AWS Organizations, remove members' root credentials centrally: aws sts assume-root --target-principal ACCOUNT"
    " --task-policy-arn arn=arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials",
    "use a role or IAM Identity Center from now on",
)
REFERENCES = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html",
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-best-practices.html",
)


def is_example_account(account: bytes) -> bool:
    """True for a 12-digit account number from documentation or made up by a person."""
    if account in _EXAMPLE_ACCOUNTS or len(set(account)) < _FEWEST_DIGITS:
        return True
    return measure_step_run(account) >= _LONGEST_SEQUENCE or any(account == account[:n] * (12 // n) for n in (4, 6))


def find_root_arns(blob: Blob, hits: Hits) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and account of each ARN that ends in `:root` and is not of an example account."""
    for end in hits.get(ROOT_ARN.name, ()):
        match = _ARN.search(blob.data, max(0, end - _ARN_ROOM), min(len(blob.data), end + 1))
        if match and match.end() == end and not is_example_account(match[1]):
            yield match.start(), end, match[1]


def unescape_slice(data: bytes, start: int, end: int) -> bytes:
    """data[start:end] with escapes of JSON and HTML decoded in place: all other offsets are unchanged."""
    text = data[max(0, start) : end]
    return _ESCAPE.sub(_unescape, text) if b"\\" in text or b"&" in text else text


def _unescape(match: re.Match[bytes]) -> bytes:
    escape = match[0]
    sign = _ENTITIES.get(escape) if escape.startswith(b"&") else _STANDS_FOR.get(escape[-1])
    return b" " * (len(escape) - 1) + bytes([sign or ord('"')])


def find_long_lived_key(blob: Blob, hits: Hits, place: int, account: bytes) -> bytes | None:
    """An AKIA key ID within 4 KB of `place` that may belong to `account`, None if there is none."""
    ends = hits.get(KEY_ID.name, ())
    nearby = ends[bisect_left(ends, place - _KEY_ROOM) : bisect_left(ends, place + _KEY_ROOM)]
    for _, _, value in find_key_ids(blob, {KEY_ID.name: nearby}):
        long_lived = value.startswith(b"AKIA") and classify_key_id(value) in ("long-lived", "old-format")
        if long_lived and decode_account(value) in (None, account.decode()):
            return value
    return None


def is_root_name(words: tuple[str, ...]) -> bool:
    """True if a name's lower-cased words mean the AWS root user, and no other root."""
    return "root" in words and _OTHER_ROOTS.isdisjoint(words)


def is_source_code(path: str) -> bool:
    """True for a program by its name: its content may be a mock or a comparison rather than an output."""
    return path.lower().endswith(_CODE)

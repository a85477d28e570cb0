"""AWS access key IDs: where they occur alone, their kind, and the account in them."""

from __future__ import annotations

from base64 import b32decode, b64decode
from typing import TYPE_CHECKING

from credguard.heuristics.placeholders import is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

ID_LENGTH = 20
KEY_ID = Pattern("aws-key-id", rb"A(?:KIA|SIA|3T[A-Z0-9])[A-Z2-7]{16}")
# "AKI" and "ASI" in base64, as in the `data` of a Kubernetes Secret.
KEY_ID_BASE64 = Pattern("aws-key-id-base64", rb"Q(?:UtJ|VNJ)[A-Za-z0-9+/]{23}[A-Za-z0-9+/=]")
_BASE64_FORM = compile_lazily(rb"(?<![A-Za-z0-9+/])Q(?:UtJ|VNJ)[A-Za-z0-9+/]{23}[A-Za-z0-9+/=](?![A-Za-z0-9+/=])")
_ID = compile_lazily(rb"A(?:KIA|SIA|3T[A-Z0-9])[A-Z2-7]{16}")

# A letter before an ID is allowed if it ends an escape: \n, \x22, \u0022, %3D, a terminal color code.
_ESCAPE_BEFORE = compile_lazily(
    rb"(?:\\[nrt\"'/bfav0]|\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|%(?:25)?[0-7][0-9A-Fa-f]|=3D|\[[\d;]*m)\Z"
)
_WORD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_JOINS = frozenset(b"_-")
_URL_SAFE_RUN = compile_lazily(rb"[A-Za-z0-9_\-]*")
_SEGMENT = compile_lazily(rb"[A-Za-z0-9]{20,}")
# The pairs of letters that are most of an English text: 15 in 16 of a word's pairs, 3 of a random ID's 16.
_PAIRS = frozenset(
    b"TH HE IN ER AN RE ON AT EN ND TI ES OR TE OF ED IS IT AL AR ST TO NT NG SE HA AS OU IO LE VE CO ME DE HI "
    b"RI RO IC NE EA RA CE LI CH LL BE MA SI OM UR CA EL TA LA NS DI FO HO PE EC PR NO CT US AC OT IL TR LY NC "
    b"ET UT SS SO RS UN LO WA GE IE WH EE WI EM AD OL RT PO WE NA UL NI TS MO OW PA IM MI AI SH IR SU ID OS IV "
    b"IA AM FI CI VI PL IG TU EV LD RY MP FE BL AB GH TY OP WO SA AY EX KE UI UE".split()
)
_MOST_RANDOM_PAIRS = 8
_BASE64_RUN = compile_lazily(rb"[A-Za-z0-9+/]*")
_RUN_LIMIT = 64

# Accounts used in documentation and by emulators; AWS never assigns them to a customer.
EXAMPLE_ACCOUNTS = frozenset(
    ("000000000000", "111111111111", "111122223333", "123456789012", "444455556666", "555555555555", "999999999999")
)
# Accounts with canary keys; source: trufflehog's list of Thinkst canary accounts and of accounts that imitate them
# (pkg/detectors/aws/access_keys/canary.go, 3ab759fe).
CANARY_ACCOUNTS = frozenset(
    "052310077262 171436882533 534261010715 595918472158 717712589309 819147034852 992382622183 730335385048 "
    "266735846894 893192397702 044858866125 251535659677 344043088457 351906852752 390477818340 426127672474 "
    "427150556519 439872796651 445142720921 465867158099 637958123769 693412236332 732624840810 735421457923 "
    "959235150393 982842642351".split()
)


def find_key_ids(blob: Blob, hits: Hits) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and value of each access key ID of the blob that is not an example or placeholder."""
    return ((start, end, value) for start, end, value in find_all_key_ids(blob, hits) if value)


def find_all_key_ids(blob: Blob, hits: Hits) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and value of each access key ID of the blob; the value of a placeholder is empty.

    Kubernetes' base64 form is decoded: the location is then the encoded value's.
    """
    data = blob.data
    for end in hits.get(KEY_ID.name, ()):
        start = end - ID_LENGTH
        value = data[start:end]
        if is_standalone(data, start, end):
            yield start, end, b"" if _is_dummy(value) else value
    seen = -1
    for end in hits.get(KEY_ID_BASE64.name, ()):
        match = _BASE64_FORM.match(data, end - 28)
        if not match or match.start() <= seen:
            continue
        seen = match.start()
        value = b64decode(match[0]).rstrip(b"\r\n")
        if _ID.fullmatch(value) and not _is_dummy(value):
            yield match.start(), match.end(), value


def _is_dummy(value: bytes) -> bool:
    """True for a placeholder; the many A of a low example account do not make one."""
    return is_placeholder(value) and (b"EXAMPLE" in value or decode_account(value) not in EXAMPLE_ACCOUNTS)


def is_standalone(data: bytes, start: int, end: int) -> bool:
    """True if no letter or digit touches the ID, and it is not part of a base64 text.

    Beside `_` or `-`, as in `${ID:-AKIA…}` or `backup-AKIA….tgz`, it must be an ID that AWS may have issued.
    """
    before, after = data[start - 1 : start], data[end : end + 1]
    if after and after[0] in _WORD:
        return False
    if before and before[0] in _WORD and not _ESCAPE_BEFORE.search(data[max(0, start - 12) : start]):
        return False
    joined = (before and before[0] in _JOINS) or (after and after[0] in _JOINS)
    if joined and not (_may_be_issued(data[start:end]) and not _is_inside_url_safe(data, start, end)):
        return False
    return not _is_inside_base64(data, start, end)


def _may_be_issued(value: bytes) -> bool:
    """An ID that names an account, or of the old form, and that is no word."""
    old = value[4:5] in (b"I", b"J") and value[-1:] in (b"A", b"Q")
    return value[:3] != b"A3T" and (old or decode_account(value) is not None) and not is_wordlike(value)


def is_wordlike(value: bytes) -> bool:
    """True for an ID that reads as words: letters alone, in the pairs that words are made of."""
    if not value.isalpha():
        return False
    return sum(value[at : at + 2] in _PAIRS for at in range(3, len(value) - 1)) > _MOST_RANDOM_PAIRS


def _is_inside_url_safe(data: bytes, start: int, end: int) -> bool:
    """True where a long run of both cases, joined by `_` or `-`, says that the ID is cut from it."""
    lead = _URL_SAFE_RUN.match(data[max(0, start - _RUN_LIMIT) : start][::-1])
    rest = _URL_SAFE_RUN.match(data, end, end + _RUN_LIMIT)
    runs = [run for one in (lead, rest) if one for run in _SEGMENT.findall(one[0])]
    return any(run.lower() != run != run.upper() for run in runs)


def _is_inside_base64(data: bytes, start: int, end: int) -> bool:
    """True if `+` or `/` joins the ID to a run of base64 characters too long to be a path segment."""
    if data[start - 1 : start] in (b"+", b"/"):
        lead = _BASE64_RUN.match(data[max(0, start - _RUN_LIMIT) : start][::-1])
        if lead and _is_dense(lead[0]):
            return True
    if data[end : end + 1] not in (b"+", b"/"):
        return False
    rest = _BASE64_RUN.match(data, end, end + _RUN_LIMIT)
    alone = data[start - 1 : start] not in (b"+", b"/")
    if rest and alone and len(rest[0]) == 41:  # an ID, a slash and its secret
        return False
    return rest is not None and _is_dense(rest[0])


def _is_dense(run: bytes) -> bool:
    longest = max(map(len, run.split(b"/")), default=0)
    mixed = run.lower() != run and run.upper() != run
    if b"+" in run and len(run) > 1 and not run.replace(b"+", b"").islower():
        return True
    return (len(run) >= 40 and mixed) or (longest >= 24 and mixed)


def decode_account(key_id: bytes) -> str | None:
    """The 12-digit account in a new-format ID, None for old formats and impossible ones.

    Bits 1 to 40 of the base32 body; the top bit marks the new format
    (https://awsteele.com/blog/2020/09/26/aws-access-key-format.html).
    """
    try:
        value = int.from_bytes(b32decode(key_id[4:12] + key_id[12:20].ljust(8, b"A")), "big")
    except ValueError:
        return None
    body = value >> 30  # the first 50 of 80 bits
    if len(key_id) < 14 or not body >> 49:
        return None
    account = (body >> 9) & ((1 << 40) - 1)
    return f"{account:012d}" if account <= 999_999_999_999 else None


def classify_key_id(key_id: bytes) -> str:
    """`canary`, `example-account`, `temporary` (ASIA), `long-lived`, `old-format` or `unknown-format`.

    IDs issued before 2019 have I or J as their fifth character and contain no account; IDs with any other fifth
    character than Q-Z, 2-6, or with an account over 12 digits, were never issued.
    """
    account = decode_account(key_id)
    if account in CANARY_ACCOUNTS:
        return "canary"
    if account in EXAMPLE_ACCOUNTS:
        return "example-account"
    old = key_id[4:5] in (b"I", b"J")
    if key_id[:3] == b"A3T" or (account is None and not old):
        return "unknown-format"
    if key_id[:4] == b"ASIA":
        return "temporary"
    return "long-lived" if account else "old-format"

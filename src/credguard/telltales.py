"""The words that credentials hold or stand beside, by which encoded ones are noticed, and how encodings write them."""

from __future__ import annotations

import re
from base64 import b64encode

KEY_IDS = (b"AKIA", b"ASIA")
NAMES = (b"secret", b"SECRET", b"Secret", b"PRIVATE KEY", b"--BEGIN")
"""What stands beside a secret access key, and in the first line of a private key."""
TOKENS = (
    b"ghp_", b"gho_", b"ghs_", b"github_pat_", b"glpat-", b"xoxb-", b"xoxp-", b"sk_live_", b"rk_live_", b"sk-ant-",
    b"sk-proj-", b"T3BlbkFJ", b"AIza", b"npm_", b"pypi-Ag", b"dckr_pat_", b"dop_v1_", b"hvs.", b".atlasv1.", b"shpat_",
    b"GOCSPX-", b"eyJhbGci", b"AccountKey=", b"hooks.slack.com/", b"SG.", b"hf_",
)  # fmt: skip
"""How tokens of other services begin."""
BESIDE = (
    b"postgres", b"mysql://", b"mongodb", b"redis://", b"amqp://", b"password", b"PASSWORD", b"token", b"TOKEN",
    b"api_key", b"API_KEY", b'"auths"',
)  # fmt: skip
"""What stands beside passwords and tokens, or before them in a URL."""
_LEAST, _WIDE = 4, 5
"""Characters of base64 that are looked for (of base64 in base64 one more), and of a word in UTF-16."""


def in_base64() -> bytes:
    """An expression of all words as base64, base64 of UTF-16 and base64 of base64 write them, and of packed files."""
    words = (*KEY_IDS, *NAMES, *TOKENS, *BESIDE)
    once = {fragment for word in words for fragment in fragments(word) if len(fragment) >= _LEAST}
    wide = {
        fragment
        for word in words
        for fragment in fragments(b"\0".join(word[i : i + 1] for i in range(min(len(word), _WIDE))))
    }
    twice = {again for word in words for one in fragments(word) for again in fragments(one) if len(again) > _LEAST}
    return any_of(once | twice | wide | {*PACKED, fragments(b"\0ustar")[1]})


PACKED = (b"H4sIA", b"UEsDB", b"QlpoM", b"QlpoN", b"QlpoO", b"/Td6WFoA", b"_Td6WFoA", b"KLUv/", b"KLUv_")
"""The first bytes of gzip, zip, bzip2, xz and zstd in base64; a tar's name in its middle is added to them."""


def fragments(word: bytes) -> list[bytes]:
    """The characters that base64 makes of a word at the three places where it can cut it, less those
    that depend on the neighbours (RFC 4648, section 4)."""
    found = []
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + word + b"\0" * 3)
        found.append(encoded[-(-shift * 8 // 6) : (shift + len(word)) * 8 // 6])
    return found


_GAPS = (
    (b"", b" ", b":", b", 0x", b",0x", b" 0x"),
    (rb"\x", rb"\u00", rb"\\x", rb"\\u00", b"%", b"%25", b";&#x", b";&#x00"),
)
_TEN_GAPS = (b";&#", b",", b", ", b" ")
_NUMBERED = (
    b"ghp_", b"ghs_", b"hub_pat", b"glpat", b"xoxb", b"xoxp", b"k_live", b"sk-ant", b"sk-proj", b"lbkFJ", b"AIza",
    b"npm_", b"pypi", b"hvs.", b"shpat", b"eyJh", b"BEGIN", b"postgr", b"mongo", b"mysql:", b"redis:", b"amqp",
    b"ountKey", b"SG.", b"token", b"TOKEN", b"passw", b"PASSW", b"KEY=",
)  # fmt: skip
"""Parts that make a word known: numbers take more room than letters."""


def in_numbers() -> tuple[bytes, bytes, bytes]:
    """Expressions of all words as hexadecimal numbers, hexadecimal escapes, and decimal or octal ones write them."""
    words = (*KEY_IDS, *NAMES[:3], *_NUMBERED)
    plain, escaped = ({gap.join(b"%02x" % byte for byte in word) for word in words for gap in gaps} for gaps in _GAPS)
    others = {gap.join(b"%d" % byte for byte in word) for word in words for gap in _TEN_GAPS}
    return (
        any_of(plain),
        any_of(escaped),
        any_of(others | {b"".join(rb"\%03o" % byte for byte in word) for word in words}),
    )


def any_of(literals: set[bytes]) -> bytes:
    """An expression that matches each of the literals."""
    return b"|".join(sorted(map(re.escape, literals)))

"""Writes credguard/decoders/keyword_patterns.txt: the words that credentials hold or stand beside, as encodings write
them. To make the expressions takes five milliseconds, which every run would spend.

`python tools/keyword_patterns.py [TARGET]`
"""

from __future__ import annotations

import re
import sys
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.heuristics.token_prefixes import ENCODED_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Path(__file__).parent.parent / "src/credguard/decoders/keyword_patterns.txt"
KEY_IDS = (b"AKIA", b"ASIA")
NAMES = (b"secret", b"SECRET", b"Secret", b"PRIVATE KEY", b"--BEGIN")
"""What stands beside a secret access key, and in the first line of a private key."""
BESIDE = (
    b"postgres",
    b"mongodb",
    b"://",
    b"password",
    b"PASSWORD",
    b"token",
    b"TOKEN",
    b"api_key",
    b"API_KEY",
    b'"auths"',
)
"""What stands beside passwords and tokens, or before them in a URL."""
_LONGEST = 3_000
"""Of one expression. Hyperscan takes five times as long ones, and half a second more to compile them."""
_WIDE, _LEAST, _LONGEST_WORD = 5, 4, 8
"""Letters of a word in UTF-16, and the least and most characters of base64 that are looked for."""


def build_base64_patterns() -> list[bytes]:
    """Expressions of all words as base64, base64 of UTF-16 and base64 of base64 write them, of what is common in
    texts that were encoded more often, and of packed files."""
    words = (*KEY_IDS, *NAMES, *ENCODED_WORDS, *BESIDE)
    once = {written for word in words for written in encode_word(word)}
    wide = {
        one
        for word in words
        for one in encode_fragments(b"\0".join(word[i : i + 1] for i in range(min(len(word), _WIDE))))
    }
    twice = {again for one in {one[:_LONGEST_WORD] for one in once} for again in encode_word(one)}
    literals = {one[:_LONGEST_WORD] for one in once | wide | twice} | {*PACKED, *DEEP, encode_fragments(b"\0ustar")[1]}
    return list(
        _join_alternatives(sorted(literal.replace(b"+", rb"\+") for literal in literals))
    )  # no other sign needs it


def _join_alternatives(alternatives: list[bytes]) -> Iterator[bytes]:
    """The alternatives in expressions that hyperscan compiles soon."""
    one = b""
    for alternative in alternatives:
        if len(one) + len(alternative) > _LONGEST:
            yield one
            one = b""
        one += (b"|" if one else b"") + alternative
    yield one


def encode_word(word: bytes) -> set[bytes]:
    """The characters that base64 makes of a word at the three places where it can cut it, four or more: of a short
    word also each of the few that it and its neighbour may have together."""
    found: set[bytes] = set()
    for shift, one in enumerate(encode_fragments(word)):
        if len(one) >= _LEAST:
            found.add(one)
        elif len(one) == _LEAST - 1:
            cut = b64encode(b"\0" * shift + word + b"\0" * 3)
            if shift == 1:  # four bits of the character before it are known
                found.update(bytes((_ALPHABET[_ALPHABET.index(cut[1]) | number << 4],)) + one for number in range(4))
            else:
                found.update(one + bytes((_ALPHABET[_ALPHABET.index(cut[6]) | number],)) for number in range(4))
    return found


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DEEP = b"""
RPT0 E9PQ UT09 UMD0 FQwP VDA9 V1ds UMDk VDA5 VQwO ldXb U1VO owPQ Vmxa WbFp 6MD0 VekJ VTFW owOQ JsZF U1Vk EMD0 6MDk
ZEQT YkZw V2tk ejA5 ejA9 c9PQ RDA9 TUQw JtRk NVTk WakZ VjFa JUW1 V2xk FWRE VjJ4 SbGR Vm10 Vmxo TRUp ZVWh VkRB U1Vo
Ykd4 Vm14 Ym1G RrPQ VWxa V2xo VkZa 3PT0 UkdW HOWp yTkd sWlZ JGRl GpiV UbFp QT09 VjBa VTBK Vmtw VmtW TWta nPT0 YTFw
VlRG V0ZK WR3h kZOV RbkJ YlZa TVhC UlZw lRWa YlhS UZSV Umtw Wa1p mxkV sTlZ UVdk WVEZ ZVWR WlVS aV3h VWtk ZWs1 VW0x
ZMjF UjJ4 Vm5w RbFZ XVlJ lZWV VWld UTIx Vld4 VakZ Rlpy WRkp kdWR VMnh XbE5 Xa1Z ZGWF V2pG FZhM hoVl dE5W nVjR VFRC
W01a UmxK a2Q0 Um14 V1RK nNVb TUhS WTI1 VGpC VNU1 aWFs XpWV hXbl VDBk ktWR XVEZ iWFJ SVld XbnB hMHB SazV mpOV R1lV
FVXd TldS kalJ lUVW VkZW IxWn FTR0 RMVp TWVU VYwN sUkV Vak5 1Zsc TWGR LYm1 1XVl ZXbT ZbGh WxwM VTFY RmNH HSld R1UW
VRGU eFdN I0WV NbVZ ZkSF
""".split()
"""What is common in texts that were encoded three times or more: there is little choice of characters in them."""
PACKED = (
    b"H4sIA", b"UEsDB", b"QlpoM", b"QlpoN", b"QlpoO", b"/Td6WFoA", b"_Td6WFoA", b"KLUv/", b"KLUv_", b"JVBERi0x",
    b"JVBERi0y", b"U1FMaXRlIGZv", b"ITxhcmNoPgo", b"N3q8ryccAA", b"UmFyIRoH", b"TFpJUA",
)  # fmt: skip
"""The first bytes of gzip, zip, bzip2, xz, zstd, PDF, SQLite, ar, 7z, RAR and lzip in base64; a tar's name in its
middle is added to them."""


def encode_fragments(word: bytes) -> list[bytes]:
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


def build_number_patterns() -> tuple[bytes, bytes, bytes]:
    """Expressions of all words as hexadecimal numbers, hexadecimal escapes, and decimal or octal ones write them."""
    words = (*KEY_IDS, *NAMES[:3], *_NUMBERED)
    plain, escaped = ({gap.join(b"%02x" % byte for byte in word) for word in words for gap in gaps} for gaps in _GAPS)
    others = {gap.join(b"%d" % byte for byte in word) for word in words for gap in _TEN_GAPS}
    return (
        join_literals(plain),
        join_literals(escaped),
        join_literals(others | {b"".join(rb"\%03o" % byte for byte in word) for word in words}),
    )


def join_literals(literals: set[bytes]) -> bytes:
    """An expression that matches each of the literals."""
    return b"|".join(sorted(map(re.escape, literals)))


if __name__ == "__main__":
    lines = (*build_number_patterns(), *build_base64_patterns())
    Path(sys.argv[1] if len(sys.argv) > 1 else TARGET).write_bytes(b"".join(line + b"\n" for line in lines))

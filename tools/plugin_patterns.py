"""Writes credguard/plugin_patterns.py: for each detect-secrets plugin a pattern that matches wherever it may.

What Python's expressions say is translated to bytes in a way that only widens: assertions are left out, a class that
may hold characters beyond ASCII takes every byte beyond it, what may go on to the end stops at its least.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

TARGET = Path(__file__).parent.parent / "src" / "credguard" / "plugin_patterns.py"
# The rule that speaks of what a plugin finds.
RULES = {
    "ArtifactoryDetector": "CG186", "AzureStorageKeyDetector": "CG170", "BasicAuthDetector": "CG182",
    "CloudantDetector": "CG187", "DiscordBotTokenDetector": "CG179", "GitHubTokenDetector": "CG160",
    "GitLabTokenDetector": "CG161", "IbmCloudIamDetector": "CG187", "IbmCosHmacDetector": "CG187",
    "JwtTokenDetector": "CG183", "MailchimpDetector": "CG184", "NpmDetector": "CG164", "OpenAIDetector": "CG166",
    "PypiTokenDetector": "CG165", "SendGridDetector": "CG177", "SlackDetector": "CG162", "SoftlayerDetector": "CG187",
    "SquareOAuthDetector": "CG185", "StripeDetector": "CG163", "TelegramBotTokenDetector": "CG180",
    "TwilioKeyDetector": "CG178",
}  # fmt: skip
# Other rules do what these do: CG1xx on AWS, CG150, CG190.
LEFT_OUT = {
    "AWSKeyDetector", "PrivateKeyDetector", "Base64HighEntropyString", "HexHighEntropyString",
    "HighEntropyStringsPlugin", "KeywordDetector", "IPPublicDetector",
}  # fmt: skip
HIGH = rb"\x80-\xff"
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
ENDS = {sre.AT_BEGINNING: b"^", sre.AT_END: rb"\r?$"}
"""A line's, for a plugin is given a line at a time."""


def translated(expression: str, flags: int) -> bytes:
    """The byte pattern that matches wherever the expression may, ending no later."""
    items = list(parser.parse(expression, flags))
    caseless = bool(flags & sre.SRE_FLAG_IGNORECASE)
    while items and (items[-1][0] in (sre.ASSERT, sre.ASSERT_NOT) or (items[-1][0] in REPEATS and not items[-1][1][0])):
        items.pop()
    if items and items[-1][0] in REPEATS:
        op, (least, _, inner) = items[-1]
        items[-1] = (op, (least, least, inner))
    while items and (items[0][0] in (sre.ASSERT, sre.ASSERT_NOT) or optional(items[0])):
        items.pop(0)
    if items and items[0][0] in REPEATS and len(items[0][1][2]) == 1:
        return first(items[0], caseless=caseless) + sequence(items[1:], caseless=caseless)
    return sequence(items, caseless=caseless)


def optional(item: Any) -> bool:
    """True for what may be nothing: only its end is asked for, so a part at the beginning may be left out."""
    op, value = item
    if op is sre.SUBPATTERN:
        return all(map(optional, value[3]))
    if op is sre.BRANCH:
        return any(all(map(optional, one)) for one in value[1])
    return op in REPEATS and not value[0]


def first(item: Any, *, caseless: bool) -> bytes:
    """A repetition at the beginning: the last of it, at its least."""
    least, _, inner = item[1]
    op, value = inner[0]
    if op not in (sre.LITERAL, sre.IN):
        return part(*item, caseless=caseless)
    return characters(op, value, caseless=caseless) + b"{%d}" % least


def sequence(items: Any, *, caseless: bool) -> bytes:
    """All parts one after the other."""
    return b"".join(part(op, value, caseless=caseless) for op, value in items)


def part(op: Any, value: Any, *, caseless: bool) -> bytes:
    """One part of a parsed expression."""
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return b""
    if op is sre.AT:
        return ENDS.get(value, b"")
    if op in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
        return characters(op, value, caseless=caseless) + b"{1,4}" * wide(op, value, caseless=caseless)
    if op is sre.SUBPATTERN:
        return b"(?:" + sequence(value[3], caseless=caseless) + b")"
    if op is sre.BRANCH:
        return b"(?:" + b"|".join(sequence(one, caseless=caseless) for one in value[1]) + b")"
    if op in REPEATS:
        return repeated(*value, caseless=caseless)
    raise ValueError(f"no translation of {op}")


def repeated(least: int, most: int, items: Any, *, caseless: bool) -> bytes:
    """A repetition; of characters that may take several bytes, up to four times as many."""
    single = len(items) == 1 and items[0][0] in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
    op, value = items[0]
    if not single:
        inner = sequence(items, caseless=caseless)
        return b"(?:" + inner + b"){%d,%s}" % (least, b"" if most is sre.MAXREPEAT else b"%d" % most)
    several = wide(op, value, caseless=caseless)
    top = b"" if most is sre.MAXREPEAT else b"%d" % (most * 4 if several else most)
    return characters(op, value, caseless=caseless) + b"{%d,%s}" % (least, top)


def characters(op: Any, value: Any, *, caseless: bool) -> bytes:
    """The class of bytes that a character of this part may begin with or hold."""
    found = bytes(byte for byte in range(128) if matches(op, value, byte, caseless=caseless))
    high = wide(op, value, caseless=caseless)
    if len(found) == 1 and not high:
        return found if found.isalnum() else b"\\x%02x" % found[0]
    runs: list[list[int]] = []
    for byte in found:
        if runs and runs[-1][1] == byte - 1:
            runs[-1][1] = byte
        else:
            runs.append([byte, byte])
    return b"[" + b"".join(map(shown, runs)) + (HIGH if high else b"") + b"]"


def shown(run: list[int]) -> bytes:
    """A run of bytes inside of a class."""
    ends = [bytes([one]) if bytes([one]).isalnum() else b"\\x%02x" % one for one in run]
    return ends[0] if run[0] == run[1] else b"-".join(ends)


def matches(op: Any, value: Any, code: int, *, caseless: bool) -> bool:
    """True where the part takes the character."""
    compiled = single(op, value, caseless=caseless)
    return compiled.match(chr(code)) is not None


def wide(op: Any, value: Any, *, caseless: bool) -> bool:
    """True where the part takes a character beyond ASCII."""
    compiled = single(op, value, caseless=caseless)
    return any(compiled.match(chr(code)) for code in SAMPLES)


# One of each kind that Python's classes know, and those that are equal to ASCII letters without regard to case.
SAMPLES = [*range(128, 0x3000), 0x3000, 0x4E00, 0xFEFF, 0xFF11, 0xFF21, 0x1D7CE, 0x1F600, 0x10FFFF, 0xDC80]


def single(op: Any, value: Any, *, caseless: bool) -> Any:
    """A compiled expression of the part alone."""
    from re import _compiler as compiler  # type: ignore[attr-defined]

    state = parser.State()
    state.flags = sre.SRE_FLAG_UNICODE | (sre.SRE_FLAG_IGNORECASE if caseless else 0)
    state.str = ""
    return compiler.compile(parser.SubPattern(state, [(op, value)]), state.flags)


def plugins() -> dict[str, tuple[str, Any]]:
    """Each plugin's class with its module."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    classes: Any = get_mapping_from_secret_type_to_class().values()
    return {one.__name__: (one.__module__, one) for one in classes}


def main(target: Path = TARGET) -> int:
    """Writes the file; raises ValueError for a plugin that is not known here."""
    from detect_secrets.__version__ import VERSION

    known = plugins()
    if unknown := set(known) - set(RULES) - LEFT_OUT:
        raise ValueError(f"no rule for {sorted(unknown)}")
    lines = [
        '"""Where each detect-secrets plugin may find something; tools/plugin_patterns.py writes this."""\n',
        "from __future__ import annotations\n",
        f'VERSION = "{VERSION}"',
        "# The plugin, its module, the rule that speaks of it, and what says where to look.",
        "PLUGINS: tuple[tuple[str, str, str, tuple[bytes, ...]], ...] = (",
    ]
    for name, rule in sorted(RULES.items()):
        module, _ = known[name]
        expressions = [translated(one.pattern, one.flags) for one in import_module(module).__dict__[name]().denylist]
        lines += [f'    ("{name}", "{module}", "{rule}", (']
        lines += [f"        {expression!r}," for expression in dict.fromkeys(expressions)] + ["    )),"]
    target.write_text("\n".join([*lines, ")\n"]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))

"""Writes credguard/rules/tokens/_detect_secrets_patterns.py: for each detect-secrets plugin a pattern that matches
wherever it may.

What Python's expressions say is translated to bytes in a way that only widens: what may be missing at the beginning and
assertions are left out, what takes any character beyond ASCII takes every byte beyond it, what may go on to the end
stops at its least. A digit, a blank and a letter in either case are ASCII's, as credguard.rules.tokens._detect_secrets
has it. A pattern shall begin with a word that hyperscan can look for: see BEGINS and ENOUGH.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

TARGET = Path(__file__).parent.parent / "src/credguard/rules/tokens/_detect_secrets_patterns.py"
# The rule that speaks of what a plugin finds.
RULES = {
    "ArtifactoryDetector": "CG186", "AzureStorageKeyDetector": "CG170", "BasicAuthDetector": "CG182",
    "CloudantDetector": "CG187", "GitHubTokenDetector": "CG160",
    "GitLabTokenDetector": "CG161", "IbmCloudIamDetector": "CG187", "IbmCosHmacDetector": "CG187",
    "JwtTokenDetector": "CG183", "MailchimpDetector": "CG184", "NpmDetector": "CG164", "OpenAIDetector": "CG166",
    "PypiTokenDetector": "CG165", "SendGridDetector": "CG177", "SlackDetector": "CG162", "SoftlayerDetector": "CG187",
    "SquareOAuthDetector": "CG185", "StripeDetector": "CG163", "TelegramBotTokenDetector": "CG180",
    "TwilioKeyDetector": "CG178",
}  # fmt: skip
# Other rules do what these do: CG1xx on AWS, CG150, CG190. CG179 sees every bot's number by itself, and nothing else
# that the plugin takes for a token is one.
LEFT_OUT = {
    "AWSKeyDetector", "PrivateKeyDetector", "Base64HighEntropyString", "HexHighEntropyString",
    "HighEntropyStringsPlugin", "KeywordDetector", "IPPublicDetector", "DiscordBotTokenDetector",
}  # fmt: skip
# What stands before this is not asked for.
BEGINS = {"NpmDetector": rb"\x2f\x3a\x5fauthToken", "OpenAIDetector": b"T3BlbkFJ"}
ENOUGH = 31
"""Characters of a class at the end; from 32 on hyperscan looks for less of what stands before them."""
HIGH = rb"\x80-\xff"
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
ENDS = {sre.AT_BEGINNING: b"^", sre.AT_END: rb"\r?$"}
"""A line's, for a plugin is given a line at a time."""


def translated(expression: str, flags: int) -> bytes:
    """The byte pattern that matches wherever the expression may."""
    items = list(parser.parse(expression, ascii_only(flags)))
    end = ending(items)
    while items and optional(items[-1]):
        items.pop()
    if items and items[-1][0] in REPEATS and not end:
        op, (least, _, inner) = items[-1]
        items[-1] = (op, (min(least, ENOUGH),) * 2 + (inner,))
    while items and optional(items[0]):
        items.pop(0)
    case = b"(?i)" if flags & re.IGNORECASE else b""
    if items and items[0][0] in REPEATS and len(items[0][1][2]) == 1:
        return case + first(items[0]) + sequence(items[1:]) + end
    return case + sequence(items) + end


def ascii_only(flags: int) -> int:
    """The flags under which classes and cases are ASCII's."""
    return flags & ~re.UNICODE | re.ASCII


def ending(items: Any) -> bytes:
    """What a class that must not follow at the end leaves for the next byte."""
    for op, value in reversed(items):
        if op is sre.ASSERT_NOT and value[0] > 0 and len(value[1]) == 1 and value[1][0][0] is sre.IN:
            return b"(?:[^" + characters(*value[1][0])[1:] + rb"|\z)"
        if op is sre.SUBPATTERN and not optional((op, value)):
            return ending(value[3])
        if not optional((op, value)):
            break
    return b""


def optional(item: Any) -> bool:
    """True for what may be nothing: only its end is asked for, so a part at the beginning may be left out."""
    op, value = item
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return True
    if op is sre.SUBPATTERN:
        return all(map(optional, value[3]))
    if op is sre.BRANCH:
        return any(all(map(optional, one)) for one in value[1])
    return op in REPEATS and not value[0]


def first(item: Any) -> bytes:
    """A repetition at the beginning: the last of it, at its least."""
    least, _, inner = item[1]
    op, value = inner[0]
    if op not in (sre.LITERAL, sre.IN):
        return part(*item)
    return characters(op, value) + b"{%d}" % least


def sequence(items: Any) -> bytes:
    """All parts one after the other."""
    return b"".join(part(op, value) for op, value in items)


def part(op: Any, value: Any) -> bytes:
    """One part of a parsed expression."""
    if op in (sre.ASSERT, sre.ASSERT_NOT):
        return b""
    if op is sre.AT:
        return ENDS.get(value, b"")
    if op in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
        return characters(op, value) + b"{1,4}" * wide(op, value)
    if op is sre.SUBPATTERN:
        return b"(?:" + sequence(value[3]) + b")"
    if op is sre.BRANCH:
        return b"(?:" + b"|".join(sequence(one) for one in value[1]) + b")"
    if op in REPEATS:
        return repeated(*value)
    raise ValueError(f"no translation of {op}")


def repeated(least: int, most: int, items: Any) -> bytes:
    """A repetition; of characters that may take several bytes, up to four times as many."""
    single = len(items) == 1 and items[0][0] in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY)
    op, value = items[0]
    if not single:
        inner = sequence(items)
        return b"(?:" + inner + b"){%d,%s}" % (least, b"" if most is sre.MAXREPEAT else b"%d" % most)
    several = wide(op, value)
    top = b"" if most is sre.MAXREPEAT else b"%d" % (most * 4 if several else most)
    return characters(op, value) + b"{%d,%s}" % (least, top)


def characters(op: Any, value: Any) -> bytes:
    """The class of bytes that a character of this part may begin with or hold."""
    found = bytes(byte for byte in range(128) if matches(op, value, byte))
    high = wide(op, value)
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


def matches(op: Any, value: Any, code: int) -> bool:
    """True where the part takes the character."""
    compiled = single(op, value)
    return compiled.match(chr(code)) is not None


def wide(op: Any, value: Any) -> bool:
    """True where the part takes a character beyond ASCII."""
    compiled = single(op, value)
    return any(compiled.match(chr(code)) for code in SAMPLES)


SAMPLES = (0x85, 0xA0, 0xB2, 0xE9, 0x17F, 0x660, 0x4E00, 0x1F600, 0xDC80)


def single(op: Any, value: Any) -> Any:
    """A compiled expression of the part alone."""
    from re import _compiler as compiler  # type: ignore[attr-defined]

    state = parser.State()
    state.flags = re.ASCII
    state.str = ""
    return compiler.compile(parser.SubPattern(state, [(op, value)]), state.flags)


def plugins() -> dict[str, tuple[str, Any]]:
    """Each plugin's class with its module."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    classes: Any = get_mapping_from_secret_type_to_class().values()
    return {one.__name__: (one.__module__, one) for one in classes}


def begun(name: str, expression: re.Pattern[str]) -> bytes:
    """The pattern of a plugin's expression, from the word on with which it shall begin."""
    pattern = translated(expression.pattern, expression.flags)
    return pattern[pattern.index(BEGINS[name]) :] if name in BEGINS else pattern


def as_it_is(expression: re.Pattern[str]) -> tuple[bytes, int]:
    """A plugin's expression and its flags, for bytes; without blanks, so that the lines may be long."""
    verbose = expression.flags & re.VERBOSE
    text = expression.pattern if verbose else expression.pattern.replace(" ", r"\x20")
    return text.encode(), int(expression.flags & ~re.UNICODE)


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
        "# The plugin, its module, the rule that reports its matches, the patterns that locate candidates, and its own",
        "# expressions.",
        "PLUGINS: tuple[tuple[str, str, str, tuple[bytes, ...], tuple[tuple[bytes, int], ...]], ...] = (",
    ]
    for name, rule in sorted(RULES.items()):
        module, _ = known[name]
        expressions = import_module(module).__dict__[name]().denylist
        patterns = dict.fromkeys(begun(name, one) for one in expressions)
        lines += [f'    ("{name}", "{module}", "{rule}", (']
        lines += [f"        {pattern!r}," for pattern in patterns] + ["    ), ("]
        lines += [f"        {as_it_is(one)!r}," for one in expressions]
        lines += ["    )),"]
    target.write_text("\n".join([*lines, ")\n"]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))

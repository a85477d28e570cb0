"""The text of a commit message as a hook has to scan it: all of it, except what git itself quoted there.

Whether git drops comment lines, or what follows a scissors line, depends on `--cleanup` and `--verbose`, which a hook
does not know (git-commit, "--cleanup"): nothing counts as dropped. What git itself adds are file names and a quote of
the change. That is scanned in the index and in the commits; if it were scanned here too, a commit that removes a key
could not be made with `--verbose`.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Iterable

_SCISSORS = b" ------------------------ >8 ------------------------"
_HEADERS = (b"diff --git ", b"--- ", b"+++ ", b"rename ", b"copy ")
_LONGEST_SIGN, _LONGEST_NAME = 8, 8192
_MOST_OF_A_HEADING = 80
"""The most bytes of a line that git shows after the `@@` of a hunk."""


def list_message_views(text: bytes) -> tuple[bytes, ...]:
    """The whole text, and if it has lines that git may drop as comments, also the text without them: words separated by
    comments may form a finding together."""
    if not text.startswith(b"#") and b"\n#" not in text:
        return (text,)
    return text, b"\n".join(line for line in text.split(b"\n") if not line.startswith(b"#"))


def has_quotes(text: bytes) -> bool:
    """True if the text may contain what git itself wrote: names of files in comments, or a diff."""
    return _SCISSORS in text or any(map(_is_listed, text.split(b"\n")))


def strip_quotes(text: bytes, names: Iterable[bytes], contents: Iterable[bytes]) -> bytes:
    """The text without the names of files in git's comments and without the lines of its diff; `names` are files that
    git may have listed, `contents` what the diff may have quoted.

    A line of the diff is removed only if one of the contents has exactly this line; everything else stays.
    """
    above, cut, below = _split_at_scissors(text)
    known = frozenset(names)
    lines = [_strip_name(line, known) if _is_listed(line) else line for line in above.split(b"\n")]
    return b"\n".join(lines) + cut + _strip_diff(below, known, contents)


def _is_listed(line: bytes) -> bool:
    """True for a line in which git lists a file: the comment character, a tab, and words that end with the name."""
    sign, tab, _ = line.partition(b"\t")
    return bool(tab) and _is_sign(sign)


def _is_sign(sign: bytes) -> bool:
    return 0 < len(sign) <= _LONGEST_SIGN and len(sign.split()) == 1


def _split_at_scissors(text: bytes) -> tuple[bytes, bytes, bytes]:
    """The text above the scissors line, the line itself, and the text below; any comment character may begin it."""
    at = 0
    for line in text.split(b"\n"):
        sign, cut, rest = line.partition(_SCISSORS)
        if cut and _is_sign(sign) and not rest.strip():
            return text[:at], line, text[at + len(line) :]
        at += len(line) + 1
    return text, b"", b""


def _strip_name(line: bytes, names: frozenset[bytes]) -> bytes:
    """The line without the names of files at its end; for two names (`a -> b`, `a/x b/x`) without both."""
    for _ in range(2 if len(line) <= _LONGEST_NAME else 0):
        starts = (at + 1 for at in range(len(line)) if line[at : at + 1] in (b"\t", b" ", b"/"))
        start = next((at for at in starts if line[at:].rstrip(b"\r") in names), None)
        if start is None:
            break
        line = _strip_prefix(line[:start])
    return line


def _strip_prefix(line: bytes) -> bytes:
    """The line without what git puts between two names, or before one: ` ->`, ` a/`, a space."""
    if line.endswith(b"/") and line[-3:-2] == b" ":
        line = line[:-3]
    return line.removesuffix(b" ").removesuffix(b" ->")


def _strip_diff(text: bytes, names: frozenset[bytes], contents: Iterable[bytes]) -> bytes:
    lines = text.split(b"\n")
    wanted = {_parse_diff_line(line) for line in lines} - {b""}
    there: set[bytes] = set()
    for content in contents if wanted else ():
        for line in content.split(b"\n"):
            there.update(wanted.intersection((line.rstrip(), line[:_MOST_OF_A_HEADING].rstrip())))
    kept = (_strip_name(line, names) if line.startswith(_HEADERS) or _is_listed(line) else line for line in lines)
    return b"\n".join(b"" if _parse_diff_line(line) in there else left for line, left in zip(lines, kept, strict=True))


def _parse_diff_line(line: bytes) -> bytes:
    """The line of a file that a line of a diff quotes, b"" for its other lines."""
    if line.startswith(b"@@ -"):
        return line.partition(b" @@ ")[2].rstrip()
    return line[1:].rstrip() if line.startswith((b"+", b"-", b" ")) else b""

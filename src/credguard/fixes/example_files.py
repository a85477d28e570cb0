"""Examples of env files: names and comments without values, and real values taken out of examples that are there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.fixes.edit import Edit, RefusedError, load
from credguard.heuristics.real_values import KEY_ID, Worth, is_random, worth
from credguard.heuristics.secret_names import is_secret_name
from credguard.lazy_re import regex
from credguard.parsers.assignments import as_text, dotenv, pairs
from credguard.sources.env_files import EXAMPLE_WORDS, Kind, folder_of, is_fixture, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from credguard.parsers.assignments import Assignment
    from credguard.sources.worktree import WorkTree

_EXAMPLES = tuple(sorted(EXAMPLE_WORDS & {"example", "sample", "template", "dist", "tmpl", "defaults"}))
_ASSIGNS = regex(rb"[ \t]*(#[# \t]*)?(export[ \t]+)?[A-Za-z_]")
# Prose: words, short numbers, names of variables, addresses without a user or a query. What is made by a generator
# is none of these; a password of one word may be, unless the comment says that it is one.
_PROSE = regex(
    r"[^\W\d_]{1,24}(?:[-'\u2019./_][^\W\d_]{1,24}){0,8}|\d{1,4}(?:[.:-]\d{1,4}){0,3}|"
    r"[A-Z][A-Z0-9]{0,11}(?:_[A-Z0-9]{1,12}){1,8}|[A-Z]{1,8}\d?|https?://[a-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z_.-]{0,24}){0,8}"
)
_LONG_WORD, _LONG_PART = 12, 30
_MIXED, _DIGIT = regex(rb"[a-z].*[A-Z]|[A-Z].*[a-z]"), regex(rb"\d")
_AROUND = " \t()[]{}<>\"'`,;:.!?*#=-/|\u2013\u2014"
_NEW = "example"


def example_of(tree: WorkTree, path: str, data: bytes) -> Edit | None:
    """The example to stand beside an env file that leaves git; None where one is there, or nothing can be listed.

    It has the names in their order and the comments that are plain prose; every value is empty.
    """
    if _has_example(tree, path):
        return None
    text = b"".join(_lines(as_text(data)))
    place = f"{path}.{_NEW}"
    if not any(line and not line.startswith(b"#") for line in text.split(b"\n")) or load(tree.root, place) is not None:
        return None
    return Edit(place, None, text)


def _has_example(tree: WorkTree, path: str) -> bool:
    folder, name = folder_of(path), path[len(folder_of(path)) :]
    if name == ".env":
        here = (one for one in tree.files if folder_of(one) == folder)
        return any(kind_of(one[len(folder) :]) is Kind.EXAMPLE for one in here)
    return any(f"{path}.{word}" in tree.files for word in _EXAMPLES)


def _lines(data: bytes) -> Iterator[bytes]:
    """The example's lines. Nothing is taken over but names, and comments that nothing could hide in."""
    found = list(dotenv(data))
    told: set[bytes] = set()
    starts = {_line_start(data, one): one for one in found}
    inside = [(one.start, one.end) for one in found]
    position = 0
    for line in data.removesuffix(b"\n").split(b"\n"):
        start, position = position, position + len(line) + 1
        one = starts.get(start)
        if one is not None:
            if one.name not in told and not _is_secret(one.name):
                told.add(one.name)
                yield _prefix(line) + one.name + b"=\n"
        elif any(a < start <= b for a, b in inside):
            continue
        elif not line.strip():
            yield b"\n"
        elif line.lstrip().startswith(b"#") and _is_prose(line):
            yield line.strip() + b"\n"


def _line_start(data: bytes, one: Assignment) -> int:
    return data.rfind(b"\n", 0, one.start) + 1


def _prefix(line: bytes) -> bytes:
    match = _ASSIGNS.match(line)
    if match is None:
        return b""
    return (b"# " if match[1] else b"") + (b"export " if match[2] else b"")


def _is_secret(name: bytes) -> bool:
    """True for what is no name: a key ID, what looks generated, or long and without words."""
    if max(map(len, re.split(rb"[_.-]", name))) > _LONG_PART or (_MIXED.search(name) and len(_DIGIT.findall(name)) > 2):
        return True
    return KEY_ID.search(name) is not None or is_random(name)


def _is_prose(line: bytes) -> bool:
    """True for a comment of plain words that names no secret beside a value."""
    try:
        text = line.decode("utf-8").strip().lstrip("# \t")
    except UnicodeDecodeError:
        return False
    words = [word.strip(_AROUND) for word in text.split()]
    if not all(_PROSE.fullmatch(word) and not _is_odd(word) for word in words if word):
        return False
    said = re.split(r"[:=]\s*(?=\S)|\bis\b", text, maxsplit=1)
    return len(said) == 1 or not is_secret_name("_".join(said[0].split()[-3:]).encode())


def _is_odd(word: str) -> bool:
    """True for a long word in mixed case, and for what looks generated."""
    long = len(word) > _LONG_WORD and "/" not in word and not (word[1:].islower() or word.isupper())
    return long or _is_secret(word.encode())


def emptied(root: Path, path: str) -> Edit | None:
    """An example without its real values: each is taken out, quotes and all else stay. None where none is seen.

    Raises RefusedError for a file that is not to be touched.
    """
    data = load(root, path)
    if data is None:
        return None
    least = Worth.KNOWN if is_fixture(path) else Worth.RANDOM
    real = [one for one in _assignments(path, data) if worth(one.name, one.value) >= least]
    after = data
    for one in sorted(real, key=lambda one: -one.start):
        after = after[: one.start] + after[one.end :]
    hide = tuple(one.value.decode("utf-8", "surrogateescape") for one in real)
    return Edit(path, data, after, hide) if real else None


def _assignments(path: str, data: bytes) -> Iterable[Assignment]:
    return dotenv(data) if kind_of(path.rpartition("/")[2]) else pairs(data)


def told(data: bytes, edit: Edit) -> None:
    """Raises RefusedError where a value of the env file has found its way into its example."""
    for one in dotenv(as_text(data)):
        if worth(one.name, one.value) and one.value in edit.after:
            raise RefusedError("would repeat a value: write the example yourself")

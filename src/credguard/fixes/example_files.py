"""Examples of env files: names and comments without values, and existing examples with real values removed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.fixes.edit import Edit, RefusedError, load_text
from credguard.heuristics.real_values import KEY_ID_ALONE, SecretConfidence, classify_value, is_random
from credguard.heuristics.secret_names import is_secret_name
from credguard.lazy_re import compile_lazily
from credguard.parsers.assignments import parse_dotenv, parse_pairs
from credguard.parsers.utf16 import recode_marked
from credguard.sources.env_files import EXAMPLE_WORDS, EnvFileKind, classify_env_file, get_folder, is_fixture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from credguard.parsers.assignments import Assignment
    from credguard.sources.worktree import WorkTree

_EXAMPLES = tuple(sorted(EXAMPLE_WORDS & {"example", "sample", "template", "dist", "tmpl", "defaults"}))
_ASSIGNS = compile_lazily(rb"[ \t]*(#[# \t]*)?(export[ \t]+)?[A-Za-z_]")
# Prose: words, short numbers, names of variables, addresses without a user or a query. Generated values do not match; a
# password of one word may, unless the comment calls it one.
_PROSE = compile_lazily(
    r"[^\W\d_]{1,24}(?:[-'\u2019./_][^\W\d_]{1,24}){0,8}|\d{1,4}(?:[.:-]\d{1,4}){0,3}|"
    r"[A-Z][A-Z0-9]{0,11}(?:_[A-Z0-9]{1,12}){1,8}|[A-Z]{1,8}\d?|https?://[a-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z_.-]{0,24}){0,8}"
)
_LONG_WORD, _LONG_PART = 12, 30
_MIXED, _DIGIT = compile_lazily(rb"[a-z].*[A-Z]|[A-Z].*[a-z]"), compile_lazily(rb"\d")
_AROUND = " \t()[]{}<>\"'`,;:.!?*#=-/|\u2013\u2014"
_NEW = "example"


def build_example(tree: WorkTree, path: str, data: bytes) -> Edit | None:
    """The example for an env file that is removed from git; None if one exists, or nothing can be listed.

    It has the names in their order and the comments that are plain prose; every value is empty.
    """
    if _has_example(tree, path):
        return None
    text = b"".join(_iter_example_lines(recode_marked(data)))
    place = f"{path}.{_NEW}"
    if (
        not any(line and not line.startswith(b"#") for line in text.split(b"\n"))
        or load_text(tree.root, place) is not None
    ):
        return None
    return Edit(place, None, text)


def _has_example(tree: WorkTree, path: str) -> bool:
    folder, name = get_folder(path), path[len(get_folder(path)) :]
    if name == ".env":
        here = (one for one in tree.files if get_folder(one) == folder)
        return any(classify_env_file(one[len(folder) :]) is EnvFileKind.EXAMPLE for one in here)
    return any(f"{path}.{word}" in tree.files for word in _EXAMPLES)


def _iter_example_lines(data: bytes) -> Iterator[bytes]:
    """The example's lines: only names, and comments that cannot contain a secret."""
    found = list(parse_dotenv(data))
    told: set[bytes] = set()
    starts = {_find_line_start(data, one): one for one in found}
    inside = [(one.start, one.end) for one in found]
    position = 0
    for line in data.removesuffix(b"\n").split(b"\n"):
        start, position = position, position + len(line) + 1
        one = starts.get(start)
        if one is not None:
            if one.name not in told and not _is_secret(one.name):
                told.add(one.name)
                yield _build_prefix(line) + one.name + b"=\n"
        elif any(a < start <= b for a, b in inside):
            continue
        elif not line.strip():
            yield b"\n"
        elif line.lstrip().startswith(b"#") and _is_prose(line):
            yield line.strip() + b"\n"


def _find_line_start(data: bytes, one: Assignment) -> int:
    return data.rfind(b"\n", 0, one.start) + 1


def _build_prefix(line: bytes) -> bytes:
    match = _ASSIGNS.match(line)
    if match is None:
        return b""
    return (b"# " if match[1] else b"") + (b"export " if match[2] else b"")


def _is_secret(name: bytes) -> bool:
    """True for what is not a name: a key ID, what looks generated, or is long and without words."""
    if max(map(len, re.split(rb"[_.-]", name))) > _LONG_PART or (_MIXED.search(name) and len(_DIGIT.findall(name)) > 2):
        return True
    return KEY_ID_ALONE.search(name) is not None or is_random(name)


def _is_prose(line: bytes) -> bool:
    """True for a comment of plain words that does not name a secret with a value."""
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


def strip_real_values(root: Path, path: str) -> Edit | None:
    """An example without its real values: each is removed, quotes and everything else stay. None if there are none.

    Raises RefusedError for a file that must not be changed.
    """
    data = load_text(root, path)
    if data is None:
        return None
    least = SecretConfidence.KNOWN if is_fixture(path) else SecretConfidence.RANDOM
    real = [one for one in _parse_assignments(path, data) if classify_value(one.name, one.value) >= least]
    after = data
    for one in sorted(real, key=lambda one: -one.start):
        after = after[: one.start] + after[one.end :]
    hide = tuple(one.value.decode("utf-8", "surrogateescape") for one in real)
    return Edit(path, data, after, hide) if real else None


def _parse_assignments(path: str, data: bytes) -> Iterable[Assignment]:
    return parse_dotenv(data) if classify_env_file(path) else parse_pairs(data)


def check_example(data: bytes, edit: Edit) -> None:
    """Raises RefusedError if the example contains a value of the env file."""
    for one in parse_dotenv(recode_marked(data)):
        if classify_value(one.name, one.value) and one.value in edit.after:
            raise RefusedError("would repeat a value: write the example yourself")

"""Compares two trees of settings: what differs, under which key, described without showing a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.enforcement.shell import SCRIPT_SUFFIXES, iter_code_lines
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from credguard.parsers.document import Node

ONE_OF = "one of several"
"""The tag of a sequence whose other entries were left out, so that its indexes have no meaning."""
LINES = "lines"
"""The tag of a sequence of the lines of a text."""
_TELLING = frozenset(
    "uses repo rev if when condition needs requires depends_on dependsOn runs-on shell continue-on-error on branches "
    "paths types allow_failure continueOnError soft_fail skip only except stages stage id language files exclude "
    "extends include image tags events parallel enabled timeout-minutes fail_fast rules changes version ref".split()
)
_KNOWN = frozenset(
    "credguard ci scan hook audit install true false exit set echo printf pip pipx uv uvx run python python3 sudo env "
    "exec sh bash make npm test cd export if then fi else do done for while return null never always manual on_success "
    "trap eval source pre-commit commit-msg pre-push pre-receive pre-merge-commit post-rewrite --version --help || && "
    "git checkout reset rm mv cp chmod unset alias function command nohup sleep kill PATH HOME GITHUB_PATH GITHUB_ENV "
    "not executable carriage returns PYTHONPATH fetch-depth all yes no".split()
)
_WORD = compile_lazily(r"[^\s\"'`(){}\[\];|&<>=,]+")
_OPTION = compile_lazily(r"--?[A-Za-z][A-Za-z-]{0,24}|\+[a-z]|\d{1,3}|[A-Z]{1,3}\d{1,3}")
_PIN = compile_lazily(r"([\w.-]{1,60}(?:/[\w.-]{1,60}){1,4})@([0-9a-f]{7,64}|v?[\d.]{1,20}|[\w.-]{1,30})")
_HEX = compile_lazily(r"[0-9a-f]{12,64}")
_KEY = compile_lazily(r"[\w .:/*${}()!\[\]-]{1,200}")
_USER = compile_lazily(r"//[^/\s]*@")
_SHORT = 60
_DEEPEST = 100
_MOST_PAIRS = 100_000


@dataclass(frozen=True, slots=True)
class TreeDifference:
    """One difference: its key, the old and the new value in words, and its location.

    `line` is that of the new file, or of the old one if nothing is left. `path` is the file. `old` and `new` are
    complete texts if both are scalars; they must not be shown.
    """

    path: str
    key: str
    words: str
    line: int
    identity: bytes
    old: str | None = None
    new: str | None = None


def canonicalize(node: Node, key: str = "") -> object:
    """The meaning of a value, hashable: equal for values that differ only in comments, order of keys, whitespace and
    quotes."""
    if node.kind == "mapping":
        pairs: dict[str, list[object]] = {}
        for name, value in node.pairs:
            pairs.setdefault(name.text, []).append(canonicalize(value, name.text))
        return ("mapping", node.tag, tuple(sorted((name, tuple(values)) for name, values in pairs.items())))
    if node.kind == "sequence":
        return ("sequence", node.tag, tuple(canonicalize(item, key) for item in node.items))
    return (node.kind, node.tag, normalize_scalar(node, key))


def normalize_scalar(node: Node, key: str) -> str:
    """The text of a scalar; for a script without whitespace around its lines."""
    if node.type == "null":
        return ""
    if node.type == "bool":
        return node.text.lower()
    if key in SCRIPT_SUFFIXES or node.literal:
        return "\n".join(line for _, line in iter_code_lines(node.text, comments=False))
    return node.text.strip()


def find_differences(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[TreeDifference]:
    """All differences between two sets of trees by file."""
    for path in (*old, *(path for path in new if path not in old)):
        if path not in new:
            yield TreeDifference(path, "", "is gone", 1, _compute_identity(path, "", canonicalize(old[path]), None))
        elif path not in old:
            yield TreeDifference(path, "", "is new", 1, _compute_identity(path, "", None, canonicalize(new[path])))
        else:
            yield from _compare_nodes(path, "", old[path], new[path], "", 0)


def _compare_nodes(path: str, key: str, old: Node, new: Node, name: str, depth: int) -> Iterator[TreeDifference]:
    if canonicalize(old, name) == canonicalize(new, name):
        return
    same = old.kind == new.kind and old.tag == new.tag and depth < _DEEPEST
    if same and old.kind == "mapping":
        yield from _compare_mappings(path, key, old, new, depth)
    elif same and old.kind == "sequence":
        yield from _compare_sequences(path, key, old, new, name, depth)
    else:
        yield _describe_change(path, key, old, new, name)


def _compare_mappings(path: str, key: str, old: Node, new: Node, depth: int) -> Iterator[TreeDifference]:
    before, after = _group_by_key(old), _group_by_key(new)
    for name in (*before, *(name for name in after if name not in before)):
        inner = f"{key}.{format_key(name)}" if key else format_key(name)
        was, now = before.get(name, []), after.get(name, [])
        for index in range(max(len(was), len(now))):
            if index >= len(now):
                yield _describe_one_sided(path, inner, was[index], "is gone", old, name)
            elif index >= len(was):
                yield _describe_one_sided(path, inner, now[index], "is twice" if was else "is new", None, name)
            else:
                yield from _compare_nodes(path, inner, was[index], now[index], name, depth + 1)


def _group_by_key(node: Node) -> dict[str, list[Node]]:
    found: dict[str, list[Node]] = {}
    for key, value in node.pairs:
        found.setdefault(key.text, []).append(value)
    return found


def _compare_sequences(path: str, key: str, old: Node, new: Node, name: str, depth: int) -> Iterator[TreeDifference]:
    def format_place(index: int) -> str:
        return key if ONE_OF in old.tag else "" if LINES in old.tag else f"{key}[{index}]"

    was = [canonicalize(item, name) for item in old.items]
    now = [canonicalize(item, name) for item in new.items]
    for a, b, c, d in _find_changes(was, now):
        paired = min(b - a, d - c)
        for step in range(paired):
            yield from _compare_nodes(
                path, format_place(c + step), old.items[a + step], new.items[c + step], name, depth + 1
            )
        for index in range(a + paired, b):
            yield _describe_one_sided(path, format_place(index), old.items[index], "is gone", old.items[index], name)
        for index in range(c + paired, d):
            yield _describe_one_sided(path, format_place(index), new.items[index], "is new", None, name)


def _find_changes(was: Sequence[object], now: Sequence[object]) -> Iterator[tuple[int, int, int, int]]:
    """Where two lists differ: from and to in each; one difference if they differ in much."""
    start = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    end = 0
    while end < min(len(was), len(now)) - start and was[-1 - end] == now[-1 - end]:
        end += 1
    left, right = was[start : len(was) - end], now[start : len(now) - end]
    if len(left) * len(right) > _MOST_PAIRS:
        yield start, start + len(left), start, start + len(right)
        return
    for what, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what != "equal":
            yield start + a, start + b, start + c, start + d


def _describe_change(path: str, key: str, old: Node, new: Node, name: str) -> TreeDifference:
    was, now, line = format_node(old, name), format_node(new, name), new.line
    if old.kind == new.kind == "scalar" and "\n" in old.text + new.text:
        was, now, line = _find_first_change(old, new, name)
    texts = (old.text, new.text) if old.kind == new.kind == "scalar" else (None, None)
    identity = _compute_identity(path, key, canonicalize(old, name), canonicalize(new, name))
    return TreeDifference(path, key, f"{was} → {now}", line, identity, *texts)


def _find_first_change(old: Node, new: Node, name: str) -> tuple[str, str, int]:
    """The first lines of two scripts that differ, and the location of the new one."""
    was, now = list(iter_code_lines(old.text, comments=False)), list(iter_code_lines(new.text, comments=False))
    for a, b, c, d in _find_changes([line for _, line in was], [line for _, line in now]):
        number = now[c][0] if c < len(now) else 0
        before, after = (
            (redact_text(was[a][1], name) if b > a else "nothing"),
            (redact_text(now[c][1], name) if d > c else "nothing"),
        )
        return before, after, new.line + number + 1 if new.literal else new.line
    return "…", "…", new.line


def _describe_one_sided(path: str, key: str, node: Node, what: str, gone: Node | None, name: str) -> TreeDifference:
    text = format_node(node, name)
    identity = _compute_identity(path, key, what, canonicalize(node, name))
    return TreeDifference(path, key, f"{what}: {text}" if text else what, (gone or node).line, identity)


def _compute_identity(path: str, key: str, *what: object) -> bytes:
    return blake2b(repr((path, key, what)).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def format_node(node: Node, name: str = "") -> str:
    """A value in a few words, with what may be a secret left out."""
    if node.kind == "scalar":
        return redact_text(node.text, name)
    if node.kind == "mapping":
        inner = ", ".join(f"{format_key(key.text)}: {format_node(value, key.text)}" for key, value in node.pairs[:3])
        return _cut("{" + inner + ("…" if len(node.pairs) > 3 else "") + "}")
    inner = ", ".join(format_node(item, name) for item in node.items[:3])
    return _cut("[" + inner + ("…" if len(node.items) > 3 else "") + "]")


def redact_text(text: str, name: str = "") -> str:
    """A short form of a text: words that belong to a call of credguard stay, any other may be a password."""
    line = _USER.sub("//", " ".join(text[:2_000].split()))
    if not line:
        return "nothing"
    pin = _PIN.fullmatch(line)
    if pin and name in ("uses", "image", "repo", ""):
        revision = pin[2][:12] if _HEX.fullmatch(pin[2]) else pin[2][:20]
        return f"{pin[1]}@{revision}"
    return _cut(_WORD.sub(lambda match: _redact_word(match[0], name in _TELLING), line))


def _redact_word(word: str, telling: bool) -> str:
    if word in _KNOWN or _OPTION.fullmatch(word) or not any(map(str.isalnum, word)):
        return word
    if word.startswith("$") and re.fullmatch(r"\$\w{1,40}", word):
        return word
    if telling:
        return word[:12] if _HEX.fullmatch(word) else word if len(word) < 20 else word[:4] + "…"
    return "•••"


def format_key(text: str) -> str:
    """A key, or several joined with dots, as it may be shown."""
    if not _KEY.fullmatch(text):
        return "?"
    return re.sub(r"[\w-]{12,}", lambda match: match[0][:4] + "…" if re.search(r"\d", match[0]) else match[0], text)


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def format_differences(found: Iterable[TreeDifference]) -> str:
    """The differences in one line, the first three of them in detail."""
    every = list(found)
    parts = [f"{one.key}: {one.words}" if one.key else f"{one.path}: {one.words}" for one in every[:3]]
    return "; ".join(parts) + (f"; and {len(every) - 3} more" if len(every) > 3 else "")

"""Adds an exception to a policy file and leaves every other line unchanged."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, PolicyError
from credguard.fixes.edit import detect_line_ending
from credguard.lazy_re import compile_lazily
from credguard.policy import load
from credguard.policy.model import Policy
from credguard.policy.strict_yaml import parse_strict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from credguard.policy.model import Allow
    from credguard.policy.strict_yaml import Value
    from credguard.sources.snapshots import Snapshot

_PLAIN = compile_lazily(r"[A-Za-z](?:[\w .,()/+-]*[\w.)])?")
_NOT_TEXT = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_NUMBER_LIKE = compile_lazily(r"[0-9]+(?:e[0-9]+)?")
_EMPTY = compile_lazily(rb"([ \t]*[\"']?allow[\"']?[ \t]*:)[ \t]*(?:\[[ \t]*\])?[ \t]*(#[^\n]*)?\r?\n?")


@dataclass(frozen=True, slots=True)
class _SnapshotOverlay:
    """A snapshot in which one file has other content."""

    place: Snapshot
    path: str
    data: bytes

    def read(self, path: str) -> bytes | None:
        """As Place says."""
        return self.data if path == self.path else self.place.read(path)

    def read_texts(self, paths: Sequence[str], folders: Sequence[str]) -> dict[str, bytes]:
        """As Place says."""
        return self.place.read_texts(paths, folders)

    def find_executables(self, paths: Sequence[str]) -> frozenset[str]:
        """As Place says."""
        return self.place.find_executables(paths)


def format_allow_entry(entry: Allow) -> list[str]:
    """The entry as the lines of a YAML mapping."""
    values = {
        "rule": entry.rule,
        "fingerprint": f'"{entry.fingerprint}"' if _NUMBER_LIKE.fullmatch(entry.fingerprint) else entry.fingerprint,
        "path": entry.path and json.dumps(entry.path, ensure_ascii=False),
        "reason": _format_scalar(entry.reason),
        "expires": entry.expires.isoformat() if entry.expires else "",
        "by": entry.by and _format_scalar(entry.by),
    }
    return [f"{key}: {value}" for key, value in values.items() if value]


def _format_scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False)


def add_allow_entry(place: Snapshot, path: str, entry: Allow, rules: Mapping[str, str]) -> bytes:
    """The policy file at `path` with one more entry of `allow`, a new file if there is none.

    `rules` are all rules' names by ID. Raises CredguardError if the file's form does not allow adding an entry, and if
    the result would differ in more than the entry.
    """
    before = place.read(path)
    old = load.load_policy(place, path, rules).policy if before is not None else Policy()
    after = (
        _insert_entry(before or b"", path, format_allow_entry(entry))
        if before
        else _format_new_policy(format_allow_entry(entry))
    )
    if after is None:
        raise _build_manual_error(path, entry)
    try:
        new = load.load_policy(_SnapshotOverlay(place, path, after), path, rules).policy
    except PolicyError as error:
        raise CredguardError(f"the entry cannot be written: {error.message}", error.hint) from None
    if not _is_old_with_entry(new, old, entry):
        raise _build_manual_error(path, entry)
    return after


def _is_old_with_entry(new: Policy, old: Policy, entry: Allow) -> bool:
    """True if the policy is the old one with the entry."""
    same = replace(new, allow=()) == replace(old, allow=())
    return same and sorted(map(repr, map(_strip_source, new.allow))) == sorted(
        map(repr, map(_strip_source, (*old.allow, entry)))
    )


def _strip_source(entry: Allow) -> Allow:
    return replace(entry, source=("", 1))


def _build_manual_error(path: str, entry: Allow) -> CredguardError:
    return CredguardError(
        f"{path} has a form to which no entry can be added",
        f"add {{{', '.join(format_allow_entry(entry))}}} to `allow` yourself",
    )


def _format_new_policy(lines: list[str]) -> bytes:
    return b"version: 1\nallow:\n" + _format_item(lines, 0, b"\n")


def _format_item(lines: list[str], indent: int, end: bytes) -> bytes:
    head = " " * indent
    texts = [f"{head}{'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines)]
    return b"".join(text.encode() + end for text in texts)


def _insert_entry(data: bytes, path: str, lines: list[str]) -> bytes | None:
    """The file with the entry; None if its form is not supported."""
    tree, end = parse_strict(data, path), detect_line_ending(data)
    rows = [row if row.endswith((b"\n", b"\r")) else row + end for row in data.splitlines(keepends=True)]
    if tree.kind == "nothing":
        return b"".join([*rows, b"allow:" + end, _format_item(lines, 0, end)])
    if _sign(rows, tree) == b"{":
        return None
    key, value = next((pair for pair in tree.pairs if pair[0].text == "allow"), (None, None))
    if key is None or value is None:
        at = _find_block_end(rows, len(rows), 0, comments=False)
        return b"".join([*rows[:at], b"allow:" + end, _format_item(lines, 0, end), *rows[at:]])
    if value.kind == "list" and value.items and _sign(rows, value) == b"-":
        later = [other.line - 1 for other, _ in tree.pairs if other.line > key.line]
        at, indent = _find_block_end(rows, min([*later, len(rows)]), value.column - 1), value.column - 1
        return b"".join([*rows[:at], _format_item(lines, indent, end), *rows[at:]])
    row = rows[key.line - 1]
    empty = _EMPTY.fullmatch(row) if value.line == key.line or value.kind == "nothing" else None
    if empty is None:
        return None
    rows[key.line - 1] = empty[1] + (b" " + empty[2].rstrip() if empty[2] else b"") + end
    return b"".join([*rows[: key.line], _format_item(lines, key.column - 1, end), *rows[key.line :]])


def _sign(rows: list[bytes], value: Value) -> bytes:
    """The character at which a value begins."""
    row = rows[value.line - 1].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return row[value.column - 1 : value.column].encode()


def _find_block_end(rows: list[bytes], end: int, indent: int, *, comments: bool = True) -> int:
    """The end of a block that ends before the row `end`: before empty lines, the end of the document and, if
    `comments`, the comments on what follows."""
    while end > 0:
        row = rows[end - 1].rstrip()
        text = row.lstrip()
        outer = comments and text.startswith(b"#") and len(row) - len(text) <= indent
        if text and text not in (b"...", b"---") and not outer:
            break
        end -= 1
    return end

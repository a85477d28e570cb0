"""Why git would not ignore a path in every clone: which ignore file, which line, and what is wrong with it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.parsers.utf16 import has_mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.git.repository import IgnoreMatch
    from credguard.sources.worktree import WorkTree

GITIGNORE = ".gitignore"
_MISNAMED = ("gitignore", ".gitignore.txt", "gitignore.txt", ".git-ignore", ".ignore")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Cause:
    """One problem to fix: its file and line, a sentence, and whether deleting the line fixes it."""

    path: str
    line: int
    sentence: str
    delete: bool = False
    everywhere: bool = True
    """False when this machine's own settings do ignore the path."""


@dataclass(slots=True)
class IgnoreRules:
    """The ignore files of a work tree, read once each; `prefix` leads from the repository's root to the tree's."""

    tree: WorkTree
    prefix: str = ""
    hidden: frozenset[str] = frozenset()
    """Ignore files that are ignored themselves and untracked: they exist on this machine only."""
    _attempts: dict[tuple[str, str], Cause | None] = field(default_factory=dict)

    def find_cause(self, path: str, match: IgnoreMatch | None, *, meant: bool = True) -> Cause | None:
        """Why `path` is not ignored in every clone, None if it is; `match` is git's deciding pattern.

        With `meant`, entries that should match it but do not are searched too.
        """
        place = self._resolve_source(match.source) if match else None
        if match is None or (place is None and not match.ignores):
            return (self._find_ineffective(path) if meant else None) or self._explain_missing()
        if place is not None and not match.ignores:
            sentence = f"`{match.pattern}` on line {match.line} of {place} re-includes it"
            return Cause(place, match.line, sentence, delete=True)
        if place is None:
            sentence = f"only {_describe_source(match.source)} ignores it, which is not part of any clone"
        elif place in self.hidden:
            sentence = f"only {place} ignores it, and git ignores that file too, so it is not part of any clone"
        else:
            return None
        return Cause(GITIGNORE, 1, sentence, everywhere=False)

    def _resolve_source(self, source: str) -> str | None:
        """The ignore file's path from the tree's root; None for one that the repository does not share."""
        if os.path.isabs(source) or source.rpartition("/")[2] != GITIGNORE or source.startswith("~"):
            return None
        return os.path.relpath(source, self.prefix).replace(os.sep, "/") if self.prefix else source

    def _find_ineffective(self, path: str) -> Cause | None:
        """The entry that looks as if it should match the path but does not."""
        name = path[path.rfind("/") + 1 :]
        return next(
            (cause for file in self._iter_ignore_files(path) if (cause := self._find_attempt(file, name))), None
        )

    def _find_attempt(self, ignore_file: str, name: str) -> Cause | None:
        """The first line of an ignore file that was meant for a name and does not work."""
        if (ignore_file, name) not in self._attempts:
            data = self.tree.read(ignore_file) or b""
            if has_mark(data):
                cause: Cause | None = Cause(
                    ignore_file, 1, f"{ignore_file} is UTF-16, which git cannot read; save it as UTF-8"
                )
            else:
                cause = _find_first_attempt(ignore_file, data.removeprefix(_BOM).split(b"\n"), name)
            self._attempts[ignore_file, name] = cause
        return self._attempts[ignore_file, name]

    def _explain_missing(self) -> Cause:
        if any(self.tree.read(ignore_file) is not None for ignore_file in self._iter_ignore_files("")):
            return Cause(GITIGNORE, 1, f"no line of {GITIGNORE} matches it")
        misnamed = next((name for name in _MISNAMED if self.tree.read(name) is not None), None)
        named = f"; git does not read {misnamed}" if misnamed else ""
        return Cause(GITIGNORE, 1, f"there is no {GITIGNORE}{named}")

    def _iter_ignore_files(self, path: str) -> Iterator[str]:
        """The ignore files that apply to the path, nearest first."""
        folder = path[: path.rfind("/") + 1]
        while folder:
            yield folder + GITIGNORE
            folder = folder[: folder.rstrip("/").rfind("/") + 1]
        yield GITIGNORE
        depth = self.prefix.rstrip("/").count("/") + 1 if self.prefix else 0
        for up in range(1, depth + 1):
            yield "../" * up + GITIGNORE


def _find_first_attempt(ignore_file: str, lines: list[bytes], name: str) -> Cause | None:
    for number, line in enumerate(lines, 1):
        reason = _explain_mismatch(line, name)
        if reason:
            text = line.decode("utf-8", "surrogateescape").strip()
            return Cause(ignore_file, number, f"`{text}` on line {number} of {ignore_file} {reason}")
    return None


def _describe_source(source: str) -> str:
    if source.endswith("info/exclude"):
        return ".git/info/exclude of this clone"
    return f"your own {os.path.basename(source)} (core.excludesFile)"


_COMMENTED = compile_lazily(rb"#+\s*(?:\*\*/|/)?\.env(?:\*|\.\*|\.[\w.*-]+)?/?\s*")
_MISSPELT = frozenset({b".evn", b".emv", b".nev", b".enve", b"..env", b".ENV", b".Env", b".env.", b".env,"})
_FOLDER_NAMES = frozenset({b"env", b"ENV", b"venv", b".venv"})


def _explain_mismatch(line: bytes, name: str) -> str | None:
    """Why a line that was meant for `name` does not match it, None for a line that was not meant for it.

    git has reported that the line does not match; this only checks whether it looks as if it should.
    """
    line = line.rstrip(b"\r")
    text = line.strip()
    if _COMMENTED.fullmatch(text):
        meant = text.lstrip(b"# \t").removeprefix(b"**/").lstrip(b"/").rstrip(b"/ \t")
        return "is a comment" if _is_match(meant, name) else None
    if not text or text.startswith((b"#", b"!")):
        return None
    bare = re.split(rb"\s+#", text)[0]
    plain = bare.strip(b"\"'`")
    core = plain.replace(b"\\", b"/").removesuffix(b"/**").removesuffix(b"/*").rstrip(b"/").rpartition(b"/")[2]
    if core in _FOLDER_NAMES:
        return None
    if text in _MISSPELT and name == ".env":
        return "does not match `.env`; is it misspelled?"
    if not _is_match(core, name):
        return None
    return _pick_reason(line, text, bare, plain)


def _pick_reason(line: bytes, text: bytes, bare: bytes, plain: bytes) -> str:
    if bare != text:
        return "matches nothing, because git treats the comment after it as part of the name"
    if plain != bare:
        return "matches nothing, because git treats the quotes as part of the name"
    if line != text and not line.startswith(text):
        return "matches nothing, because git treats the leading spaces as part of the name"
    if line.rstrip(b" ") != text:
        return "matches nothing, because git treats the trailing tab as part of the name"
    if b"\\" in text:
        return "matches nothing, because git's separator is `/`"
    if text.startswith((b"./", b"../")):
        return "matches nothing, because a git pattern does not begin with `./`"
    if text.endswith((b"/", b"/*", b"/**")):
        return "matches only a folder"
    return "matches only in another folder" if b"/" in text else "does not match it"


def _is_match(pattern: bytes, name: str) -> bool:
    text = pattern.decode("utf-8", "surrogateescape")
    return len(text) < 60 and text.strip("*.?") != "" and fnmatchcase(name, text)

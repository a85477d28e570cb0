"""The entries of .gitignore that keep files out of git, tested in a scratch repository before they are proposed."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.fixes.edit import Edit, RefusedError, append_lines, find_fix, load_text
from credguard.git.repository import Git
from credguard.lazy_re import compile_lazily
from credguard.rule import Fix
from credguard.sources.env_files import COMMON_NAMES, EnvFileKind, get_folder, list_env_files
from credguard.sources.tracked import format_ignore_line
from credguard.system.compat import encode_path
from credguard.system.scratch import create_scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from credguard.git.repository import IgnoreMatch
    from credguard.model.findings import Finding
    from credguard.sources.worktree import WorkTree

IGNORE_FILE = ".gitignore"
_ROUNDS = 6
_USUAL = (".env", ".env.*", "!.env.example")
_ABOUT_ENV = compile_lazily(r"!(?:.*[/*])?\.?env[^/]*/?", re.IGNORECASE)
_PLAIN = compile_lazily(r"\.env[\w.-]*")
# Ignore rules of this machine do not protect other clones.
_SHARED_ONLY = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.excludesFile", "GIT_CONFIG_VALUE_0": os.devnull,
}  # fmt: skip


@dataclass(slots=True)
class IgnoreFiles:
    """The ignore files of a tree before (`before`) and after the change (`after`)."""

    tree: WorkTree
    before: dict[str, bytes | None] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)

    def read_text(self, path: str) -> bytes:
        """The new content of the file; raises RefusedError for one that must not be changed."""
        if path not in self.before:
            self.before[path] = load_text(self.tree.root, path)
        return self.after.get(path, self.before[path] or b"")

    def add(self, path: str, lines: Iterable[str]) -> None:
        """Adds the missing lines at the end, and after them again those that re-include something."""
        text = self.read_text(path)
        present = text.decode("utf-8", "surrogateescape").splitlines()
        fresh = [line for line in lines if line not in present and not line.startswith("!")]
        spared = [line for line in lines if line.startswith("!") and (fresh or line not in present)]
        if fresh or spared:
            self.after[path] = append_lines(text, [*fresh, *spared])

    def delete(self, path: str, pattern: str, line: int) -> None:
        """Removes the line, if it still has the pattern."""
        lines = self.read_text(path).split(b"\n")
        if line <= len(lines) and lines[line - 1].strip() == encode_path(pattern).strip():
            del lines[line - 1]
            self.after[path] = b"\n".join(lines)

    def build_edits(self) -> list[Edit]:
        """The changes, the root's first."""
        changed = [path for path, text in self.after.items() if text != (self.before[path] or b"")]
        changed.sort(key=lambda path: (path.count("/"), path))
        return [Edit(path, self.before[path], self.after[path]) for path in changed]


def build_gitignore_edits(
    tree: WorkTree, findings: Iterable[Finding], made: Sequence[str]
) -> tuple[list[Edit], list[str]]:
    """The changes of ignore files for these findings, and the paths that git then ignores.

    `made` are examples that will be new: they must not be ignored. Raises RefusedError if an ignore file has to be
    changed by hand, or no known entry helps.
    """
    wanted = _collect_wanted(tree, findings)
    return _build_edits(tree, wanted, made), list(wanted)


def build_env_file_edits(tree: WorkTree, path: str) -> list[Edit]:
    """The changes of ignore files after which git ignores the `.env` at `path`; raises RefusedError as above."""
    return _build_edits(tree, {path: list(_USUAL)}, ())


def _build_edits(tree: WorkTree, wanted: dict[str, list[str]], made: Sequence[str]) -> list[Edit]:
    """The same for the paths that git should ignore, each with the lines to try first, which are then altered."""
    files = IgnoreFiles(tree)
    committed = [
        path
        for path, kind in list_env_files(tree.files)
        if kind in (EnvFileKind.EXAMPLE, EnvFileKind.TEST) and path not in wanted
    ]
    with _open_scratch(tree) as scratch:
        hidden = _find_ignored(scratch, committed)
        for _ in range(_ROUNDS):
            left = _find_unignored(scratch, files, wanted)
            if not left:
                break
            _fix_entries(files, wanted, left)
        else:
            raise RefusedError(f"does not keep {', '.join(left)} out of git: see `git check-ignore -v`")
        fresh = _find_ignored(scratch, [*committed, *made]) - hidden
        if fresh:
            files.add(IGNORE_FILE, dict.fromkeys("!" + _format_line(path) for path in sorted(fresh)))
    return files.build_edits()


def _collect_wanted(tree: WorkTree, findings: Iterable[Finding]) -> dict[str, list[str]]:
    """The paths that git should ignore, each with the lines that its finding proposes."""
    wanted: dict[str, list[str]] = {}
    for finding in findings:
        lines = finding.attributes.get("ignore_lines")
        listed = finding.attributes.get("files") if find_fix(finding) is Fix.IGNORE else None
        for path in listed if isinstance(listed, list) else [finding.locations[0].path]:
            known = [str(line) for line in lines] if isinstance(lines, list) else []
            wanted.setdefault(path, known or [format_ignore_line(path)])
            if find_fix(finding) is Fix.UNTRACK and path.rpartition("/")[2] == COMMON_NAMES[0]:
                # Beside a .env that is no longer committed, the usual names have to be ignored as well.
                for sibling in (get_folder(path) + name for name in COMMON_NAMES):
                    if sibling not in tree.tracked or sibling == path:
                        wanted[sibling] = list(_USUAL)
    return wanted


def _find_unignored(scratch: Git, files: IgnoreFiles, wanted: Iterable[str]) -> dict[str, IgnoreMatch | None]:
    """The paths that would still not be ignored in every clone, and the pattern that decides about each."""
    _lay(scratch, files)
    matches = scratch.check_ignore(wanted)
    return {path: matches.get(path) for path in wanted if path not in matches or not matches[path].ignores}


def _fix_entries(files: IgnoreFiles, wanted: dict[str, list[str]], left: dict[str, IgnoreMatch | None]) -> None:
    """One step: a line that re-includes an env file is removed; after any other that does, and if no line matches, the
    entries are added."""
    named = {one for one in left.values() if one and _ABOUT_ENV.fullmatch(one.pattern)}
    for one in sorted(named, key=lambda match: -match.line):
        files.delete(one.source, one.pattern, one.line)
    if named:
        return
    usual = {path: match for path, match in left.items() if len(wanted[path]) > 1}  # the rest may then need none
    places: dict[str, dict[str, None]] = {}
    for path, match in (usual or left).items():
        place = match.source if match else IGNORE_FILE
        folder = place.removesuffix(IGNORE_FILE)
        lines = [line for line in wanted[path] if not folder or not line.startswith("/")]
        places.setdefault(place, {}).update(dict.fromkeys(lines or [format_ignore_line(path[len(folder) :])]))
        wanted[path] = [format_ignore_line(path)]  # if the usual entries have no effect
    for place, entries in places.items():
        files.add(place, sorted(entries, key=lambda line: line.startswith("!")))


def _find_ignored(scratch: Git, paths: Iterable[str]) -> set[str]:
    return {path for path, match in scratch.check_ignore(paths).items() if match.ignores}


def _format_line(path: str) -> str:
    """The entry for an env file: its name."""
    name = path.rpartition("/")[2]
    return name if _PLAIN.fullmatch(name) else format_ignore_line(path)


def _lay(scratch: Git, files: IgnoreFiles) -> None:
    for path, text in files.after.items():
        _put(scratch.folder, path, text)


@contextmanager
def _open_scratch(tree: WorkTree) -> Iterator[Git]:
    """A repository with only this tree's ignore files."""
    with create_scratch_folder() as own:
        scratch = Git(own, extra=_SHARED_ONLY)
        scratch.run("init", "--quiet", "--template=")
        for path in tree.find_named(IGNORE_FILE):
            if path.rpartition("/")[2] == IGNORE_FILE:
                _put(scratch.folder, path, tree.read(path) or b"")
        yield scratch


def _put(folder: Path, path: str, text: bytes) -> None:
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text)

"""Every git command: plumbing with `-z`, byte paths, and nothing that a repository can configure to run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from credguard.git import cat_file
from credguard.git.layout import Layout, read_layout
from credguard.git.process import GitError, Runner
from credguard.git.spawn import COMMAND
from credguard.system import regular_files
from credguard.system.compat import decode_path, encode_path, find_repository

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path

__all__ = ("FOLDER", "GITLINK", "SYMLINK", "Git", "GitError", "GitSetting", "IgnoreMatch", "IndexEntry", "find_git")

FOLDER = "040000"
GITLINK = "160000"
SYMLINK = "120000"
_NO_HOOKS = COMMAND.index("core.hooksPath=/dev/null")
_WITH_HOOKS = COMMAND[: _NO_HOOKS - 1] + COMMAND[_NO_HOOKS + 1 :]
_MOST_DAMAGED = 100
_LARGEST_LIST = 1 << 27


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One index entry: octal mode, object ID in hex, path relative to the folder."""

    mode: str
    oid: str
    path: str


@dataclass(frozen=True, slots=True)
class GitSetting:
    """One value of a git setting: its scope (`system`, `global`, `local`, `worktree`), its file, and the value."""

    scope: str
    origin: str
    value: str


@dataclass(frozen=True, slots=True)
class IgnoreMatch:
    """The pattern that decides about a path: its location, and whether it ignores or re-includes (`!`)."""

    source: str
    line: int
    pattern: str

    @property
    def ignores(self) -> bool:
        """False for a `!` pattern, which re-includes."""
        return not self.pattern.startswith("!")


class Git(Runner):
    """A repository, accessed from `folder` (its root or any folder inside the work tree)."""

    def find_toplevel(self) -> str:
        """The absolute path of the work tree's root; raises GitError where there is none."""
        return self.layout.toplevel or decode_path(self.run("rev-parse", "--show-toplevel").removesuffix(b"\n"))

    @cached_property
    def layout(self) -> Layout:
        """The locations of its folders; raises GitError."""
        return read_layout(self.folder, self._environment, self.run)

    @property
    def common_dir(self) -> str:
        """The absolute path of the folder of objects and refs, with links resolved; raises GitError."""
        return self.layout.common_dir

    def open_at(self, folder: Path) -> Git:
        """The same repository, accessed from another folder."""
        return Git(folder, extra=self._extra)

    def is_in_work_tree(self) -> bool:
        """False in a bare repository, and inside a `.git` folder, where the hooks of a push run: with GIT_DIR, git
        treats any current folder as the root of a work tree."""
        return self.layout.is_inside and os.path.realpath(self.folder) != self.layout.git_dir

    def read_settings(self, key: str) -> list[GitSetting]:
        """The values of a path setting (`~` expanded), the effective one last; what this program sets for its own calls
        is left out."""
        options = ("-z", "--show-scope", "--show-origin", "--type=path", "--get-all")
        fields = list(_split(self.run("config", *options, key, ok=(0, 1)), keep_empty=True))
        values = [GitSetting(*three) for three in zip(*(iter(fields),) * 3, strict=False)]
        return [setting for setting in values if setting.scope != "command"]

    def find_hooks_path(self) -> str:
        """The folder in which git looks for hooks, according to its settings; raises GitError."""
        return self.find_hook_folders()[0]

    def find_hook_folders(self) -> tuple[str, str]:
        """The same, and the folder of objects and refs, both as git names them."""
        questions = (("--git-path", "hooks"), ("--git-common-dir",))
        words = tuple(word for question in questions for word in question)
        output, _ = self.capture_output("rev-parse", *words, command=_WITH_HOOKS)  # which runs none
        answers = output.split(b"\n")[:-1]
        if len(answers) != len(questions):  # there is a line break in a path
            some = (self.capture_output("rev-parse", *question, command=_WITH_HOOKS) for question in questions)
            answers = [one.removesuffix(b"\n") for one, _ in some]
        return decode_path(answers[0]), decode_path(answers[1])

    def list_tracked(self) -> list[IndexEntry]:
        """The index entries below the folder, each path once."""
        entries: dict[str, IndexEntry] = {}
        for record in _split(self.run("ls-files", "-z", "--stage")):
            head, _, path = record.partition("\t")
            mode, oid, _stage = head.split(" ")
            entries.setdefault(path, IndexEntry(mode, oid, path))
        return list(entries.values())

    def read_tree(self, commit: str) -> dict[str, str]:
        """The object ID of every file of a commit by its path, submodules left out."""
        return {entry.path: entry.oid for entry in self.list_entries(commit) if entry.mode != GITLINK}

    def list_entries(self, tree: str) -> list[IndexEntry]:
        """Every file and submodule of a tree or a commit."""
        records = (record.partition("\t") for record in _split(self.run("ls-tree", "-r", "-z", "--full-tree", tree)))
        return [IndexEntry(words[0], words[2], path) for head, _, path in records if (words := head.split(" "))]

    def list_untracked(self, tracked: Iterable[str] = (), *, ignored: bool = False) -> tuple[list[str], str]:
        """Untracked paths below the folder that are not ignored, or with `ignored` those that are, and git's warning
        about a folder it could not open. `tracked` are known paths there.

        A path that ends in `/` is a nested repository.
        """
        extra = ("--ignored",) if ignored else ()
        self.refuse_ignores(tracked)
        output, warning = self.capture_output("ls-files", "-z", "--others", *extra, "--exclude-standard")
        return list(_split(output)), warning

    def check_ignore(self, paths: Iterable[str], *, index: bool = False) -> dict[str, IgnoreMatch]:
        """The deciding ignore pattern of each path that has one, tracked or not.

        Uses `git check-ignore --verbose --no-index`, so nested files, global excludes, `.git/info/exclude` and
        re-inclusion have git's meaning; `index=True` drops tracked paths.
        """
        # check-ignore takes no pathspec magic, not even `literal`; a leading colon would be some.
        given = {f"./{path}" if path.startswith(":") else path: path for path in paths}
        self.refuse_ignores(given)
        stdin = b"".join(encode_path(path) + b"\0" for path in given)
        extra = () if index else ("--no-index",)
        command = ("--no-literal-pathspecs", "check-ignore", "--verbose", *extra, "-z", "--stdin")
        fields = list(_split(self.run(*command, stdin=stdin, ok=(0, 1)), keep_empty=True))
        groups = zip(*(iter(fields),) * 4, strict=False)
        return {given[path]: IgnoreMatch(source, int(line or 0), pattern) for source, line, pattern, path in groups}

    def resolve_head(self) -> str | None:
        """The commit of HEAD, None on an unborn branch; raises GitError if HEAD is broken."""
        out = self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)).strip()
        if out:
            return out.decode()
        branch = self.run("symbolic-ref", "--quiet", "HEAD").strip()  # fails unless HEAD names a branch
        if self.run("rev-parse", "--verify", "--quiet", decode_path(branch), ok=(0, 1)):
            raise GitError(f"the commit of HEAD is missing in {self.folder}")
        return None  # the branch is unborn

    def resolve_commits(self, oids: Iterable[str]) -> Iterator[str]:
        """The commits of those of the object IDs (tags, commits) that exist and lead to one."""
        asked = "".join(f"{oid}^{{commit}}\n" for oid in oids).encode()
        for line in self.run("cat-file", "--batch-check", stdin=asked).decode().splitlines():
            words = line.split(" ")
            if len(words) == 3 and words[1] == "commit":
                yield words[0]

    def is_ancestor(self, commit: str, of: str) -> bool:
        """True if both exist and one is an ancestor of the other; raises GitError."""
        asked = self.run("rev-list", "--max-count=1", commit, f"^{of}", "--", ok=(0, 128))
        return not asked and set(self.resolve_commits((commit, of))) == {commit, of}

    def compute_empty_tree(self) -> str:
        """The object ID of the tree without entries, in the repository's hash."""
        return self.run("hash-object", "-t", "tree", "--stdin").strip().decode()

    def read_shallow_commits(self) -> set[str]:
        """The commits at which a shallow clone was cut off."""
        try:
            return set(regular_files.read(self.layout.shallow, _LARGEST_LIST).decode("ascii", "replace").split())
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise GitError(f"{self.layout.shallow} could not be read: {error.strerror}", "fix or remove it") from error

    def split(self, output: bytes) -> list[str]:
        """The NUL-terminated fields of an output of `-z`, with bytes that are not UTF-8 as surrogate escapes."""
        return list(_split(output))

    def read_blobs(self, oids: Iterable[str], limit: int) -> Generator[bytes | str, None, None]:
        """The content of each object in turn, or why it cannot be read."""
        return (data for _, data in self.read_objects(oids, limit))

    def read_objects(self, oids: Iterable[str], limit: int) -> Iterator[tuple[str, bytes | str]]:
        """Type and content of each object in turn, or "" and why it cannot be read; one `cat-file --batch`.

        An object over `limit` bytes is skipped in pieces, never kept in memory. git exits at a damaged one and is
        restarted after it. Raises GitError if it does not work at all, or exits too often.
        """
        process = self.start_batch()
        damaged = 0
        try:
            for oid in oids:
                found = cat_file.answer(process, oid, limit)
                if found is None:
                    cat_file.close_reader(process)
                    damaged += 1
                    if damaged > _MOST_DAMAGED:
                        raise GitError(f"git cat-file stopped at object {oid}")
                    self.run("rev-parse", "--git-dir")  # raises if the object is not the cause
                    process = self.start_batch()
                yield found or ("", cat_file.OBJECT_DAMAGED)
        finally:
            cat_file.close_reader(process)


def find_git(path: Path) -> Git | None:
    """The repository whose work tree contains `path`, or None if no parent has a `.git`.

    Settings of the repository to the contrary (`core.bare`, `core.worktree`) do not hide its work tree. Raises GitError
    if there is one that git cannot read.
    """
    whole = os.path.realpath(path)  # as git, whose folder has no links and no name for where it is
    top = find_repository(whole)
    if top is None:
        return None
    repository = Git(path)
    if repository.is_in_work_tree():
        return repository
    if ".git" in whole.split(os.sep):
        return None
    here = Git(path, extra={"GIT_DIR": os.path.join(top, ".git"), "GIT_WORK_TREE": top})
    return here if here.is_in_work_tree() else None


def _split(output: bytes, *, keep_empty: bool = False) -> Iterator[str]:
    for record in output.split(b"\0"):
        if record or keep_empty:
            yield decode_path(record)

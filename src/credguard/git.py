"""Every git process: plumbing with `-z`, byte paths, and nothing that a repository can configure to run."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import IO

# Command-scope settings win over every file a repository or user brings. `safe.directory` is
# safe to lift because none of the plumbing used here runs a configured program.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.untrackedCache=false",
    "color.ui=false",
    "protocol.allow=never",
    "safe.directory=*",
)
_COMMAND = ("git", "--no-pager", "--literal-pathspecs", *(w for s in _SETTINGS for w in ("-c", s)))
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull, "LC_ALL": "C", "GIT_EXTERNAL_DIFF": "",
    "GIT_PAGER": "cat",
}  # fmt: skip
# What a surrounding git (a hook, `git -c`) sets about *its* repository must not leak into others.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
              "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES",
              "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_COMMON_DIR",
              "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_EXTERNAL_DIFF")  # fmt: skip
_NEVER_INHERITED = ("GIT_PREFIX", "GIT_GRAFT_FILE", "GIT_EXTERNAL_DIFF")
GITLINK = "160000"
SYMLINK = "120000"
_PIECE = 1 << 20


class GitError(CredguardError):
    """git could not answer; the run is incomplete, never clean."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint or "run `git fsck` in the repository", ExitCode.INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One index entry: octal mode, object ID in hex, path relative to the folder asked about."""

    mode: str
    oid: str
    path: str


@dataclass(frozen=True, slots=True)
class IgnoreMatch:
    """The pattern that decides about a path: where it stands, and whether it ignores or
    re-includes (`!`)."""

    source: str
    line: int
    pattern: str

    @property
    def ignores(self) -> bool:
        """False for a `!` pattern, which re-includes."""
        return not self.pattern.startswith("!")


class Git:
    """A repository, asked from `folder` (its root or any folder inside the work tree)."""

    def __init__(self, folder: Path, *, inherit: bool = False) -> None:
        """`inherit` keeps what the surrounding git says of its repository (GIT_DIR, GIT_INDEX_FILE,
        quarantined objects): a hook must see what git is about to commit or receive."""
        self.folder = folder
        self._environment = _environment(inherit=inherit)

    def run(self, *args: str, stdin: bytes | None = None, ok: tuple[int, ...] = (0,)) -> bytes:
        """The output of `git args` in the folder; raises GitError unless it exits with one of `ok`."""
        return self._run(*args, stdin=stdin, ok=ok)[0]

    def _run(self, *args: str, stdin: bytes | None = None, ok: tuple[int, ...] = (0,)) -> tuple[bytes, str]:
        """Output, and the first line that git wrote to standard error."""
        try:
            done = subprocess.run(  # noqa: S603 - a fixed argument list, no shell
                [*_COMMAND, *args], cwd=self.folder, env=self._environment, input=stdin or b"", capture_output=True,
                check=False,
            )  # fmt: skip
        except OSError as error:
            raise GitError(f"git could not be started: {error.strerror}", "install git and put it on PATH") from error
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        if done.returncode not in ok:
            raise GitError(f"git {args[0]} failed in {self.folder}: {lines[0] if lines else done.returncode}")
        return done.stdout, lines[0] if lines else ""

    def toplevel(self) -> str:
        """The absolute path of the work tree's root."""
        return os.fsdecode(self.run("rev-parse", "--show-toplevel").rstrip(b"\n"))

    def tracked(self) -> list[Entry]:
        """The index entries below the folder, each path once."""
        entries: dict[str, Entry] = {}
        for record in _split(self.run("ls-files", "-z", "--stage")):
            head, _, path = record.partition("\t")
            mode, oid, _stage = head.split(" ")
            entries.setdefault(path, Entry(mode, oid, path))
        return list(entries.values())

    def tree(self, commit: str) -> dict[str, str]:
        """The object ID of every file of a commit by its path."""
        records = _split(self.run("ls-tree", "-r", "-z", "--full-tree", commit))
        return {path: head.split(" ")[2] for head, _, path in (record.partition("\t") for record in records)}

    def untracked(self, *, ignored: bool = False) -> tuple[list[str], str]:
        """Untracked paths below the folder that are not ignored, or with `ignored` those that are,
        and git's warning about a folder it could not open.

        A path that ends in `/` is a repository of its own.
        """
        extra = ("--ignored",) if ignored else ()
        output, warning = self._run("ls-files", "-z", "--others", *extra, "--exclude-standard")
        return list(_split(output)), warning

    def check_ignore(self, paths: Iterable[str], *, index: bool = False) -> dict[str, IgnoreMatch]:
        """The deciding ignore pattern of each path that has one, tracked or not.

        `git check-ignore --verbose --no-index` is asked, so nested files, global excludes,
        `.git/info/exclude` and re-inclusion count as git counts them; `index=True` drops tracked paths.
        """
        # check-ignore takes no pathspec magic, not even `literal`; a leading colon would be some.
        given = {f"./{path}" if path.startswith(":") else path: path for path in paths}
        stdin = b"".join(os.fsencode(path) + b"\0" for path in given)
        extra = () if index else ("--no-index",)
        command = ("--no-literal-pathspecs", "check-ignore", "--verbose", *extra, "-z", "--stdin")
        fields = list(_split(self.run(*command, stdin=stdin, ok=(0, 1)), keep_empty=True))
        groups = zip(*(iter(fields),) * 4, strict=False)
        return {given[path]: IgnoreMatch(source, int(line or 0), pattern) for source, line, pattern, path in groups}

    def head(self) -> str | None:
        """The commit that HEAD names, None on an unborn branch; raises GitError when HEAD is broken."""
        out = self.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)).strip()
        if out:
            return out.decode()
        self.run("symbolic-ref", "--quiet", "HEAD")  # fails unless HEAD names a branch that has yet to begin
        return None

    def commits_of(self, oids: Iterable[str]) -> Iterator[str]:
        """The commits behind those of the object IDs (tags, commits) that are here and lead to one."""
        asked = "".join(f"{oid}^{{commit}}\n" for oid in oids).encode()
        for line in self.run("cat-file", "--batch-check", stdin=asked).decode().splitlines():
            words = line.split(" ")
            if len(words) == 3 and words[1] == "commit":
                yield words[0]

    def empty_tree(self) -> str:
        """The object ID of the tree without entries, in the repository's hash."""
        return self.run("hash-object", "-t", "tree", "--stdin").strip().decode()

    def shallow_commits(self) -> set[str]:
        """The commits at which a shallow clone was cut off."""
        path = os.fsdecode(self.run("rev-parse", "--git-path", "shallow").rstrip(b"\n"))
        try:
            with open(os.path.join(self.folder, path)) as handle:
                return set(handle.read().split())
        except FileNotFoundError:
            return set()

    def split(self, output: bytes) -> list[str]:
        """The NUL-ended fields of an output of `-z`, bytes that are no UTF-8 as surrogate escapes."""
        return list(_split(output))

    def blobs(self, oids: Iterable[str], limit: int) -> Iterator[bytes | str]:
        """The content of each object in turn, or why it cannot be had."""
        return (data for _, data in self.objects(oids, limit))

    def objects(self, oids: Iterable[str], limit: int) -> Iterator[tuple[str, bytes | str]]:
        """Type and content of each object in turn, or "" and why it cannot be had; one `cat-file --batch`.

        An object over `limit` bytes is passed over in pieces, never held.
        """
        command = [*_COMMAND, "cat-file", "--batch"]
        with subprocess.Popen(  # noqa: S603 - a fixed argument list, no shell
            command, cwd=self.folder, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            assert process.stdin and process.stdout  # noqa: S101 - both are pipes
            try:
                for oid in oids:
                    process.stdin.write(oid.encode() + b"\n")
                    process.stdin.flush()
                    yield _object(process.stdout, oid, limit)
            except BrokenPipeError as error:
                raise GitError("git cat-file stopped answering") from error


def _object(stream: IO[bytes], oid: str, limit: int) -> tuple[str, bytes | str]:
    header = stream.readline().split()
    if len(header) != 3:
        if not header:
            raise GitError(f"git cat-file stopped at object {oid}")
        return "", "its content is missing in the object store; fetch it"
    size = int(header[2])
    if size <= limit:
        data = stream.read(size + 1)
        if len(data) != size + 1:
            raise GitError(f"git cat-file stopped inside object {oid}")
        return header[1].decode(), data[:-1]
    left = size + 1
    while left > 0:
        left -= len(stream.read(min(left, _PIECE))) or left
    return "", f"its {size} bytes are over the limit; raise it with --max-file-size"


def find(path: Path) -> Git | None:
    """The repository whose work tree holds `path`, or None when no `.git` stands above it.

    Raises GitError when there is one that git cannot read.
    """
    if not any((folder / ".git").exists() for folder in (path, *path.parents)):
        return None
    repository = Git(path)
    if repository.run("rev-parse", "--is-inside-work-tree").strip() != b"true":
        return None
    return repository


def _environment(*, inherit: bool) -> dict[str, str]:
    dropped = _NEVER_INHERITED if inherit else _INHERITED
    return {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("GIT_TRACE")} | _ENVIRONMENT


def _split(output: bytes, *, keep_empty: bool = False) -> Iterator[str]:
    for record in output.split(b"\0"):
        if record or keep_empty:
            yield os.fsdecode(record)

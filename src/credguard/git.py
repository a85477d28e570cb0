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
    "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C", "GIT_EXTERNAL_DIFF": "", "GIT_PAGER": "cat",
}  # fmt: skip
# What a surrounding git (a hook, `git -c`) sets about *its* repository must not leak into others.
_INHERITED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
              "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CEILING_DIRECTORIES",
              "GIT_CONFIG", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_COMMON_DIR",
              "GIT_TRACE", "GIT_TRACE2", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_EXTERNAL_DIFF")  # fmt: skip
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *args: str, stdin: bytes | None = None, ok: tuple[int, ...] = (0,)) -> bytes:
        """The output of `git args` in the folder; raises GitError unless it exits with one of `ok`."""
        return self._run(*args, stdin=stdin, ok=ok)[0]

    def _run(self, *args: str, stdin: bytes | None = None, ok: tuple[int, ...] = (0,)) -> tuple[bytes, str]:
        """Output, and the first line that git wrote to standard error."""
        try:
            done = subprocess.run(  # noqa: S603 - a fixed argument list, no shell
                [*_COMMAND, *args], cwd=self.folder, env=_environment(), input=stdin or b"", capture_output=True,
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

    def blobs(self, oids: Iterable[str], limit: int) -> Iterator[bytes | str]:
        """The content of each object in turn, or why it cannot be had; one `cat-file --batch`.

        An object over `limit` bytes is passed over in pieces, never held.
        """
        command = [*_COMMAND, "cat-file", "--batch"]
        with subprocess.Popen(  # noqa: S603 - a fixed argument list, no shell
            command, cwd=self.folder, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            assert process.stdin and process.stdout  # noqa: S101 - both are pipes
            for oid in oids:
                process.stdin.write(oid.encode() + b"\n")
                process.stdin.flush()
                yield _object(process.stdout, oid, limit)
            process.stdin.close()


def _object(stream: IO[bytes], oid: str, limit: int) -> bytes | str:
    header = stream.readline().split()
    if len(header) != 3:
        if not header:
            raise GitError(f"git cat-file stopped at object {oid}")
        return "its content is missing in the object store; fetch it"
    size = int(header[2])
    if size <= limit:
        return stream.read(size + 1)[:-1]
    left = size + 1
    while left > 0:
        left -= len(stream.read(min(left, _PIECE))) or left
    return f"its {size} bytes are over the limit; raise it with --max-file-size"


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


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in _INHERITED} | _ENVIRONMENT


def _split(output: bytes, *, keep_empty: bool = False) -> Iterator[str]:
    for record in output.split(b"\0"):
        if record or keep_empty:
            yield os.fsdecode(record)
